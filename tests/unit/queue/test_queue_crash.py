"""A crash between any two steps on disk: what was accepted is attempted again, what was decided may be repeated."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from typing import Any

import pytest
from twisted.internet.task import Clock

from mailsuite.disk.applying import commit_directly, error_of
from mailsuite.disk.placement import place
from mailsuite.disk.recorded import Recorded
from mailsuite.disk.spool import Content
from mailsuite.model import Address, Delayed, Delivered, Envelope, Recipient, Status
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.testing.disk import MemoryDisk
from mailsuite.testing.results import result_of

BOB, EVE = Address("bob", "b.test"), Address("eve", "c.test")
LF = b"Subject: x\n\ny\n"
WRITING = ("write_new", "replace", "rename", "unlink", "sync_folder")


class Crash(BaseException):
    """The power goes; no ``except Exception`` may catch it."""


class CrashingDisk:
    """A disk that loses power before its ``last``-th writing call."""

    def __init__(self, disk: MemoryDisk, last: int) -> None:
        self._disk = disk
        self._left = last

    def __getattr__(self, name: str) -> Any:
        if name == "commit":
            return functools.partial(commit_directly, self)
        if name == "record":
            return lambda units: Recorded([error_of(self.commit, unit) for unit in units])
        call = getattr(self._disk, name)
        if name not in WRITING:
            return call

        def counted(*args: object, **kwargs: object) -> object:
            self._left -= 1
            if self._left < 0:
                raise Crash
            return call(*args, **kwargs)

        return counted


def start(disk: object, clock: Clock) -> DiskQueue:
    queue = DiskQueue("/queue", disk, Inline(), clock, rng=random.Random(1))  # type: ignore[arg-type]
    result_of(queue.load())
    return queue


def live(queue: DiskQueue, clock: Clock, said: list[str]) -> None:
    """Two messages come; one recipient after the other is served.  ``said`` notes what others were promised."""
    for id in ("m1", "m2"):
        envelope = Envelope(id, Address("al", "a.test"), (Recipient(BOB), Recipient(EVE)), clock.seconds())
        placement = queue.placement(envelope, b"", Content(LF, "", len(LF), len(LF) + 3))
        try:
            place(queue._disk, [placement])
        except Crash:
            placement.undo = lambda: None  # type: ignore[method-assign]
            raise
        queue.arrived(placement)
        said.append(f"accepted {id}")
    for outcome in (Delivered(BOB, "mx", "250"), Delivered(EVE, "mx", "250")):
        for queued in result_of(queue.lease(10)):
            id = queued.envelope.id
            others = [one for one in (BOB, EVE) if one != outcome.recipient]
            rest = [Delayed(one, Status(4, 0, 0), "later") for one in others if one == EVE]
            said.append(f"began {id} {outcome.recipient}")
            result_of(queue.settle(id, [outcome, *rest]))
            said.append(f"settled {id} {outcome.recipient}")
        clock.advance(3600)


def waiting(queue: DiskQueue) -> dict[str, Sequence[Address]]:
    return {
        queued.envelope.id: [entry.recipient.address for entry in queued.pending] for queued in result_of(queue.list())
    }


@pytest.mark.parametrize("last", range(40))
def test_a_crash_loses_nothing_that_was_accepted_and_repeats_little(last: int) -> None:
    disk, clock = MemoryDisk(), Clock()
    start(disk, clock)
    said: list[str] = []
    try:
        live(start(CrashingDisk(disk, last), clock), clock, said)
    except Crash:
        pass
    else:
        assert last > 12, "the crash came too late to try anything"
        assert waiting(start(disk, clock)) == {}
        return
    after = waiting(start(disk, clock))
    for id in ("m1", "m2"):
        for recipient in (BOB, EVE):
            there = recipient in after.get(id, ())
            if f"settled {id} {recipient}" in said:
                assert not there, "what is settled is not repeated"
            elif f"accepted {id}" in said and f"began {id} {recipient}" not in said:
                assert there, "what was accepted is not lost"
    assert not disk.list_folder("/queue/tmp")
    assert set(disk.list_folder("/queue/state")) <= set(after)
