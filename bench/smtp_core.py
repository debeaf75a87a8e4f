"""What one SMTP transaction costs in Python: core and adapter, with a directory and a delivery in memory.

    python -m bench.smtp_core [--messages N] [--size OCTETS] [--runs N] [--profile]

Prints microseconds of processor time a message, for a client that waits for each answer (four deliveries a message)
and for one that pipelines (two: envelope, body).  One session, no sockets; the best of several runs.
Example: ``python -m bench.smtp_core --size 100000 --profile``.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

from twisted.internet.task import Clock

from bench.program import Arguments, profiled
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.policy.checks import Check
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.queue import MemoryQueue, NotedReports
from mailsuite.testing.transport import FakeTransport

ENVELOPE = (b"MAIL FROM:<alice@far.test> SIZE=4096\r\n", b"RCPT TO:<bob@here.test>\r\n", b"DATA\r\n")
STANDARD = standard_checks(1 << 26, 100)


class World:
    """A server whose clients are transports in memory."""

    def __init__(self, checks: Sequence[Check], refuse_early: bool = False, peer: str = "192.0.2.1") -> None:
        clock = Clock()
        people = MemoryDirectory(["here.test"], {"bob@here.test": "secret"})
        numbers = itertools.count(1)
        self._delivery = MemoryDelivery(keep=False)
        self._factory = SMTPServerFactory(
            SMTPSettings("mx.here.test", refuse_early=refuse_early),
            people,
            OrderedPolicy(tuple(checks)),
            self._delivery,
            Login(people, Throttle(clock), clock),
            Admission(10_000, 10_000),
            None,
            clock,
            lambda: f"{next(numbers):x}",
            NotedReports(),
            MemoryQueue(clock),
        )
        self._peer = peer

    def _connect(self) -> FakeTransport:
        transport = FakeTransport(self._peer)
        transport.connect(self._factory.buildProtocol(transport.getPeer()))
        return transport

    def messages(self, count: int, deliveries: Sequence[bytes]) -> float:
        """Seconds of processor time a message, in one session."""
        transport = self._connect()
        receive, take = transport.protocol.dataReceived, transport.take
        receive(b"EHLO client.far.test\r\n")
        start = time.process_time()
        for _ in range(count):
            for data in deliveries:
                receive(data)
                take()
        spent = time.process_time() - start
        if len(self._delivery.commits) != count:
            raise RuntimeError(f"{len(self._delivery.commits)} of {count} messages were taken")
        return spent / count

    def connections(self, count: int) -> float:
        """Seconds of processor time a connection that says EHLO and leaves."""
        start = time.process_time()
        for _ in range(count):
            transport = self._connect()
            transport.protocol.dataReceived(b"EHLO client.far.test\r\n")
            transport.hang_up()
            transport.settle()
        return (time.process_time() - start) / count


def message(size: int) -> bytes:
    """A message of about ``size`` octets with its final dot."""
    line = b"The quick brown fox jumps over the lazy dog and comes back for more.\r\n"
    head = b"From: <alice@far.test>\r\nTo: <bob@here.test>\r\nSubject: bench\r\nMessage-ID: <1@far.test>\r\n\r\n"
    return head + line * (max(size - len(head), 0) // len(line)) + b".\r\n"


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 5000, "messages of a run")
    parser.size(4096, "octets of a message, about")
    parser.count("--runs", 3, "runs, of which the best counts")
    parser.profile()
    asked = parser.parse_args()
    body = message(asked.size)
    ways = {"answer by answer": [*ENVELOPE, body], "pipelined": [b"".join(ENVELOPE), body]}
    for name, deliveries in ways.items():
        best = min(World(STANDARD).messages(asked.messages, deliveries) for _ in range(asked.runs))
        print(f"{name:>16}: {best * 1e6:7.1f} us a message of {len(body)} octets")
    if asked.profile:
        profiled(lambda: World(STANDARD).messages(asked.messages, ways["pipelined"]))


if __name__ == "__main__":
    main()
