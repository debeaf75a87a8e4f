"""A batch of messages and of removals: what is refused of one harms no other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.placement import record_all
from mailsuite.errors import Temporary
from mailsuite.steps import Put, Unlinks


class Box:
    """A place that is always free."""

    name = "box"

    def locked(self, patience: float = -1) -> AbstractContextManager[None]:
        return nullcontext()

    def expect(self, placements: Sequence[Any], recorded: object) -> None:
        pass

    def publish(self) -> None:
        pass


class Letter:
    """One small file."""

    def __init__(self, path: str) -> None:
        self.holder = Box()
        self._path = path

    def prepare(self) -> None:
        pass

    def reserve(self) -> None:
        pass

    def steps(self) -> list[Put]:
        return [Put(self._path, b"mail")]

    def undo(self) -> None:
        pass


def test_a_removal_that_is_refused_harms_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "box").mkdir()
    disk = JournalDisk(str(tmp_path / "x" / "journal"), 1 << 20)
    disk.open(keep=False)
    problem = disk._problem
    monkeypatch.setattr(
        disk, "_problem", lambda folder: Temporary("not ours") if "queue" in folder else problem(folder)
    )
    over = [(Unlinks(str(tmp_path / "queue"), ["a"]),)]
    placed = record_all(disk, [[Letter(str(tmp_path / "box" / "m"))]], over=over)
    assert placed.errors == [None]
    assert [type(error) for error in placed.over] == [Temporary]
    placed.finish()
    assert (tmp_path / "box" / "m").read_bytes() == b"mail"
    disk.close()
