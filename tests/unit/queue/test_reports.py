"""Who is told, and how the notice travels."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.errors import NotFound, OverQuota, Temporary
from mailsuite.interfaces import IReports
from mailsuite.model import (
    NULL_SENDER,
    Address,
    BodyType,
    Delayed,
    Envelope,
    Failed,
    Outcome,
    Queued,
    Recipient,
    Status,
    ToMailbox,
    ToRemote,
)
from mailsuite.queue.reports import Reports
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.results import failure_of, result_of

AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "e.test")
HEADER = b"Subject: hello\r\n\r\n"


class World:
    def __init__(self) -> None:
        self.delivery = MemoryDelivery()
        self.directory = MemoryDirectory(["a.test"], {"al@a.test": "x"}, {"list@a.test": ["al@a.test", "eve@e.test"]})
        clock = Clock()
        clock.advance(1_700_000_000)
        self.reports = Reports(self.delivery, self.directory, "us.test", clock, iter(["n1", "n2"]).__next__)

    def report(self, *failures: Outcome, sender: Address = AL, header: bytes = HEADER, **bob: object) -> None:
        recipients = (Recipient(BOB, **bob), Recipient(EVE))  # type: ignore[arg-type]
        queued = Queued(Envelope("q1", sender, recipients, 1_699_999_000.0), (), 0.0, 0.0, 10)
        result_of(self.reports.report(queued, failures or (failed(BOB),), header))


@pytest.fixture
def world() -> World:
    return World()


def failed(address: Address) -> Failed:
    return Failed(address, Status(5, 1, 1), "no such user", "mx.b.test", "550 5.1.1 no such user")


def test_it_is_reports(world: World) -> None:
    assert verifyObject(IReports, world.reports)


def test_a_sender_here_finds_the_notice_in_the_mailbox(world: World) -> None:
    world.report()
    (commit,) = world.delivery.commits
    assert commit.destinations == (ToMailbox("al@a.test"),)
    assert commit.envelope.sender is NULL_SENDER
    assert commit.envelope.recipients == (Recipient(AL),)
    assert commit.envelope.id == "n1"
    assert b"bob@b.test could not be delivered" in commit.octets
    assert HEADER[:-2] in commit.octets
    assert world.delivery.open_drafts == 0


def test_a_sender_elsewhere_is_told_through_the_queue(world: World) -> None:
    world.report(sender=EVE)
    assert world.delivery.commits[0].destinations == (ToRemote(Recipient(EVE)),)


def test_a_sender_who_is_an_alias_is_told_wherever_it_leads(world: World) -> None:
    world.report(sender=Address("list", "a.test"))
    assert world.delivery.commits[0].destinations == (ToMailbox("al@a.test"), ToRemote(Recipient(EVE)))


def test_nobody_is_told_of_mail_from_the_null_sender(world: World) -> None:
    world.report(sender=NULL_SENDER)
    assert world.delivery.commits == []
    assert world.directory.asked == []


def test_a_sender_who_does_not_exist_here_is_not_told(world: World) -> None:
    world.report(sender=Address("nobody", "a.test"))
    assert world.delivery.commits == []


def test_delays_are_not_failures(world: World) -> None:
    world.report(Delayed(BOB, Status(4, 0, 0), "later"))
    assert world.delivery.commits == []


@pytest.mark.parametrize(
    ("notify", "told"), [({"NEVER"}, False), ({"SUCCESS"}, False), ({"FAILURE", "DELAY"}, True), (set(), True)]
)
def test_notify_is_obeyed(world: World, notify: set[str], told: bool) -> None:
    world.report(notify=frozenset(notify))
    assert bool(world.delivery.commits) is told


def test_notify_never_of_one_does_not_hide_the_other(world: World) -> None:
    world.report(failed(BOB), failed(EVE), notify=frozenset({"NEVER"}))
    (commit,) = world.delivery.commits
    assert b"eve@e.test" in commit.octets
    assert b"bob@b.test" not in commit.octets


def test_an_8_bit_header_makes_an_8_bit_message(world: World) -> None:
    world.report(header=b"Subject: gr\xc3\xbcn\r\n\r\n")
    assert world.delivery.commits[0].envelope.body is BodyType.EIGHT_BIT_MIME


@pytest.mark.parametrize("error", [OverQuota("full"), NotFound("gone")])
def test_a_notice_that_can_never_be_delivered_is_dropped(world: World, error: Exception) -> None:
    world.delivery.fail(error)
    world.report()
    assert world.delivery.open_drafts == 0


@pytest.mark.parametrize("part", ["delivery", "directory", "writing"])
def test_a_notice_that_cannot_be_delivered_now_fails(world: World, part: str) -> None:
    error = Temporary("disk full")
    if part == "delivery":
        world.delivery.fail(error)
    elif part == "directory":
        world.directory.fail(error)
    else:
        world.delivery.fail_writes(error)
    queued = Queued(Envelope("q1", AL, (Recipient(BOB),), 0.0), (), 0.0, 0.0, 10)
    failure_of(world.reports.report(queued, (failed(BOB),), HEADER), Temporary)
    assert world.delivery.open_drafts == 0
