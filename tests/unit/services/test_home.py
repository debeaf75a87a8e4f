"""Mail in the queue for mailboxes here: it is brought there when its time has come."""

from __future__ import annotations

import itertools

import pytest

from mailsuite.errors import MailError, NoRoute, OnHold, OverQuota, Temporary
from mailsuite.model import Address, Delayed, Delivered, Envelope, Failed, Hop, Outcome, Recipient, Status, ToRemote
from mailsuite.services.home import HOME, HomeCourier, HomeRouter
from mailsuite.testing.courier import ScriptedCourier
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_body import MemoryBody
from mailsuite.testing.queue import TableRouter
from mailsuite.testing.results import failure_of, result_of

FAR = (Hop("mx.far.test", ("192.0.2.1",)),)
MESSAGE = b"Received: x\r\n\r\nhello\r\n"


class World:
    def __init__(self) -> None:
        accounts = {"bob@here.test": "x", "eve@here.test": "x"}
        aliases = {"away@here.test": ["bob@far.test"], "all@here.test": ["bob@here.test", "eve@here.test"]}
        self.directory = MemoryDirectory(["here.test"], accounts, aliases, hostname="mx.here.test")
        self.delivery = MemoryDelivery()
        self.beyond = ScriptedCourier()
        self.router = HomeRouter(self.directory, TableRouter({"far.test": FAR}))
        ids = (f"N{number}" for number in itertools.count(1))
        self.courier = HomeCourier(self.directory, self.delivery, "mx.here.test", ids.__next__, self.beyond)

    def bring(self, *recipients: Recipient) -> list[Outcome]:
        envelope = Envelope("Q1", Address("ann", "here.test"), recipients, 1000.0, release=2000.0, envid="E")
        return list(result_of(self.courier.deliver(HOME, envelope, recipients, MemoryBody(MESSAGE))))


def person(name: str, *notify: str, domain: str = "here.test") -> Recipient:
    return Recipient(Address(name, domain), notify=frozenset(notify))


def test_only_what_is_ours_is_led_home() -> None:
    router = World().router
    assert result_of(router.route("here.test")) == (HOME,)
    assert result_of(router.route("far.test")) == FAR
    assert failure_of(router.route("mx.here.test"), NoRoute)


def test_what_was_released_is_so_for_whoever_knows_the_way() -> None:
    beyond = TableRouter({"far.test": OnHold("ask first")})
    beyond.released = FAR
    router = HomeRouter(World().directory, beyond)
    failure_of(router.route("far.test"), OnHold)
    assert result_of(router.route("far.test", released=True)) == FAR


def test_a_mailbox_gets_the_message_as_it_waited_with_its_envelope() -> None:
    world = World()
    assert world.bring(person("bob", "SUCCESS"), person("all")) == [
        Delivered(Address("bob", "here.test"), "mx.here.test", "queued as N1", final=True),
        Delivered(Address("all", "here.test"), "mx.here.test", "queued as N2", final=True),
    ]
    assert world.delivery.mail("eve@here.test") == [b"Return-Path: <ann@here.test>\r\n" + MESSAGE]
    assert len(world.delivery.mail("bob@here.test")) == 2
    envelope = world.delivery.commits[0].envelope
    assert (envelope.id, envelope.release, envelope.envid, envelope.sender.local) == ("N1", 0.0, "E", "ann")
    assert world.delivery.open_drafts == 0


def test_an_alias_that_leads_away_passes_on_what_the_sender_wants_to_know() -> None:
    world = World()
    (outcome,) = world.bring(person("away", "SUCCESS"))
    assert outcome == Delivered(Address("away", "here.test"), "mx.here.test", "queued as N1", dsn=True)
    (to,) = world.delivery.commits[0].destinations
    assert to == ToRemote(
        Recipient(Address("bob", "far.test"), "rfc822;away@here.test", frozenset({"SUCCESS"})), forwarded=True
    )


@pytest.mark.parametrize(
    ("error", "status"), [(OverQuota("full"), Status(4, 2, 2)), (Temporary("disk"), Status(4, 3, 0))]
)
def test_what_may_pass_is_tried_again(error: MailError, status: Status) -> None:
    world = World()
    world.delivery.fail(error)
    first, second = world.bring(person("bob"), person("eve"))
    assert isinstance(first, Delayed)
    assert first.status == status
    assert first.host
    assert isinstance(second, Delivered)
    assert world.delivery.open_drafts == 0


def test_a_copy_that_cannot_be_written_leaves_nothing() -> None:
    world = World()
    world.delivery.fail_writes(Temporary("disk"))
    (outcome,) = world.bring(person("bob"))
    assert isinstance(outcome, Delayed)
    assert world.delivery.open_drafts == 0


def test_who_is_not_there_any_more_is_reported() -> None:
    world = World()
    nobody, elsewhere = world.bring(person("nobody"), person("x", domain="far.test"))
    assert isinstance(nobody, Failed)
    assert isinstance(elsewhere, Failed)
    assert (nobody.status, elsewhere.status) == (Status(5, 1, 1), Status(5, 4, 6))


def test_other_hops_are_somebody_elses() -> None:
    world = World()
    envelope = Envelope("Q1", Address("ann", "here.test"), (), 0.0)
    result_of(world.courier.deliver(FAR[0], envelope, [person("bob")], MemoryBody(MESSAGE)))
    assert world.beyond.carried == [("mx.far.test", "Q1", ("bob@here.test",))]
    assert not world.delivery.commits
