"""Units whose renames and removals of many files follow: in order, once, and with what was missed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mailsuite.disk import journal_disk, many, promised
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.real import RealDisk
from mailsuite.errors import DiskFull, Temporary
from mailsuite.steps import Append, Put, Renames, Step, Unlinks

NAMES = [str(number) for number in range(5)]
NOTE = b"what was done\n"


class Hand:
    """A placer that does what it is asked, or says that it does not know."""

    def __init__(self, knows: bool) -> None:
        self.asked = 0
        self.knows = knows

    def start(self, base: str, lock: int) -> None:
        self.base = base

    def perform(self, units: Sequence[bytes]) -> bool:
        return False

    def change(self, unit: bytes) -> list[int] | None:
        from mailsuite.disk.placer import change  # noqa: PLC0415 - not before it is asked

        self.asked += 1
        done = change(unit, self.base)
        return done if self.knows else None

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promised, "AT_ONCE", 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mail"
    made.mkdir()
    for name in NAMES:
        (made / name).write_text(name)
    return made


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[JournalDisk]:
    made = opened(tmp_path)
    yield made
    made.close()


def opened(root: Path, hand: Hand | None = None) -> JournalDisk:
    made = JournalDisk(str(root / "queue" / "journal"), 1 << 20, hand)
    made.open(keep=False)
    return made


def killed(disk: JournalDisk) -> None:
    disk._journal.close()
    disk._opened = False


def renames(folder: Path, ends: tuple[str, str] = ("", "x")) -> list[Step]:
    old, new = ([name + end for name in NAMES] for end in ends)
    return [Append(f"{folder.parent}/note", 0, NOTE), Renames(str(folder), str(folder), old, new)]


def removes(folder: Path, end: str) -> list[Step]:
    return [Unlinks(str(folder), [name + end for name in NAMES])]


def there(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_follow_and_notes_do_not(disk: JournalDisk, folder: Path) -> None:
    promise = disk.promise(renames(folder))
    assert (there(folder), promise.done) == (NAMES, False)
    assert (folder.parent / "note").read_bytes() == NOTE
    promise.perform()
    assert (there(folder), promise.done) == ([name + "x" for name in NAMES], True)
    assert {path.name: path.read_text() + "x" for path in folder.iterdir()} == {name: name for name in there(folder)}


def test_what_was_promised_before_is_done_before(disk: JournalDisk, folder: Path) -> None:
    first = disk.promise(renames(folder))
    second = disk.promise(removes(folder, "x"), first)
    second.perform()
    assert (there(folder), first.done, second.missed) == ([], True, frozenset())


def test_only_what_comes_of_all_is_done(disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "2").unlink()
    done: list[str] = []
    renamed, removed = os.rename, os.unlink
    monkeypatch.setattr(many.os, "rename", lambda *names, **at: (done.append("renamed"), renamed(*names, **at)))
    monkeypatch.setattr(many.os, "unlink", lambda name, **at: (done.append(name), removed(name, **at)))
    first = disk.promise(renames(folder))
    back = disk.promise(renames(folder, ("x", "")), first)
    third = disk.promise([Renames(str(folder), str(folder), ["0", "2"], ["0y", "2y"])], back)
    last = disk.promise([Unlinks(str(folder), ["0y", "2y"])], third)
    last.perform()
    assert (there(folder), done) == (["1", "3", "4"], ["0", "2"])
    assert [each.missed for each in (first, back, third, last)] == [frozenset(), frozenset(), {1}, {1}]


def test_steps_about_other_files_are_done_in_their_order(disk: JournalDisk, folder: Path) -> None:
    first = disk.promise(renames(folder))
    second = disk.promise([Renames(str(folder), str(folder), ["1x", "0x"], ["1y", "0y"])], first)
    third = disk.promise([Unlinks(str(folder), ["1y"])], second)
    third.perform()
    assert there(folder) == ["0y", "2x", "3x", "4x"]


def test_what_is_begun_is_done_as_it_was(disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = disk.promise(renames(folder))
    renamed = os.rename

    def full(old: str, new: str, **folders: int) -> None:
        if old == "3":
            raise OSError(errno.ENOSPC, "no space left")
        renamed(old, new, **folders)

    with monkeypatch.context() as patched:
        patched.setattr(many.os, "rename", full)
        with pytest.raises(DiskFull):
            first.perform()
    back = disk.promise(renames(folder, ("x", "")), first)
    assert there(folder) == ["0x", "1x", "2x", "3", "4"]
    back.perform()
    assert (there(folder), first.missed, back.missed) == (NAMES, frozenset(), frozenset())


@pytest.mark.parametrize("hand", [None, Hand(True), Hand(False)])
def test_what_is_missed_is_told_by_its_number_in_the_unit(tmp_path: Path, folder: Path, hand: Hand | None) -> None:
    disk = opened(tmp_path, hand)
    (folder / "3").unlink()
    promise = disk.promise(renames(folder))
    promise.perform()
    assert there(folder) == ["0x", "1x", "2x", "4x"]
    assert 4 in promise.missed, "the note is number 0"
    if hand is None or hand.knows:
        assert promise.missed == {4}
    if hand is not None:
        assert hand.asked == 3
    disk.close()


def test_it_goes_on_where_it_broke_off(disk: JournalDisk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    promise = disk.promise(renames(folder))
    renamed, asked = os.rename, list[str]()

    def full(old: str, new: str, **folders: int) -> None:
        asked.append(old)
        if old == "3" and len(asked) < 6:
            raise OSError(errno.ENOSPC, "no space left")
        renamed(old, new, **folders)

    monkeypatch.setattr(many.os, "rename", full)
    for _ in range(2):
        with pytest.raises(DiskFull):
            promise.perform()
    promise.perform()
    assert asked == ["0", "1", "2", "3", "3", "3", "4"]
    assert (there(folder), promise.missed) == ([name + "x" for name in NAMES], frozenset())


def test_a_checkpoint_keeps_promises(disk: JournalDisk, folder: Path) -> None:
    promise = disk.promise(renames(folder))
    later = disk.promise(removes(folder, "x"), promise)
    disk.checkpoint()
    assert (there(folder), later.done, disk._journal.settled) == ([], True, True)


@pytest.mark.parametrize("done", [0, 1, 2])
def test_the_next_start_keeps_them(disk: JournalDisk, folder: Path, tmp_path: Path, done: int) -> None:
    first = disk.promise(renames(folder))
    second = disk.promise(renames(folder, ("x", "y")), first)
    for each in (first, second)[:done]:
        each.perform()
    killed(disk)
    opened(tmp_path).close()
    assert there(folder) == [name + "y" for name in NAMES]


def test_what_cannot_be_noted_is_not_promised(
    disk: JournalDisk, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(step: Append) -> None:
        raise DiskFull("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(journal_disk, "_append", full)
        with pytest.raises(DiskFull):
            disk.promise(renames(folder)[::-1])
    assert there(folder) == NAMES
    killed(disk)
    opened(tmp_path).close()
    assert there(folder) == NAMES, "nor done by the next start"


def test_nothing_is_promised_where_files_cannot_be_renamed(disk: JournalDisk, folder: Path) -> None:
    disk._problem = lambda folder: Temporary("not ours")  # type: ignore[method-assign]
    with pytest.raises(Temporary):
        disk.promise(renames(folder))
    assert disk._journal.settled


def test_without_a_journal_it_is_done_at_once(folder: Path) -> None:
    (folder / "3").unlink()
    promise = RealDisk().promise([*renames(folder), Put(f"{folder}/z", b"")])
    assert (promise.done, promise.missed, there(folder)) == (True, {4}, ["0x", "1x", "2x", "4x", "z"])
