"""A runner on a clock of its own, with doubles around it, and what hosts answer."""

from __future__ import annotations

import random

from twisted.internet.task import Clock

from mailsuite.model import (
    Address,
    Delayed,
    Envelope,
    Failed,
    Hop,
    Outcome,
    Recipient,
    Status,
)
from mailsuite.queue.runner import Runner, RunnerSettings
from mailsuite.queue.schedule import Schedule
from mailsuite.testing.courier import ScriptedCourier
from mailsuite.testing.queue import MemoryQueue, NotedReports, TableRouter
from mailsuite.testing.results import result_of

NOW = 1_700_000_000.0
AL = Address("al", "a.test")
BOB, EVE, DAN = Address("bob", "b.test"), Address("eve", "b.test"), Address("dan", "d.test")
MX1, MX2, MXD = Hop("mx1.b.test", ("192.0.2.1",)), Hop("mx2.b.test", ("192.0.2.2",)), Hop("mx.d.test", ("192.0.2.3",))
HEADER = b"Subject: hello\r\n\r\n"


class World:
    def __init__(
        self,
        schedule: Schedule | None = None,
        seed: int = 1,
        queue: type[MemoryQueue] = MemoryQueue,
        **settings: object,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.queue = queue(self.clock, schedule, random.Random(seed))
        self.router = TableRouter({"b.test": (MX1, MX2), "d.test": (MXD,)})
        self.courier = ScriptedCourier()
        self.reports = NotedReports()
        chosen = RunnerSettings(**settings)  # type: ignore[arg-type]
        self.runner = Runner(self.queue, self.router, self.courier, self.reports, self.clock, chosen)

    def add(self, id: str, *recipients: Address, sender: Address = AL) -> None:
        everyone = tuple(map(Recipient, recipients or (BOB,)))
        self.queue.add(Envelope(id, sender, everyone, self.clock.seconds()), HEADER + b"text\r\n")

    def listed(self) -> list[str]:
        return [queued.envelope.id for queued in result_of(self.queue.list())]

    def waiting(self) -> list[Address]:
        return [entry.recipient.address for queued in result_of(self.queue.list()) for entry in queued.pending]

    def hosts(self) -> list[str]:
        return [host for host, _, _ in self.courier.carried]


def later(hop: Hop, recipient: Address) -> Outcome:
    return Delayed(recipient, Status(4, 2, 1), f"{hop.host} said: 450 greylisted", hop.host)


def never(hop: Hop, recipient: Address) -> Outcome:
    return Failed(recipient, Status(5, 1, 1), f"{hop.host} said: 550", hop.host, "550 5.1.1 no such user")
