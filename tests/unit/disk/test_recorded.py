"""Units that are durable first and done later: once, whoever asks, and as often as it takes."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mailsuite.disk import filesystem, journal_disk
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.errors import DiskFull
from mailsuite.steps import Link, Put, Rename


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
    assert (names(folder), recorded.done) == (["a"], False)
    with pytest.raises(DiskFull):
        disk.checkpoint()
    monkeypatch.setattr(journal_disk, "write_file", written)
    recorded.perform()
    assert names(folder) == ["a", "b", "c"]
    assert asked == ["a", "b", "b", "b"], "what was done is not done again"


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
