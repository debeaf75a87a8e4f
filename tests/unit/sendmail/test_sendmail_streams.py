"""Standard streams that nobody reads, that are full, or closed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import pytest

from mailsuite.sendmail import streams
from mailsuite.sendmail.exits import Exit, Stop


@contextlib.contextmanager
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output and error are pipes whose readers have left."""
    with contextlib.ExitStack() as made:
        for name in ("stdout", "stderr"):
            reading, writing = os.pipe()
            os.close(reading)
            monkeypatch.setattr(sys, name, made.enter_context(os.fdopen(writing, "w")))
        yield


def test_what_nobody_reads_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with unread(monkeypatch):
        for _ in range(2):
            streams.show("a line")
            streams.tell("a line")
        sys.stdout.write("of others")
        streams.flush()


def test_list_that_nobody_reads_ends_the_program_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with unread(monkeypatch), pytest.raises(Stop) as stopped:
        streams.put("a list")
    assert (stopped.value.status, str(stopped.value)) == (Exit.IOERR, "")


def test_list_that_cannot_be_written_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(Stop) as stopped:
            streams.put("a list")
    assert (stopped.value.status, str(stopped.value)) == (Exit.IOERR, "standard output: No space left on device")
