"""Who is told, and how the notice travels."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.disk.body import OctetsBody
from mailsuite.errors import NotFound, OverQuota, Temporary
from mailsuite.interfaces import IReports
from mailsuite.model import (
    NULL_SENDER,
    Address,
    BodyType,
    Delayed,
    Delivered,
    Envelope,
    Failed,
    Outcome,
    Queued,
    Recipient,
    Status,
    ToMailbox,
    ToRemote,
)
from mailsuite.queue.reports import Reports, ReportSettings
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.results import failure_of, result_of

AL, BOB, EVE = Address("al", "a.test"), Address("bob", "b.test"), Address("eve", "e.test")
HEADER = b"Subject: hello\r\n\r\n"
LATER = Delayed(BOB, Status(4, 4, 1), "no answer", "mx.b.test")


class World:
    def __init__(self) -> None:
        self.delivery = MemoryDelivery()
        self.directory = MemoryDirectory(["a.test"], {"al@a.test": "x"}, {"list@a.test": ["al@a.test", "eve@e.test"]})
        clock = Clock()
        clock.advance(1_700_000_000)
        self.reports = Reports(
            self.delivery, self.directory, ReportSettings("us.test", whole=1000), clock, iter(["n1", "n2"]).__next__
        )

    def report(
        self, *outcomes: Outcome, sender: Address = AL, header: bytes = HEADER, ret: str = "", **bob: object
    ) -> None:
        recipients = (Recipient(BOB, **bob), Recipient(EVE))  # type: ignore[arg-type]
        envelope = Envelope("q1", sender, recipients, 1_699_999_000.0, ret=ret)
        queued = Queued(envelope, (), 0.0, 1_700_400_000.0, 10)
        result_of(self.reports.report(queued, outcomes or (failed(BOB),), OctetsBody(header + b"text\r\n")))

    def sent(self) -> bytes:
        (commit,) = self.delivery.commits
        return commit.octets


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


def test_bounces_go_to_the_return_path_of_each_recipient(world: World) -> None:
    world.report(failed(BOB), failed(EVE), return_path=Address("al+bob=b.test", "e.test"))
    to_eve, to_path = sorted(world.delivery.commits, key=lambda commit: len(str(commit.destinations)))
    assert to_eve.destinations == (ToMailbox("al@a.test"),)
    assert b"eve@e.test" in to_eve.octets
    assert b"<bob@b.test>" not in to_eve.octets
    assert to_path.destinations == (ToRemote(Recipient(Address("al+bob=b.test", "e.test"))),)
    assert b"Final-Recipient: rfc822; eve@e.test" not in to_path.octets


@pytest.mark.parametrize("sender", [NULL_SENDER, Address("nobody", "a.test")])
def test_what_can_be_told_to_nobody_else_is_told_to_the_postmaster(world: World, sender: Address) -> None:
    world.directory.aliases["postmaster@a.test"] = ["al@a.test", "eve@e.test"]
    world.report(sender=sender)
    (commit,) = world.delivery.commits
    assert commit.envelope.sender is NULL_SENDER
    assert b"\r\nTo: <postmaster@us.test>\r\n" in commit.octets
    assert commit.destinations == (ToMailbox("al@a.test"), ToRemote(Recipient(EVE, notify=frozenset({"NEVER"}))))


def test_the_postmaster_is_told_of_no_notice_to_the_postmaster(world: World) -> None:
    world.directory.aliases["postmaster@a.test"] = ["al@a.test"]
    world.report(sender=NULL_SENDER, notify=frozenset({"NEVER"}))
    assert world.delivery.commits == []


def test_the_postmaster_is_not_told_of_delays(world: World) -> None:
    world.directory.aliases["postmaster@a.test"] = ["al@a.test"]
    world.report(LATER, sender=NULL_SENDER)
    assert world.delivery.commits == []


def test_the_postmaster_can_be_left_alone(world: World) -> None:
    world.directory.aliases["postmaster@a.test"] = ["al@a.test"]
    settings = ReportSettings("us.test", to_postmaster=False)
    world.reports = Reports(world.delivery, world.directory, settings, Clock(), iter(["n1"]).__next__)
    world.report(sender=NULL_SENDER)
    assert world.delivery.commits == []


def test_a_delay_is_told_with_how_long_it_is_tried(world: World) -> None:
    world.report(LATER)
    assert b"\r\nWill-Retry-Until: Sun, 19 Nov 2023 13:20:00 +0000\r\n" in world.sent()


@pytest.mark.parametrize(
    ("outcome", "notify", "told"),
    [
        ("failed", "", True),
        ("failed", "FAILURE", True),
        ("failed", "SUCCESS DELAY", False),
        ("failed", "NEVER", False),
        ("delayed", "", True),
        ("delayed", "DELAY", True),
        ("delayed", "FAILURE SUCCESS", False),
        ("delayed", "NEVER", False),
        ("relayed", "", False),
        ("relayed", "SUCCESS", True),
        ("relayed", "FAILURE DELAY", False),
        ("relayed", "NEVER", False),
        ("handed over", "SUCCESS", False),
        ("delivered", "SUCCESS", True),
        ("delivered", "", False),
    ],
)
def test_who_wants_to_hear_of_what(world: World, outcome: str, notify: str, told: bool) -> None:
    """RFC 3461 §5.2.1 to §5.2.6."""
    outcomes = {
        "failed": failed(BOB),
        "delayed": LATER,
        "relayed": Delivered(BOB, "mx", "250 ok"),
        "handed over": Delivered(BOB, "mx", "250 ok", dsn=True),
        "delivered": Delivered(BOB, "us", "", final=True),
    }
    world.report(outcomes[outcome], notify=frozenset(notify.split()))
    assert bool(world.delivery.commits) is told


def test_a_delivery_here_is_told_if_that_was_asked_for(world: World) -> None:
    recipients = (Recipient(BOB, "rfc822;B@b.test", frozenset({"SUCCESS"})), Recipient(EVE))
    envelope = Envelope("q1", AL, recipients, 0.0, envid="x1")
    result_of(world.reports.delivered(envelope, recipients, HEADER))
    assert b"\r\nAction: delivered\r\n" in world.sent()
    assert b"Original-Envelope-Id: x1\r\n" in world.sent()
    assert b"Original-Recipient: rfc822;B@b.test\r\nFinal-Recipient: rfc822; bob@b.test\r\n" in world.sent()
    assert b"eve@e.test" not in world.sent()


def test_an_alias_for_others_elsewhere_was_expanded(world: World) -> None:
    """RFC 3461 §5.2.7.3 (c): to say more would be a lie."""
    recipients = tuple(Recipient(one, notify=frozenset({"SUCCESS"})) for one in (BOB, EVE))
    result_of(world.reports.delivered(Envelope("q1", AL, recipients, 0.0), recipients, HEADER, [EVE]))
    bobs, eves = world.sent().split(b"Final-Recipient: ")[1:]
    assert b"Action: delivered\r\n" in bobs
    assert b"Action: expanded\r\n" in eves
    assert b"was sent on to everybody" in world.sent()


def test_a_delivery_here_that_cannot_be_told_harms_nobody(world: World) -> None:
    world.delivery.fail(Temporary("disk full"))
    recipients = (Recipient(BOB, notify=frozenset({"SUCCESS"})),)
    assert result_of(world.reports.delivered(Envelope("q1", AL, recipients, 0.0), recipients, HEADER)) is None
    assert world.delivery.open_drafts == 0


def test_the_message_is_returned_whole_if_that_was_asked_for(world: World) -> None:
    """RFC 3461 §4.3."""
    world.report(ret="FULL")
    assert b"message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + HEADER + b"text\r\n" in world.sent()


@pytest.mark.parametrize("why", ["not asked", "no failure", "too large"])
def test_else_only_the_header_is(world: World, why: str) -> None:
    if why == "no failure":
        world.report(LATER, ret="FULL")
    else:
        world.report(ret="HDRS" if why == "not asked" else "FULL", header=HEADER[:-2] + b"X: y\r\n" * 170 + b"\r\n")
    assert b"text/rfc822-headers" in world.sent()
    assert b"text\r\n" not in world.sent()


def test_what_required_tls_is_not_returned_whole_and_its_notice_asks_for_tls(world: World) -> None:
    """RFC 8689 §5."""
    envelope = Envelope("q1", AL, (Recipient(BOB),), 0.0, ret="FULL", require_tls=True)
    queued = Queued(envelope, (), 0.0, 0.0, 10)
    result_of(world.reports.report(queued, (failed(BOB),), OctetsBody(HEADER + b"secret\r\n")))
    (commit,) = world.delivery.commits
    assert b"text/rfc822-headers" in commit.octets
    assert b"secret" not in commit.octets
    assert commit.envelope.require_tls


def test_a_message_that_cannot_be_read_is_reported_without_it(world: World) -> None:
    queued = Queued(Envelope("q1", AL, (Recipient(BOB),), 0.0), (), 0.0, 0.0, 10)
    result_of(world.reports.report(queued, (failed(BOB),), None))
    assert b"Action: failed" in world.sent()


def test_notify_never_of_one_does_not_hide_the_other(world: World) -> None:
    world.report(failed(BOB), failed(EVE), notify=frozenset({"NEVER"}))
    (commit,) = world.delivery.commits
    assert b"eve@e.test" in commit.octets
    assert b"bob@b.test" not in commit.octets


def test_an_8_bit_header_makes_an_8_bit_message(world: World) -> None:
    world.report(header=b"Subject: gr\xc3\xbcn\r\n\r\n")
    assert world.delivery.commits[0].envelope.body is BodyType.EIGHT_BIT_MIME


@pytest.mark.parametrize("error", [OverQuota("full"), NotFound("gone")])
def test_what_a_full_mailbox_has_no_room_for_is_told_to_the_postmaster(world: World, error: Exception) -> None:
    world.directory.aliases["postmaster@a.test"] = ["eve@e.test"]
    world.delivery.fail(error)
    world.report()
    (commit,) = world.delivery.commits
    assert commit.destinations == (ToRemote(Recipient(EVE, notify=frozenset({"NEVER"}))),)
    assert b"\r\nTo: <postmaster@us.test>\r\n" in commit.octets
    assert b"Final-Recipient: rfc822; bob@b.test" in commit.octets
    assert world.delivery.open_drafts == 0


@pytest.mark.parametrize(("sender", "outcome"), [(AL, LATER), (NULL_SENDER, failed(BOB))])
def test_a_notice_that_can_never_be_delivered_is_dropped(world: World, sender: Address, outcome: Outcome) -> None:
    """A delay is no matter for the postmaster, and the postmaster's full mailbox nobody else's."""
    world.directory.aliases["postmaster@a.test"] = ["al@a.test"]
    world.delivery.fail(OverQuota("full"))
    world.report(outcome, sender=sender)
    assert world.delivery.commits == []
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
    failure_of(world.reports.report(queued, (failed(BOB),), OctetsBody(HEADER)), Temporary)
    assert world.delivery.open_drafts == 0
