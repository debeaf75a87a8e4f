"""Mail that sendmail left in the maildrop."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from mailsuite.directory.address_map import parse
from mailsuite.directory.rewriting import Rewriting
from mailsuite.errors import OverQuota, Temporary
from mailsuite.happenings import Accepted, Rewritten
from mailsuite.interfaces import IRewriting
from mailsuite.model import AddHeader, Address, Failed, Later, Recipient, Refuse, Status, Verdict
from mailsuite.offload import Inline
from mailsuite.sendmail.maildrop import Head, Places, put
from mailsuite.services.pickup import ABANDONED, EVERY, Pickup
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.observer import NotedObserver
from mailsuite.testing.policy import ScriptedPolicy
from mailsuite.testing.queue import NotedReports
from mailsuite.testing.results import result_of
from mailsuite.testing.rewriting import FixedRewriting
from mailsuite.unchanged import UNCHANGED

ANN = Address("ann", "here.test")
MESSAGE = b"From: ann@here.test\nSubject: x\n\nhello\n"


def person(name: str, *notify: str, domain: str = "here.test") -> Recipient:
    return Recipient(Address(name, domain), notify=frozenset(notify))


class World:
    def __init__(self, folder: Path, rewriting: IRewriting = UNCHANGED, **verdicts: object) -> None:
        self.places = Places(str(folder))
        for name in (self.places.drop, self.places.broken):
            os.mkdir(name)
        self.directory = MemoryDirectory(["here.test"], {"bob@here.test": "x", "eve@here.test": "x"})
        self.policy = ScriptedPolicy(**verdicts)  # type: ignore[arg-type]
        self.delivery = MemoryDelivery()
        self.reports = NotedReports()
        self.observer = NotedObserver()
        self.clock = Clock()
        self.clock.advance(1e9)
        ids = (f"N{number}" for number in itertools.count(1))
        self.pickup = Pickup(
            *(self.places, self.directory, self.policy, self.delivery, self.reports),
            *("mx.here.test", ids.__next__, self.clock, Inline()),
            observer=self.observer,
            rewriting=rewriting,
        )

    def drop(self, *recipients: Recipient, sender: Address = ANN) -> str:
        return put(self.places.drop, Head(sender, recipients), MESSAGE)

    def left(self) -> list[str]:
        return os.listdir(self.places.drop)

    def mail(self, name: str) -> list[bytes]:
        return self.delivery.mail(f"{name}@here.test")

    def failed(self) -> list[tuple[str, str]]:
        outcomes = [one for _, some in self.reports.reported for one in some]
        return [(str(one.recipient), str(one.status)) for one in outcomes if isinstance(one, Failed)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_it_is_delivered_at_the_start_and_gone_then(world: World) -> None:
    world.drop(person("bob"), person("eve"), person("far", domain="far.test"))
    world.pickup.start()
    (got,) = world.mail("bob")
    assert f"Received: by mx.here.test (mailsuite, from userid {os.getuid()})\r\n\tid N1;".encode() in got
    assert b"Date: " in got
    assert b"Message-ID: <N1@mx.here.test>\r\n" in got
    assert got.endswith(b"From: ann@here.test\r\nSubject: x\r\n\r\nhello\r\n")
    assert len(world.mail("eve")) == 1
    assert [addresses for addresses, _ in world.delivery.relayed()] == [(Address("far", "far.test"),)]
    assert world.left() == []


def test_observers_hear_who_left_it_and_what_was_looked_at(tmp_path: Path) -> None:
    field = b"Authentication-Results: mx.here.test; auth=pass\r\n"
    world = World(tmp_path, message=AddHeader(field))
    world.drop(person("bob"))
    world.pickup.start()
    (told,) = world.observer.told
    assert isinstance(told, Accepted)
    assert told.client == f"local uid={os.getuid()} maildrop"
    assert (told.since, told.trusted, told.checks, told.fields) == (0.0, True, ("relay",), field)


TABLE = parse("ann@here.test ann@shown.test\nrobert@here.test bob@here.test\n", "/t", ["here.test"])


def test_addresses_are_rewritten_in_envelope_and_header(tmp_path: Path) -> None:
    world = World(tmp_path, FixedRewriting(Rewriting([TABLE], [TABLE], is_ours=lambda client: client.trusted)))
    told = world.observer.told
    world.drop(person("robert"), person("nobody"))
    world.pickup.start()
    (got,) = world.mail("bob")
    assert got.endswith(b"From: ann@shown.test\r\nSubject: x\r\n\r\nhello\r\n")
    (committed,) = world.delivery.commits
    assert committed.envelope.sender == Address("ann", "shown.test")
    assert [one.original for one in committed.envelope.recipients] == ["rfc822;robert@here.test", ""]
    assert world.failed() == [("nobody@here.test", "5.1.1")]
    assert (world.left(), world.delivery.open_drafts) == ([], 0)
    assert [(one.given, one.to) for one in told if isinstance(one, Rewritten)] == [
        ("ann@here.test", "ann@shown.test"),
        ("robert@here.test", "bob@here.test"),
    ]


def test_while_a_table_cannot_be_read_the_message_waits(tmp_path: Path) -> None:
    rewriting = FixedRewriting(Rewriting([TABLE]))
    rewriting.failing = Temporary("t: gone")
    world = World(tmp_path, rewriting)
    world.drop(person("bob"))
    world.pickup.start()
    assert (world.mail("bob"), len(world.left()), world.delivery.open_drafts) == ([], 1, 0)
    rewriting.failing = None
    world.clock.advance(EVERY)
    assert (len(world.mail("bob")), world.left()) == (1, [])


def test_what_comes_later_is_found_later(world: World) -> None:
    world.pickup.start()
    world.drop(person("bob"))
    world.clock.advance(EVERY - 1)
    assert world.mail("bob") == []
    world.clock.advance(1)
    assert len(world.mail("bob")) == 1


def test_who_is_unknown_is_told_to_the_sender_and_keeps_nobody_waiting(world: World) -> None:
    world.drop(person("nobody"), person("bob"))
    world.pickup.start()
    assert world.failed() == [("nobody@here.test", "5.1.1")]
    assert len(world.mail("bob")) == 1
    assert world.left() == []


def test_who_wants_no_notice_gets_none(world: World) -> None:
    world.drop(person("nobody", "NEVER"))
    world.pickup.start()
    assert (world.failed(), world.left()) == ([], [])


def test_a_recipient_for_later_waits_in_the_queue(tmp_path: Path) -> None:
    world = World(tmp_path, recipient=Later(Status(4, 2, 2), "full"))
    world.drop(person("bob"))
    world.pickup.start()
    assert world.mail("bob") == []
    assert [addresses for addresses, _ in world.delivery.relayed()] == [(Address("bob", "here.test"),)]


def test_a_mailbox_that_fills_up_meanwhile_waits_in_the_queue(world: World) -> None:
    world.delivery.fail(OverQuota("full"))
    world.drop(person("bob"))
    world.pickup.start()
    assert [addresses for addresses, _ in world.delivery.relayed()] == [(Address("bob", "here.test"),)]
    assert world.left() == []


@pytest.mark.parametrize("point", ["sender", "message"])
def test_a_message_that_is_refused_goes_back(tmp_path: Path, point: str) -> None:
    world = World(tmp_path, **{point: Refuse(Status(5, 3, 4), "too big")})
    world.drop(person("bob"), person("eve"))
    world.pickup.start()
    assert world.failed() == [("bob@here.test", "5.3.4"), ("eve@here.test", "5.3.4")]
    assert (world.mail("bob"), world.left()) == ([], [])


@pytest.mark.parametrize("point", ["sender", "message"])
def test_a_message_for_later_stays(tmp_path: Path, point: str) -> None:
    verdict: Verdict = Later(Status(4, 3, 2), "not now")
    world = World(tmp_path, **{point: verdict})
    name = world.drop(person("bob"))
    world.pickup.start()
    assert (world.mail("bob"), world.left()) == ([], [name])
    world.policy.answers.clear()
    world.clock.advance(EVERY)
    assert (len(world.mail("bob")), world.left()) == (1, [])


def test_nothing_is_lost_while_disk_or_directory_fail(world: World) -> None:
    name = world.drop(person("bob"), person("nobody"))
    world.directory.fail(Temporary("away"))
    world.pickup.start()
    assert world.left() == [name]
    world.reports.failing = Temporary("no room")
    world.clock.advance(EVERY)
    assert (world.left(), world.mail("bob")) == ([name], [])
    world.delivery.fail(Temporary("no room"))
    world.clock.advance(EVERY)
    assert (world.left(), world.mail("bob")) == ([name], [])
    world.clock.advance(EVERY)
    assert (world.left(), len(world.mail("bob"))) == ([], 1)
    assert world.delivery.open_drafts == 0


def test_what_cannot_be_read_is_put_aside_and_the_rest_goes_on(world: World) -> None:
    os.symlink("/etc/passwd", f"{world.places.drop}/link")
    world.drop(person("bob"))
    world.pickup.start()
    assert os.listdir(world.places.broken) == ["link"]
    assert len(world.mail("bob")) == 1


def test_what_a_crash_cut_short_is_removed_after_a_day(world: World) -> None:
    half = f"{world.places.drop}/half"
    with open(half, "wb"):
        pass
    os.utime(half, (world.clock.seconds(), world.clock.seconds()))
    world.pickup.start()
    assert world.left() == ["half"]
    world.clock.advance(ABANDONED + 1)
    assert world.left() == []


def test_it_stops_with_the_message_it_is_at(world: World) -> None:
    world.delivery.hold()
    world.drop(person("bob"))
    second = world.drop(person("bob"))
    world.pickup.start()
    stopped = world.pickup.stop()
    assert not stopped.called
    world.delivery.release()
    result_of(stopped)
    assert len(world.mail("bob")) == 1
    assert len(world.left()) == 1
    assert second in world.left() or world.left()
    world.clock.advance(10 * EVERY)
    assert len(world.mail("bob")) == 1


def test_the_null_sender_is_told_nothing_by_itself(world: World) -> None:
    world.drop(person("nobody"), sender=Address("", ""))
    world.pickup.start()
    assert (world.reports.reported, world.left()) == ([], [])
