"""A file that others write: read again when it has changed and lies still, and what it said before until then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from mailsuite import watched
from mailsuite.errors import InvalidName, Temporary
from mailsuite.offload import Inline
from mailsuite.testing.results import failure_of, result_of
from mailsuite.watched import LOOK_AGAIN, SETTLED, Watched, read_once

BEGIN = 1_700_000_000.0


class World:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = BEGIN
        self.read = 0
        self.file = Watched(str(path), self.parse, Inline(), lambda: self.now)

    def parse(self, text: str) -> str:
        self.read += 1
        if text == "bad":
            raise InvalidName("bad")
        return text

    def write(self, text: str) -> None:
        """By another program, now."""
        self.path.write_text(text)
        os.utime(self.path, (self.now, self.now))

    def said(self, after: float = 0.0) -> str:
        self.now += after
        found = self.file.get()
        return result_of(found) if isinstance(found, Deferred) else found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "list")


def test_it_is_read_once_until_it_changes(world: World) -> None:
    world.write("one")
    assert [world.said(60) for _ in range(3)] == ["one"] * 3
    assert world.read == 1
    world.write("two")
    assert world.said(SETTLED + LOOK_AGAIN) == "two"
    assert world.read == 2


def test_a_change_counts_when_it_lies_still(world: World) -> None:
    world.write("one")
    assert world.said() == "one"
    world.now += 100
    world.write("tw")
    assert world.said(SETTLED - 0.5) == "one"
    world.write("two")
    assert world.said(SETTLED - 0.5) == "one"
    assert world.said(LOOK_AGAIN) == "two"


@pytest.mark.parametrize("how", ["bad", "gone", "binary", "large"])
def test_what_makes_no_sense_changes_nothing(world: World, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write("one")
    assert world.said() == "one"
    world.now += 100
    if how == "gone":
        world.path.unlink()
    elif how == "binary":
        world.path.write_bytes(b"\xff\xfe")
    elif how == "large":
        monkeypatch.setattr(watched, "LARGEST", 3)
        world.write("much too large")
    else:
        world.write("bad")
    assert world.said(10) == "one"
    world.write("two")
    monkeypatch.undo()
    assert world.said(10) == "two"


def test_a_file_that_was_never_there_is_told(world: World) -> None:
    found = world.file.get()
    assert isinstance(found, Deferred)
    failure_of(found, Temporary)
    world.write("one")
    assert world.said() == "one"


def test_what_was_read_at_the_start_holds_though_nobody_has_asked_yet(world: World) -> None:
    world.write("one")
    result_of(Deferred.fromCoroutine(read_once([world.file.get])))
    world.now += 60
    world.write("bad")
    assert world.said(after=SETTLED + LOOK_AGAIN) == "one"


def test_a_file_that_cannot_be_read_at_the_start_stops_nothing(world: World) -> None:
    result_of(Deferred.fromCoroutine(read_once([world.file.get])))
    world.write("one")
    assert world.said(after=SETTLED) == "one"
