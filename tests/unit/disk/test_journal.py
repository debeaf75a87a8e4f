"""The journal: what was committed is done after a crash, what was torn is cut, what was damaged stops the start."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from mailsuite.disk import journal as journal_module
from mailsuite.disk import journal_disk
from mailsuite.disk.frames import PAGE, SALT, file_head, frame_parts, padded, read_files, taken
from mailsuite.disk.journal import NAMES
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.errors import Corrupt, DiskFull, Temporary
from mailsuite.steps import Link, Put, Rename, Unlink

SIZE = 64 * 1024


class Site:
    """An installation whose process ends without a word and begins again, with its files lost or not."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "mail").mkdir(parents=True)
        self.disk = self.begin()

    def begin(self) -> JournalDisk:
        self.disk = JournalDisk(str(self.root / "queue" / "journal"), SIZE)
        self.disk.open(keep=False)
        return self.disk

    def crash(self) -> None:
        self.disk._journal.close()

    def path(self, name: str) -> str:
        return str(self.root / "mail" / name)

    def put(self, name: str, data: bytes = b"x") -> None:
        self.disk.commit((Put(self.path(name), data),))

    def lose_files(self) -> None:
        for path in (self.root / "mail").iterdir():
            path.unlink()

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.root / "mail").iterdir()}

    def journal(self, number: int = 0) -> Path:
        return self.root / "queue" / "journal" / NAMES[number]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


def test_what_was_committed_is_done_again(site: Site) -> None:
    site.put("a")
    site.disk.commit((Put(site.path("b"), b"b"), Link(site.path("a"), site.path("c")), Unlink(site.path("a"))))
    site.crash()
    site.lose_files()
    site.begin()
    assert site.files == {"b": b"b", "c": b"x"}


def test_after_a_checkpoint_nothing_is_done_again(site: Site) -> None:
    site.put("a")
    site.disk.checkpoint()
    site.put("b")
    site.crash()
    site.lose_files()
    site.begin()
    assert site.files == {"b": b"x"}


def test_after_an_orderly_stop_and_after_a_recovery_nothing_is_done_again(site: Site) -> None:
    site.put("a")
    site.disk.close()
    site.lose_files()
    site.begin()
    assert site.files == {}
    site.put("b")
    site.crash()
    site.begin()
    site.crash()
    site.lose_files()
    site.begin()
    assert site.files == {}


def test_an_installation_may_be_moved(site: Site) -> None:
    site.put("a")
    site.crash()
    site.lose_files()
    shutil.copytree(site.root, site.root.with_name("moved"))
    moved = Site.__new__(Site)
    moved.root = site.root.with_name("moved")
    moved.begin()
    assert moved.files == {"a": b"x"}
    assert site.files == {}


@pytest.mark.parametrize("rounds", [1, 5])
def test_the_files_are_used_in_turns_for_ever(site: Site, rounds: int) -> None:
    for number in range(rounds * 40):
        site.put(f"n{number}", bytes([number % 256]) * 5000)
        if number % 7 == 0:
            site.disk.checkpoint()
    expected = site.files
    assert len(expected) == rounds * 40
    site.crash()
    site.begin()
    assert site.files == expected
    assert [site.journal(number).stat().st_size for number in (0, 1)] == [SIZE, SIZE]


def test_a_full_journal_makes_its_own_room(site: Site) -> None:
    for number in range(100):
        site.put(f"n{number}", bytes(5000))
    site.crash()
    site.begin()
    assert len(site.files) == 100


def test_a_unit_that_is_larger_than_the_journal_is_refused_and_harms_nothing(site: Site) -> None:
    with pytest.raises(Temporary):
        site.put("large", bytes(SIZE))
    site.put("small")
    assert set(site.files) == {"small"}


# -- damage --------------------------------------------------------------------------------------------------------


def last_frame(site: Site) -> tuple[int, int]:
    """(begin, end) of the second of two frames."""
    before = site.disk._journal._offset
    site.put("last", b"last content" * 20)
    data = site.journal().read_bytes()
    length = int.from_bytes(data[before + 24 : before + 28], "little")
    return before, before + 32 + length


def written(first: int, *payloads: bytes) -> tuple[bytes, int]:
    """A journal's file with a frame of each, numbered from there on, and where the last one begins."""
    salt, data, begin = b"s" * SALT, bytearray(file_head(b"s" * SALT)), 0
    for number, payload in enumerate(payloads, first):
        begin = len(data)
        frame = b"".join(frame_parts(salt, number, first, [payload]))
        data += frame.ljust(padded(taken(payload)), b"\0")
    return bytes(data), begin


