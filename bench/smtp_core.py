"""What one SMTP transaction costs in Python: core and adapter, with a directory and a delivery in memory.

    python bench/smtp_core.py [--messages N] [--size OCTETS] [--profile]

Prints microseconds of processor time a message, for a client that waits for each answer (five deliveries a message)
and for one that pipelines (two: envelope, body).  One session, no sockets; the best of three runs.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import pstats
import time

from twisted.internet.task import Clock

from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.queue import MemoryQueue, NotedReports
from mailsuite.testing.transport import FakeTransport

ENVELOPE = (b"MAIL FROM:<alice@far.test> SIZE=4096\r\n", b"RCPT TO:<bob@here.test>\r\n", b"DATA\r\n")


class Session:
    """A server connection over a transport in memory."""

    def __init__(self) -> None:
        clock = Clock()
        directory = MemoryDirectory(["here.test"], {"bob@here.test": "secret"})
        self.delivery = MemoryDelivery(keep=False)
        numbers = itertools.count(1)
        factory = SMTPServerFactory(
            SMTPSettings("mx.here.test"),
            directory,
            OrderedPolicy(standard_checks(1 << 26, 100)),
            self.delivery,
            Login(directory, Throttle(clock), clock),
            Admission(10, 10),
            None,
            clock,
            lambda: f"{next(numbers):x}",
            NotedReports(),
            MemoryQueue(clock),
        )
        self.transport = FakeTransport()
        self.protocol = factory.buildProtocol(self.transport.getPeer())
        self.transport.connect(self.protocol)
        self.protocol.dataReceived(b"EHLO client.far.test\r\n")

    def run(self, messages: int, deliveries: list[bytes]) -> float:
        """Seconds of processor time a message."""
        receive, take = self.protocol.dataReceived, self.transport.take
        start = time.process_time()
        for _ in range(messages):
            for data in deliveries:
                receive(data)
                take()
        spent = time.process_time() - start
        assert len(self.delivery.commits) == messages, self.transport.take()
        return spent / messages


def message(size: int) -> bytes:
    """A message of about ``size`` octets with its final dot."""
    line = b"The quick brown fox jumps over the lazy dog and comes back for more.\r\n"
    head = b"From: <alice@far.test>\r\nTo: <bob@here.test>\r\nSubject: bench\r\nMessage-ID: <1@far.test>\r\n\r\n"
    return head + line * (max(size - len(head), 0) // len(line)) + b".\r\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    body = message(options.size)
    ways = {"answer by answer": [*ENVELOPE, body], "pipelined": [b"".join(ENVELOPE), body]}
    for name, deliveries in ways.items():
        best = min(Session().run(options.messages, deliveries) for _ in range(3))
        print(f"{name:>16}: {best * 1e6:7.1f} us a message of {len(body)} octets")
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(Session().run, options.messages, ways["pipelined"])
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
