"""A queue on a disk in memory whose writes are done one by one, when a test says so, and fail if it says so."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite.disk.placement import place
from mailsuite.disk.spool import Content
from mailsuite.errors import Temporary
from mailsuite.model import Address, Delayed, Envelope, Queued, Recipient, Status
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.file import State, state_of
from mailsuite.queue.schedule import HOUR, Schedule
from mailsuite.testing.disk import MemoryDisk
from mailsuite.testing.results import result_of

NOW = 1_700_000_000.0
BOB, EVE = Address("bob", "b.test"), Address("eve", "c.test")
FULL = Temporary("no space left")


class Jobs(Inline):
    """Each waits for ``World.write``, but while ``at_once``."""

    at_once = True

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        if self.at_once:
            return super().run(work, *args, **kwargs)
        answer: Deferred[Any] = Deferred()
        self.waiting.append(lambda: Inline.run(self, work, *args, **kwargs).chainDeferred(answer))
        return answer


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.disk = MemoryDisk()
        self.jobs = Jobs()
        self.queue = self.started()

    def started(self) -> DiskQueue:
        """A process that finds what is on the disk now."""
        schedule = Schedule(waits=(HOUR,), jitter=0.0)
        queue = DiskQueue("/queue", self.disk, self.jobs, self.clock, schedule, random.Random(1))
        result_of(queue.load(sweep=False))
        return queue

    def add(self, *ids: str) -> None:
        for id in ids:
            envelope = Envelope(id, Address("al", "a.test"), (Recipient(BOB), Recipient(EVE)), self.clock.seconds())
            placement = self.queue.placement(envelope, b"", Content(b"x\n", "", 2, 3))
            place(self.disk, [placement])
            self.queue.arrived(placement)

    def lease(self) -> list[str]:
        return [one.envelope.id for one in result_of(self.queue.lease(10_000))]

    def one(self, id: str, queue: DiskQueue | None = None) -> Queued:
        (found,) = [one for one in result_of((queue or self.queue).list()) if one.envelope.id == id]
        return found

    def known(self, queue: DiskQueue | None = None) -> dict[str, State]:
        """What this process knows, as far as it is kept."""
        return {one.envelope.id: state_of(one) for one in result_of((queue or self.queue).list())}

    def write(self, fails: bool = False) -> None:
        """Do the next batch of writes; if it fails, the first of them does."""
        if fails:
            self.disk.fail("replace", FULL)
            self.disk.fail("unlink", FULL)
        self.jobs.waiting.pop(0)()
        self.disk._faults.clear()

    def write_all(self) -> None:
        while self.jobs.waiting:
            self.write()

    @property
    def orphans(self) -> set[str]:
        return set(self.disk.list_folder("/queue/state")) - set(self.disk.list_folder("/queue/messages"))


def delayed(address: Address) -> Delayed:
    return Delayed(address, Status(4, 2, 1), "try later", "mx.b.test")