@pytest.mark.parametrize("octets", [1, 100, PAGE - 50, PAGE + 300])
@pytest.mark.parametrize("behind", ["nothing", "rubbish", "an older frame"])
def test_of_a_frame_torn_at_any_octet_nothing_is_believed_and_nothing_before_it_is_harmed(
    octets: int, behind: str
) -> None:
    whole, begin = written(100, b"first", b"second" * 900, random.Random(1).randbytes(octets))
    room = len(whole) + 2 * PAGE
    old, _ = written(1, *[b"old" * 1000] * 5)  # from the last time the file was used: smaller numbers
    after = {
        "nothing": bytes(room),
        "rubbish": random.Random(2).randbytes(room),
        "an older frame": old.ljust(room, b"\0"),
    }
    end = begin + len(b"".join(frame_parts(b"s" * SALT, 102, 100, [bytes(octets)])))
    before = read_files({"a": whole[:begin].ljust(room, b"\0")}).frames
    assert [frame.number for frame in before] == [100, 101]
    for cut in range(begin, end):
        if whole[cut:end] != after[behind][cut:end]:  # or else it is whole
            found = read_files({"a": whole[:cut] + after[behind][cut:]})
            assert (found.frames, found.number, found.offset) == (before, 102, begin), cut
    assert len(read_files({"a": whole.ljust(room, b"\0")}).frames) == 3


def test_a_tail_torn_anywhere_is_cut_at_the_start(site: Site) -> None:
    site.put("first")
    begin, end = last_frame(site)
    whole = site.journal().read_bytes()
    site.crash()
    for cut in range(begin, end, 11):
        site.journal().write_bytes(whole[:cut] + bytes(len(whole) - cut))
        site.lose_files()
        site.begin()
        assert site.files == {"first": b"x"}, cut
        site.put("more")
        site.crash()
        site.lose_files()
        site.begin()
        assert set(site.files) <= {"first", "more"}
        site.crash()
        site.journal(1).write_bytes(site.journal(1).read_bytes())


@pytest.mark.parametrize("at", [0, 9, 17, 25, 29, 40, 100, 200])
def test_rubbish_in_the_last_frame_cuts_it(site: Site, at: int) -> None:
    site.put("first")
    begin, _ = last_frame(site)
    site.crash()
    data = bytearray(site.journal().read_bytes())
    data[begin + at] ^= 0x55
    site.journal().write_bytes(data)
    site.lose_files()
    site.begin()
    assert site.files == {"first": b"x"}


@pytest.mark.parametrize("at", [0, 9, 25, 29, 40])
def test_damage_before_the_last_frame_stops_the_start(site: Site, at: int) -> None:
    site.put("first")
    begin, _ = last_frame(site)
    site.crash()
    data = bytearray(site.journal().read_bytes())
    first = begin - PAGE
    data[first + at] ^= 0x55
    site.journal().write_bytes(data)
    with pytest.raises(Corrupt, match=r"0\.journal.*offset.*operations\.md"):
        site.begin()


def test_a_file_that_is_no_journal_stops_the_start(site: Site) -> None:
    site.crash()
    site.journal().write_bytes(b"hello" * 2000)
    with pytest.raises(Corrupt, match=r"not a journal"):
        site.begin()


def test_a_message_that_holds_a_frame_is_not_taken_for_one(site: Site) -> None:
    site.put("inner", b"inner")
    frame = site.journal().read_bytes()[PAGE : 2 * PAGE]
    later = frame[:8] + (99).to_bytes(8, "little") + frame[16:]
    begin = site.disk._journal._offset
    site.put("outer", b"".join((bytes(PAGE - 100), later * 4)))
    site.crash()
    data = bytearray(site.journal().read_bytes())
    data[begin] ^= 1
    site.journal().write_bytes(data)
    site.lose_files()
    site.begin()
    assert set(site.files) <= {"inner", "outer"}


# -- many at once, and a disk that fails -----------------------------------------------------------------------------


