"""What the kernel tells of folders."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from mailsuite.disk.inotify import Ended, Inotify, Lost, Moved, events


def raw(number: int, mask: int, name: bytes = b"") -> bytes:
    padded = name + b"\0" * (16 - len(name) % 16) if name else b""
    return struct.pack("=iIII", number, mask, 0, len(padded)) + padded


def test_events_are_understood_in_their_order() -> None:
    octets = raw(1, 0x80, b"a") + raw(2, 0x100, b"b" * 40) + raw(1, 0x40, b"a") + raw(3, 0x200, b"c\xff")
    octets += raw(-1, 0x4000) + raw(1, 0x8000) + raw(2, 0x2000) + raw(2, 0x4, b"x")
    assert events(octets) == [
        Moved(1, "a", True), Moved(2, "b" * 40, True), Moved(1, "a", False), Moved(3, os.fsdecode(b"c\xff"), False),
        Lost(), Ended(1), Ended(2),
    ]  # fmt: skip
    assert events(b"") == []


class Readers:
    """The part of a reactor that is needed."""

    def __init__(self) -> None:
        self.readers: set[Any] = set()
        self.addReader = self.readers.add
        self.removeReader = self.readers.discard


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def eyes(told: list[Any]) -> Inotify:
    return Inotify(Readers(), told.append)


def test_who_catches_up_is_told_all_that_happened_however_much(tmp_path: Path, eyes: Inotify, told: list[Any]) -> None:
    number = eyes.watch(str(tmp_path))
    for count in range(2000):
        (tmp_path / f"{count:0100}").touch()
    eyes.catch_up()
    assert len(told) == 2000
    assert told[-1] == Moved(number, f"{1999:0100}", True)


def test_names_that_appear_and_leave_are_told(tmp_path: Path, eyes: Inotify, told: list[Any]) -> None:
    number = eyes.watch(str(tmp_path))
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"more")
    (tmp_path / "b").unlink()
    eyes.doRead()
    assert told == [Moved(number, *each) for each in (("a", True), ("a", False), ("b", True), ("b", False))]
    eyes.doRead()  # nothing is there: no harm


def test_a_folder_that_is_removed_ends(tmp_path: Path, eyes: Inotify, told: list[Any]) -> None:
    (tmp_path / "x").mkdir()
    number = eyes.watch(str(tmp_path / "x"))
    (tmp_path / "x").rmdir()
    eyes.doRead()
    assert told == [Ended(number)]


def test_what_was_forgotten_tells_nothing_more(tmp_path: Path, eyes: Inotify, told: list[Any]) -> None:
    number = eyes.watch(str(tmp_path))
    eyes.forget(number)
    eyes.forget(number)
    (tmp_path / "a").touch()
    eyes.doRead()
    assert told == [Ended(number)]


def test_only_folders_that_are_there_can_be_watched(tmp_path: Path, eyes: Inotify) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError):
        eyes.watch(str(tmp_path / "nothing"))
    with pytest.raises(NotADirectoryError):
        eyes.watch(str(tmp_path / "file"))


def test_it_reads_until_it_is_closed() -> None:
    readers = Readers()
    eyes = Inotify(readers, lambda event: None)
    fd = eyes.fileno()
    assert readers.readers == {eyes}
    eyes.close()
    eyes.close()
    assert readers.readers == set()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_listener_that_breaks_keeps_nobody_from_hearing(tmp_path: Path) -> None:
    told: list[Any] = []

    def listen(event: Any) -> None:
        told.append(event)
        if len(told) == 1:
            raise ValueError

    eyes = Inotify(Readers(), listen)
    eyes.watch(str(tmp_path))
    for name in "ab":
        (tmp_path / name).touch()
    eyes.doRead()
    assert [event.name for event in told] == ["a", "b"]
