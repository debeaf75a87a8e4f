"""Units that are durable first and done later: once, whoever asks, and as often as it takes."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mailsuite.disk import filesystem, journal_disk
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.errors import DiskFull, Temporary
from mailsuite.steps import Link, Put, Rename, Unlink, Unlinks


class Hand:
    """A placer that does nothing, or a part, and says what it is told to say."""

    def __init__(self, does: int = 0, says: bool = False) -> None:
        self.asked: list[Sequence[bytes]] = []
        self.does = does
        self.says = says

    def start(self, base: str, lock: int) -> None:
        self.base = base

    def perform(self, units: Sequence[bytes]) -> bool:
        from mailsuite.disk.placer import place  # noqa: PLC0415 - not before it is asked

        self.asked.append(units)
        place(units[: self.does], self.base)
        return self.says

    def change(self, unit: bytes) -> list[int] | None:
        return None

    def close(self) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("tmp", "new"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    return tmp_path / "mail"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[JournalDisk]:
    made = JournalDisk(str(tmp_path / "queue" / "journal"), 1 << 20)
    made.open(keep=False)
    yield made
    made.close()


def put(folder: Path, name: str, data: bytes = b"x") -> tuple[Put]:
    return (Put(f"{folder}/new/{name}", data, f"{folder}/tmp/{name}"),)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "new").iterdir())


def test_nothing_is_there_before_it_is_performed(disk: JournalDisk, folder: Path) -> None:
    recorded = disk.record((put(folder, "a"), put(folder, "b")))
    assert (names(folder), recorded.done) == ([], False)
    recorded.perform()
    assert (names(folder), recorded.done) == (["a", "b"], True)


def test_what_was_recorded_is_done_at_the_next_start(disk: JournalDisk, folder: Path, tmp_path: Path) -> None:
    disk.record((put(folder, "a", b"1"),))
    disk._journal.close()
    disk._opened = False
    again = JournalDisk(str(tmp_path / "queue" / "journal"), 1 << 20)
    again.open(keep=False)
    assert (folder / "new" / "a").read_bytes() == b"1"
    again.close()


def test_what_is_forgone_is_not_done(disk: JournalDisk, folder: Path) -> None:
    recorded = disk.record((put(folder / "gone", "a"), put(folder, "b"), put(folder, "c"), put(folder, "d")))
    assert (recorded.forgo(1), recorded.forgo(3)) == (True, True)
    recorded.perform()
    assert names(folder) == ["c"]
    assert not recorded.forgo(2), "too late"


def test_where_nothing_is_left_to_do_nobody_is_asked(tmp_path: Path, folder: Path) -> None:
    hand = Hand(says=True)
    disk = JournalDisk(str(tmp_path / "queue" / "journal"), 1 << 20, hand)
    disk.open(keep=False)
    recorded = disk.record((put(folder, "a"),))
    assert recorded.forgo(0)
    recorded.perform()
    assert (hand.asked, recorded.done) == ([], True)
    disk.close()


def test_what_is_being_done_cannot_be_forgone(disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bool] = []
    recorded = disk.record((put(folder, "a"), put(folder, "b")))
    written = journal_disk.write_file

    def asked_meanwhile(what: Put) -> None:
        thread = threading.Thread(target=lambda: said.append(recorded.forgo(1)))
        thread.start()
        thread.join()
        written(what)

    monkeypatch.setattr(journal_disk, "write_file", asked_meanwhile)
    recorded.perform()
    assert (said, names(folder)) == ([False, False], ["a", "b"])


def test_it_is_done_once_whoever_asks(disk: JournalDisk, folder: Path) -> None:
    recorded = disk.record(tuple(put(folder, str(number)) for number in range(50)))
    threads = [threading.Thread(target=recorded.perform) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (folder / "new" / "7").unlink()
    recorded.perform()
    assert len(names(folder)) == 49


def test_a_full_disk_is_a_matter_of_time(disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = disk.record((put(folder, "a"), put(folder, "b"), put(folder, "c")))
    written = journal_disk.write_file
    asked: list[str] = []

    def full(what: Put) -> None:
        asked.append(what.path[-1])
        if what.path.endswith("b"):
            raise OSError(28, os.strerror(28))
        written(what)

    monkeypatch.setattr(journal_disk, "write_file", full)
    for _ in range(2):
        with pytest.raises(DiskFull):
            recorded.perform()
    assert (names(folder), recorded.done) == (["a", "c"], False)
    with pytest.raises(DiskFull):
        disk.checkpoint()
    monkeypatch.setattr(journal_disk, "write_file", written)
    recorded.perform()
    assert names(folder) == ["a", "b", "c"]
    assert asked == ["a", "b", "c", "b", "b"], "what was done is not done again"


def test_a_folder_that_is_gone_is_made_again(disk: JournalDisk, folder: Path) -> None:
    recorded = disk.record((put(folder, "a"),))
    shutil.rmtree(folder)
    recorded.perform()
    assert names(folder) == ["a"]


@pytest.mark.parametrize("does", [0, 1, 2])
def test_what_a_placer_leaves_is_done_here(folder: Path, tmp_path: Path, does: int) -> None:
    hand = Hand(does)
    disk = JournalDisk(str(tmp_path / "queue" / "journal"), 1 << 20, placer=hand)
    disk.open(keep=False)
    (folder / "old").write_bytes(b"3")
    unit = (*put(folder, "a"), Link(f"{folder}/new/a", f"{folder}/new/b"), Rename(f"{folder}/old", f"{folder}/new/c"))
    recorded = disk.record((unit, put(folder, "d")))
    recorded.perform()
    assert len(hand.asked) == 1
    assert names(folder) == ["a", "b", "c", "d"]
    assert (folder / "new" / "a").samefile(folder / "new" / "b")
    disk.close()


def test_a_full_journal_makes_its_own_room(disk: JournalDisk, folder: Path) -> None:
    """Nobody else may be there to perform: all threads could be waiting for the journal."""
    recorded = [disk.record((put(folder, str(number), b"x" * 100_000),)) for number in range(30)]
    assert all(each.errors == [None] for each in recorded)
    assert sum(each.done for each in recorded) >= 10
    disk.checkpoint()
    assert len(names(folder)) == 30


@pytest.mark.parametrize("commit", [JournalDisk.commit, lambda disk, unit: disk.record((unit,)).perform()])
def test_effects_are_synced_though_a_checkpoint_came_between(
    disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch, commit: Callable[..., object]
) -> None:
    """A checkpoint before the effect must not take the folder off the list of those to be synced."""
    synced: list[int] = []
    real = filesystem.syncfs
    monkeypatch.setattr(journal_disk, "syncfs", lambda fd: (synced.append(fd), real(fd)))
    written = journal_disk.write_file
    monkeypatch.setattr(journal_disk, "write_file", lambda what: (disk._write_effects(), written(what)))
    commit(disk, put(folder, "a"))
    before = len(synced)
    disk.checkpoint()
    assert len(synced) > before


def test_nothing_is_promised_without_room(disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message is durable in the journal, but its file needs room, too."""
    there = os.statvfs(folder)
    left = (*there[:4], (2 << 20) // there.f_frsize - 1, *there[5:])
    with monkeypatch.context() as patch:
        patch.setattr("mailsuite.disk.journal_disk.os.statvfs", lambda _: os.statvfs_result(left))
        recorded = disk.record((put(folder, "a"), put(folder, "b")))
    assert [type(error) for error in recorded.errors] == [DiskFull, DiskFull]
    recorded.perform()
    assert names(folder) == []
    disk.record((put(folder, "c"),)).perform()
    assert names(folder) == ["c"]


def test_what_is_removed_needs_no_room(disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a queue on a full disk drains, and what was sent is not sent again after a crash."""
    for name in ("a", "b", "c"):
        disk.commit(put(folder, name))
    there = os.statvfs(folder)
    with monkeypatch.context() as patch:
        patch.setattr(
            "mailsuite.disk.journal_disk.os.statvfs", lambda _: os.statvfs_result((*there[:3], 0, 0, *there[5:]))
        )
        units = (
            (Unlink(f"{folder}/new/a"),),
            (Unlink(f"{folder}/new/b"), *put(folder, "d")),
            (Unlinks(f"{folder}/new", ("c",)),),
        )
        recorded = disk.record(units)
    assert [type(error) for error in recorded.errors] == [type(None), DiskFull, type(None)]
    recorded.perform()
    assert names(folder) == ["b"]


def test_the_files_own_file_system_must_have_room(
    disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail may lie on another one than the journal; octets are not all that can run out."""
    real = os.statvfs
    there = real(folder)
    for full in ((*there[:4], 0, *there[5:]), (*there[:5], 1 << 20, 0, 0, *there[8:])):
        with monkeypatch.context() as patch:
            left = os.statvfs_result(full)
            patch.setattr(
                "mailsuite.disk.journal_disk.os.statvfs", lambda at, left=left: left if "mail" in at else real(at)
            )
            assert [type(error) for error in disk.record((put(folder, "a"),)).errors] == [DiskFull]


def test_a_disk_that_cannot_say_what_room_it_has_refuses(
    disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("mailsuite.disk.journal_disk.os.statvfs", broken)
    assert [type(error) for error in disk.record((put(folder, "a"),)).errors] == [Temporary]


@pytest.mark.parametrize("large", [False, True])
def test_who_comes_second_gets_the_message_though_the_first_has_taken_it_away(
    disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    """There is no room for the second name at once, and meanwhile a session or another program finds the first."""
    (folder / "second").mkdir()
    if large:
        (folder / "tmp" / "a").write_bytes(b"x")
        first: tuple[Put | Rename, ...] = (Rename(f"{folder}/tmp/a", f"{folder}/new/a"),)
    else:
        first = put(folder, "a")
    links = (Link(f"{folder}/new/a", f"{folder}/second/b"), Link(f"{folder}/second/b", f"{folder}/second/c"))
    recorded = disk.record([(*first, *links)])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr("mailsuite.disk.real.os.link", full)
        patch.setattr("mailsuite.disk.applying.Applied._copy", full)
        with pytest.raises(OSError, match="No space"):
            recorded.perform()
    for found in (folder / "new").iterdir():
        found.unlink()
    recorded.perform()
    assert {path.name: path.read_bytes() for path in (folder / "second").iterdir()} == {"b": b"x", "c": b"x"}


def test_a_folder_of_a_second_name_that_is_gone_is_made_again(disk: JournalDisk, folder: Path) -> None:
    recorded = disk.record([(*put(folder, "a"), Link(f"{folder}/new/a", f"{folder}/second/b"))])
    recorded.perform()
    assert (folder / "second" / "b").read_bytes() == b"x"


def test_a_large_message_outlives_its_first_name_when_the_power_fails(
    disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first name goes for good only when the second one is on the medium."""
    (folder / "second").mkdir()
    (folder / "tmp" / "a").write_bytes(b"x")
    unit = (Rename(f"{folder}/tmp/a", f"{folder}/new/a"), Link(f"{folder}/new/a", f"{folder}/second/b"))
    disk.record([unit]).perform()
    synced: list[str] = []
    monkeypatch.setattr(disk, "sync_folder", synced.append)
    disk.commit((Unlink(f"{folder}/new/a"),))
    assert synced == [f"{folder}/second"]


def test_a_folder_that_takes_no_files_concerns_its_own_messages(
    disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has put back a mailbox and forgotten to whom it belongs."""
    (folder / "foreign").mkdir()
    monkeypatch.setattr("mailsuite.disk.journal_disk.os.access", lambda path, _: not path.endswith("foreign"))
    recorded = disk.record((put(folder, "a"), (Put(f"{folder}/foreign/b", b"x"),), put(folder, "c")))
    assert [type(error) for error in recorded.errors] == [type(None), Temporary, type(None)]
    recorded.perform()
    assert names(folder) == ["a", "c"]


def test_a_file_in_the_place_of_a_folder_breaks_nothing(disk: JournalDisk, folder: Path) -> None:
    """What another program did to one mailbox must not stop the journal."""
    recorded = disk.record((put(folder, "a"), put(folder.parent / "other", "b")))
    (folder.parent / "other").write_bytes(b"")
    small = [disk.record((put(folder, f"{number}", bytes(100_000)),)) for number in range(25)]
    assert names(folder)[-1] == "a"
    assert [type(error) for each in small[-3:] for error in each.errors] == [Temporary] * 3
    (folder.parent / "other").unlink()
    recorded.perform()
    disk.checkpoint()
    assert (folder.parent / "other" / "new" / "b").read_bytes() == b"x"
    assert disk.record((put(folder, "z"),)).errors == [None]


def test_a_checkpoint_that_finds_no_descriptor_is_made_later(
    disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is amiss with what was written: the journal goes on, unlike after a failed ``syncfs``."""
    disk.commit(put(folder, "a"))
    synced: list[int] = []
    real = filesystem.syncfs
    monkeypatch.setattr(journal_disk, "syncfs", lambda fd: (synced.append(fd), real(fd)))

    def none_left(_: str) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(journal_disk, "_open_nearest", none_left)
        with pytest.raises(Temporary):
            disk.checkpoint()
    assert not synced
    disk.commit(put(folder, "b"))
    disk.checkpoint()
    assert synced
    assert disk._journal.settled


def test_a_checkpoint_that_fails_is_the_end(disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk.commit(put(folder, "a"))
    with monkeypatch.context() as patch:
        patch.setattr(journal_disk, "syncfs", broken)
        with pytest.raises(Temporary):
            disk.checkpoint()
    with pytest.raises(Temporary, match="takes nothing"):
        disk.commit(put(folder, "b"))
    disk._journal.close()
    disk._opened = False
