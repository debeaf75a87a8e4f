"""The machine that a simulated server runs on (``services.machine``)."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable

from twisted.python.failure import Failure

from mailsuite.disk.findable import examine_files
from mailsuite.disk.journal_disk import INTERVAL, JournalDisk
from mailsuite.disk.summary import summarize_files
from mailsuite.errors import Temporary
from mailsuite.services.machine import Machine
from mailsuite.store.amounts import USUAL, Amounts
from mailsuite.testing.world.clock import Call, HostClock
from mailsuite.testing.world.disks import HostDisk
from mailsuite.testing.world.eyes import SimulatedEyes
from mailsuite.testing.world.offload import SimulatedOffload

#: Octets of a journal file: small, so that it is used up and gone through again.
JOURNAL = 512 * 1024
#: What may be many: nobody here has hundreds of messages.
AMOUNTS = (Amounts(at_once=1, names=1), Amounts(at_once=2, names=1), Amounts(at_once=4, names=4), USUAL)


class ClockedJournal(JournalDisk):
    """Whose checkpoints are made by the host's clock and not by a thread."""

    def __init__(self, folder: str, clock: HostClock, offload: SimulatedOffload) -> None:
        super().__init__(folder, JOURNAL)
        self._clock, self._offload = clock, offload
        self._next: Call | None = None

    def open(self, keep: bool = True) -> int:
        return super().open(keep=False)

    def _end(self, frame: int, touched: Iterable[str]) -> None:
        super()._end(frame, touched)
        if self._next is None and not self._closing:
            self._next = self._clock.callLater(INTERVAL, self._look)

    def _look(self) -> None:
        self._next = None
        if not self._journal.settled:
            self._offload.run(self.checkpoint).addErrback(self._not_now)

    def _not_now(self, failure: Failure) -> None:
        failure.trap(Temporary)
        if self._next is None and not self._closing:
            self._next = self._clock.callLater(INTERVAL, self._look)

    def close(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        super().close()


def simulated_machine(
    clock: HostClock, rng: random.Random, offload: SimulatedOffload, disk: HostDisk, address: str
) -> Machine:
    """``disk`` is where the mail of its server is."""
    return Machine(
        offload=offload,
        disk=lambda folder: ClockedJournal(folder, offload.clock, offload),
        summarize=summarize_files,
        examine=examine_files,
        open_eyes=lambda told: SimulatedEyes(told, disk, offload.clock, random.Random(rng.getrandbits(64))),
        interfaces=lambda: (ipaddress.IPv4Interface(f"{address}/24"), ipaddress.IPv4Interface("127.0.0.1/8")),
        chance=lambda: random.Random(rng.getrandbits(64)),
        now=clock.seconds,
        pid=lambda: 1,
        amounts=rng.choice(AMOUNTS),
    )
