"""The whole relay in memory: queue, routes, courier, notices, over connections to scripted peers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

import pytest
from twisted.internet.task import Clock

from mailsuite.model import Address, Envelope, Recipient, ToMailbox
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings
from mailsuite.offload import Inline
from mailsuite.queue.reports import Reports, ReportSettings
from mailsuite.queue.runner import Runner
from mailsuite.routing.router import Identity, MxRouter
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.dns import FakeDNS
from mailsuite.testing.network import NEVER, MemoryNetwork, Site
from mailsuite.testing.peer import CLOSE, ScriptedPeer
from mailsuite.testing.queue import MemoryQueue
from mailsuite.testing.results import result_of
from mailsuite.testing.tls import ReadyTLS

AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "b.test")
ZONES = {
    "b.test": {"MX": ["10 mx1.b.test", "20 mx2.b.test"]},
    "mx1.b.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "mx2.b.test": {"A": ["192.0.2.2"]},
}
HEADER = b"Message-ID: <1@a.test>\r\nSubject: hello\r\n"


class World:
    def __init__(self, sites: Mapping[str, Site]) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.network = MemoryNetwork(sites)
        self.queue = MemoryQueue(self.clock)
        self.delivery = MemoryDelivery()
        directory = MemoryDirectory(["a.test"], {"al@a.test": "x"})
        ids = (f"n{n}" for n in itertools.count())
        router = MxRouter(FakeDNS(ZONES), Identity(frozenset({"us.test"})), random.Random(1))
        self.courier = Courier(CourierSettings("us.test"), self.network.endpoint, ReadyTLS(), self.clock, Inline())
        reports = Reports(self.delivery, directory, ReportSettings("us.test"), self.clock, ids.__next__)
        self.runner = Runner(self.queue, router, self.courier, reports, self.clock)
        self.runner.start()

    def send(self, *recipients: Address) -> None:
        envelope = Envelope("m1", AL, tuple(map(Recipient, recipients)), self.clock.seconds())
        self.queue.add(envelope, HEADER + b"\r\nbody\r\n")
        self.network.settle()

    def pass_days(self, days: int) -> None:
        for _ in range(days * 24 * 60):
            self.clock.advance(60)
            self.network.settle()

    @property
    def waiting(self) -> list[Address]:
        return [entry.recipient.address for queued in result_of(self.queue.list()) for entry in queued.pending]


def test_the_dead_first_host_is_passed_over() -> None:
    second = ScriptedPeer()
    world = World({"192.0.2.2:25": second})
    world.send(BOB)
    assert world.network.tried == ["2001:db8::1:25", "192.0.2.1:25", "192.0.2.2:25"]
    assert second.messages[0].octets == HEADER + b"\r\nbody\r\n"
    assert world.waiting == []


@pytest.mark.parametrize("first", [NEVER, ScriptedPeer({"BANNER": CLOSE}), ScriptedPeer({"DATA": CLOSE})])
def test_a_first_host_that_fails_at_any_point_before_the_dot_is_passed_over(first: Site) -> None:
    second = ScriptedPeer()
    world = World({"192.0.2.1:25": first, "192.0.2.2:25": second})
    world.send(BOB)
    world.clock.advance(30)
    world.network.settle()
    assert len(second.messages) == 1


def test_of_two_recipients_one_is_refused_and_the_sender_told() -> None:
    peer = ScriptedPeer({"RCPT bob@b.test": "550 5.1.1 no such user"})
    world = World({"192.0.2.1:25": peer})
    world.send(BOB, EVE)
    assert peer.messages[0].recipients == ("<eve@b.test>",)
    (notice,) = world.delivery.commits
    assert notice.destinations == (ToMailbox("al@a.test"),)
    assert b"bob@b.test could not be delivered: there is no such mailbox.\r\n" in notice.octets
    assert b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n" in notice.octets
    assert b"eve" not in notice.octets
    assert world.waiting == []


@pytest.mark.parametrize("step", ["MAIL", "RCPT bob@b.test", "DATA", "DOT"])
def test_a_first_host_that_has_no_room_is_passed_over(step: str) -> None:
    """RFC 5321 §5.1: in order, until a delivery attempt succeeds."""
    first, second = ScriptedPeer({step: "452 4.3.1 no space left"}), ScriptedPeer()
    world = World({"192.0.2.1:25": first, "192.0.2.2:25": second})
    world.send(BOB, EVE)
    only_bob = step.startswith("RCPT")
    assert [one.recipients for one in first.messages] == ([("<eve@b.test>",)] if only_bob else [])
    assert [one.recipients for one in second.messages] == [
        ("<bob@b.test>",) if only_bob else ("<bob@b.test>", "<eve@b.test>")
    ]
    assert world.waiting == []


def test_greylisting_is_waited_for() -> None:
    peer = ScriptedPeer({"RCPT": ["450 4.7.1 greylisted", "250 ok"]})
    world = World({"192.0.2.1:25": peer})
    world.send(BOB)
    assert world.waiting == [BOB]
    for _ in range(6):
        world.clock.advance(60)
        world.network.settle()
    assert len(peer.messages) == 1
    assert world.delivery.commits == []


def test_after_five_days_of_silence_the_sender_is_told_why() -> None:
    world = World({})
    world.send(BOB)
    world.pass_days(4)
    (delay,) = world.delivery.commits
    assert b"Action: delayed\r\nStatus: 4.4.1\r\n" in delay.octets
    world.pass_days(1)
    world.clock.advance(60)
    _, notice = world.delivery.commits
    assert b"their mail server could not be reached" in notice.octets
    assert b"for 5 days" in notice.octets
    assert b"Status: 5.4.1" in notice.octets
    assert world.waiting == []
    assert world.clock.getDelayedCalls() == []
