"""What every IReports does: the one that only remembers, and the one that delivers notices."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.disk.body import OctetsBody
from mailsuite.errors import Temporary
from mailsuite.interfaces import IReports
from mailsuite.model import NULL_SENDER, Address, Delayed, Envelope, Failed, Outcome, Queued, Recipient, Status
from mailsuite.queue.reports import Reports, ReportSettings
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.queue import NotedReports
from mailsuite.testing.results import failure_of, result_of

AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "e.test")
HEADER = b"Subject: hello\r\n\r\n"


class World(Protocol):
    reports: IReports

    def told(self) -> int:
        """How many notices have gone out."""

    def break_down(self) -> None:
        """The next notice cannot be delivered now."""


class Noted:
    def __init__(self) -> None:
        self.reports = NotedReports()

    def told(self) -> int:
        return len(self.reports.reported)

    def break_down(self) -> None:
        self.reports.failing = Temporary("disk full")


class Delivering:
    def __init__(self) -> None:
        self.delivery = MemoryDelivery()
        directory = MemoryDirectory(["a.test"], {"al@a.test": "x"})
        ids = (f"n{n}" for n in itertools.count())
        self.reports = Reports(self.delivery, directory, ReportSettings("us.test"), Clock(), ids.__next__)

    def told(self) -> int:
        assert self.delivery.open_drafts == 0
        return len(self.delivery.commits)

    def break_down(self) -> None:
        self.delivery.fail(Temporary("disk full"))


@pytest.fixture(params=[Noted, Delivering])
def world(request: pytest.FixtureRequest) -> World:
    return request.param()


def queued(sender: Address) -> Queued:
    return Queued(Envelope("q1", sender, (Recipient(BOB), Recipient(EVE)), 0.0), (), 0.0, 0.0, 10)


def failed(*addresses: Address) -> Sequence[Outcome]:
    return [Failed(address, Status(5, 1, 1), "no such user", "mx.b.test", "550 no") for address in addresses]


def test_they_are_reports(world: World) -> None:
    assert verifyObject(IReports, world.reports)


@pytest.mark.parametrize("sender", [AL, Address("someone", "elsewhere.test")])
@pytest.mark.parametrize("failures", [failed(BOB), failed(BOB, EVE)])
def test_one_notice_tells_the_sender_of_all_failures(
    world: World, sender: Address, failures: Sequence[Outcome]
) -> None:
    assert result_of(world.reports.report(queued(sender), failures, OctetsBody(HEADER))) is None
    assert world.told() == 1


def test_the_null_sender_is_not_told(world: World) -> None:
    delayed = Delayed(BOB, Status(4, 4, 1), "no answer")
    result_of(world.reports.report(queued(NULL_SENDER), [delayed], OctetsBody(HEADER)))
    assert world.told() == 0


def test_without_failures_nobody_is_told(world: World) -> None:
    result_of(world.reports.report(queued(AL), [], OctetsBody(HEADER)))
    assert world.told() == 0


def test_a_delivery_is_taken_note_of_without_failing(world: World) -> None:
    recipient = Recipient(BOB, notify=frozenset({"SUCCESS"}))
    assert result_of(world.reports.delivered(Envelope("q1", AL, (recipient,), 0.0), (recipient,), HEADER)) is None


def test_what_cannot_be_told_now_fails_and_may_be_told_later(world: World) -> None:
    world.break_down()
    failure_of(world.reports.report(queued(AL), failed(BOB), OctetsBody(HEADER)), Temporary)
    assert world.told() == 0
    result_of(world.reports.report(queued(AL), failed(BOB), OctetsBody(HEADER)))
    assert world.told() == 1


def test_a_header_that_is_empty_or_8_bit_does_no_harm(world: World) -> None:
    for header in (b"", b"Subject: gr\xc3\xbcn\r\n\r\n", b"\xff\xfe no header at all"):
        result_of(world.reports.report(queued(AL), failed(BOB), OctetsBody(header)))
    assert world.told() == 3