def test_those_who_wait_share_one_sync(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[float] = []

    def slow(fd: int) -> None:
        syncs.append(time.monotonic())
        time.sleep(0.05)

    monkeypatch.setattr(journal_module.os, "fdatasync", slow)
    threads = [threading.Thread(target=site.put, args=(f"n{number}",)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(site.files) == 20
    assert 2 <= len(syncs) <= 4


def test_after_a_failed_sync_nothing_more_is_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(fd: int) -> None:
        raise OSError(5, "Input/output error")

    site.put("before")
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "fdatasync", broken)
        with pytest.raises(Temporary):
            site.put("during")
    with pytest.raises(Temporary):
        site.put("after")
    assert set(site.files) == {"before"}
    site.crash()
    site.begin()
    assert set(site.files) == {"before"}, "a restart builds on nothing that may not be on the medium"


def test_it_is_not_closed_while_somebody_writes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the frame could go into whatever file has got the descriptor."""
    inside, go_on = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(fd: int) -> None:
        inside.set()
        assert go_on.wait(10)
        real(fd)

    monkeypatch.setattr(journal_module.os, "fdatasync", slow)
    writing = threading.Thread(target=site.put, args=("a",))
    writing.start()
    assert inside.wait(10)
    closing = threading.Thread(target=site.crash)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive()
    go_on.set()
    for thread in (writing, closing):
        thread.join()
    assert set(site.files) == {"a"}
    with pytest.raises(Temporary):
        site.put("b")


def test_effects_that_fail_are_undone_and_stay_undone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put("x")
    via, gone = site.path("tmp-a"), site.path("none/b")
    with pytest.raises(Temporary):
        site.disk.commit((Put(site.path("a"), b"a", via), Rename(site.path("x"), site.path("y")), Put(gone, b"b")))
    assert site.files == {"x": b"x"}
    site.crash()
    site.begin()
    assert site.files == {"x": b"x"}


def test_checkpoints_come_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.disk.journal_disk.INTERVAL", 0.01)
    disk: Any = JournalDisk(str(tmp_path / "q" / "journal"), SIZE)
    disk.open()
    disk.commit((Put(str(tmp_path / "x"), b"1"),))
    end = time.monotonic() + 5
    while not disk._journal.settled and time.monotonic() < end:
        time.sleep(0.01)
    assert disk._journal.settled
    disk.close()


def test_a_disk_that_stays_full_is_told_once_and_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.disk.journal_disk.INTERVAL", 0.001)
    disk: Any = JournalDisk(str(tmp_path / "q" / "journal"), SIZE)
    answers = iter([None] + [DiskFull("x: no space left")] * 3 + [None] + [DiskFull("x: no space left")] * 2)
    over = threading.Event()

    def checkpoint() -> None:
        answer = next(answers, over)
        if answer is over:
            over.set()
        elif answer is not None:
            raise answer

    monkeypatch.setattr(disk, "checkpoint", checkpoint)
    with capturedLogs() as logged:
        disk.open()
        assert over.wait(10)
        disk.close()
    told = [formatEvent(event) for event in logged if "checkpoint" in formatEvent(event)]
    assert told == ["no checkpoint, tried again every 0.001 s: x: no space left"] * 2


def test_a_link_is_durable_before_the_other_name_goes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put("a")
    site.disk.checkpoint()
    site.disk.commit((Link(site.path("a"), site.path("b")),))
    synced: list[str] = []
    monkeypatch.setattr(site.disk, "sync_folder", synced.append)
    site.disk.commit((Unlink(site.path("a")),))
    assert synced == [os.path.dirname(site.path("b"))]


def test_a_folder_that_goes_during_a_checkpoint_harms_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox is deleted while what was done in it is written."""
    os.mkdir(site.path("box"))
    site.put("box/a")
    real = os.open

    def gone(path: str, flags: int, *rest: Any, **more: Any) -> int:
        if path == site.path("box"):
            shutil.rmtree(path, ignore_errors=True)
        return real(path, flags, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr("mailsuite.disk.journal_disk.os.open", gone)
        site.disk.checkpoint()
    site.put("b")
    assert site.files == {"b": b"x"}


def test_a_checkpoint_covers_what_came_before_it_though_something_older_is_under_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a mailbox that is made after another of its name was removed would get that one's mail after a crash."""
    inside, go_on = threading.Event(), threading.Event()
    real = journal_disk.write_file

    def slow(put: Put) -> None:
        if put.path.endswith("slow"):
            inside.set()
            assert go_on.wait(10)
        real(put)

    monkeypatch.setattr(journal_disk, "write_file", slow)
    older = threading.Thread(target=site.put, args=("slow",))
    older.start()
    assert inside.wait(10)
    site.put("a")
    checkpoint = threading.Thread(target=site.disk.checkpoint)
    checkpoint.start()
    checkpoint.join(0.1)
    go_on.set()
    for thread in (older, checkpoint):
        thread.join()
    site.crash()
    os.unlink(site.path("a"))
    site.begin()
    assert set(site.files) == {"slow"}


def test_a_crash_during_the_recovery_of_a_full_journal_loses_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when both files are needed; the first frame after the start, which is to go where the older ones lie, is
    torn."""

    def killed() -> None:
        raise OSError(4, "killed")

    site.disk._journal.make_room = killed
    written = 0
    with contextlib.suppress(Temporary):
        while True:
            site.put(f"n{written}")
            written += 1
    site.crash()
    real = os.pwrite
    with monkeypatch.context() as patch:

        def torn(fd: int, data: bytes, offset: int) -> int:
            if offset == PAGE:
                real(fd, data[:10], offset)
                raise OSError(5, "the power fails")
            return real(fd, data, offset)

        patch.setattr(journal_module.os, "pwrite", torn)
        with pytest.raises(Temporary):
            site.begin()
    site.crash()
    site.begin()
    assert len(site.files) == written > 20
