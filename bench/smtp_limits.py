"""What limits cost: one SMTP transaction with and without them, and one connection with and without its checks.

    python bench/smtp_limits.py [--messages N] [--connections N]

Prints microseconds of processor time; core, adapter and policy, directory and delivery in memory; the best of several
runs, in turns, so that a busy machine disturbs all alike.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter

from smtp_core import ENVELOPE, message
from twisted.internet.task import Clock

from mailsuite.net.address import network_of
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.net.throttle import Throttle
from mailsuite.policy.checks import Check
from mailsuite.policy.ordered import OrderedPolicy, standard_checks
from mailsuite.policy.rates import RateLimits, Rates
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.queue import MemoryQueue, NotedReports
from mailsuite.testing.transport import FakeTransport

#: Never met here.
RATES = RateLimits(*[10_000_000] * 4)


class World:
    def __init__(self, checks: tuple[Check, ...], refuse_early: bool = False, peer: str = "192.0.2.1") -> None:
        clock = Clock()
        people = MemoryDirectory(["here.test"], {"bob@here.test": "secret"})
        self.delivery = MemoryDelivery(keep=False)
        numbers = itertools.count(1)
        self.factory = SMTPServerFactory(
            SMTPSettings("mx.here.test", refuse_early=refuse_early),
            people,
            OrderedPolicy(checks),
            self.delivery,
            Login(people, Throttle(clock), clock),
            Admission(10_000, 10_000),
            None,
            clock,
            lambda: f"{next(numbers):x}",
            NotedReports(),
            MemoryQueue(clock),
        )
        self.peer = peer

    def connect(self) -> FakeTransport:
        transport = FakeTransport(self.peer)
        transport.connect(self.factory.buildProtocol(transport.getPeer()))
        return transport

    def messages(self, count: int, deliveries: list[bytes]) -> float:
        """Seconds a message, in one session."""
        transport = self.connect()
        receive, take = transport.protocol.dataReceived, transport.take
        receive(b"EHLO client.far.test\r\n")
        start = time.process_time()
        for _ in range(count):
            for data in deliveries:
                receive(data)
                take()
        spent = time.process_time() - start
        assert len(self.delivery.commits) == count, transport.take()
        return spent / count

    def connections(self, count: int) -> float:
        """Seconds a connection that says EHLO and leaves."""
        start = time.process_time()
        for _ in range(count):
            transport = self.connect()
            transport.protocol.dataReceived(b"EHLO client.far.test\r\n")
            transport.hang_up()
            transport.settle()
        return (time.process_time() - start) / count


def rates() -> Rates:
    return Rates(RATES, network_of, Clock(), Counter())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    body = [b"".join(ENVELOPE), message(4096)]
    standard = standard_checks(1 << 26, 100)
    kinds = {
        "message, no checks at all": lambda: World(()).messages(options.messages, body),
        "message, standard checks": lambda: World(standard).messages(options.messages, body),
        "message, and rates": lambda: World((*standard, rates())).messages(options.messages, body),
        "message, and rates, IPv6": lambda: World((*standard, rates()), peer="2001:db8::1").messages(
            options.messages, body
        ),
        "connection": lambda: World(standard).connections(options.connections),
        "connection, early talkers": lambda: World(standard, refuse_early=True).connections(options.connections),
    }
    best = dict.fromkeys(kinds, float("inf"))
    for _ in range(options.rounds):
        for name, run in kinds.items():
            best[name] = min(best[name], run())
    for name, seconds in best.items():
        print(f"{name:>26}: {seconds * 1e6:7.2f} us")


if __name__ == "__main__":
    main()
