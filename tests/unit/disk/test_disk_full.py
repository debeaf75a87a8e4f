"""A disk without room: told as that, and the log says where, though the system names no file when a write fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import MAX_WAITING, Spool
from mailsuite.errors import DiskFull, Temporary
from mailsuite.offload import Inline
from mailsuite.testing.results import failure_of


def _failing(number: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, Temporary)]
)
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_write_that_fails_says_why_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, kind: type[Temporary]
) -> None:
    path = str(tmp_path / "x")
    monkeypatch.setattr(os, call, _failing(number))
    with pytest.raises(Temporary) as caught:
        RealDisk().write_new(path, [b"octets"])
    assert caught.type is kind
    assert str(caught.value) == f"{path}: {os.strerror(number)}"
    assert not os.path.exists(path)


def test_a_draft_finds_the_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(str(tmp_path), Inline())
    spool.clean()
    draft = spool.draft()
    monkeypatch.setattr(os, "write", _failing(errno.ENOSPC))
    waiting: Deferred[None] | None = None
    for _ in range(20):
        waiting = waiting or draft.write(b"x" * MAX_WAITING)
    failure = failure_of(waiting or draft.body(), DiskFull)
    assert str(tmp_path) in str(failure)
    draft.discard()
