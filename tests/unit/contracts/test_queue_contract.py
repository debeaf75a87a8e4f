"""What every IQueue does: the double in memory and the queue on disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.disk.placement import place
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Content
from mailsuite.errors import InvalidName, NotFound
from mailsuite.interfaces import IQueue
from mailsuite.model import (
    EVERYTHING,
    Address,
    Bounce,
    Delayed,
    Delivered,
    Drop,
    Envelope,
    Failed,
    Hold,
    Kick,
    Outcome,
    Recipient,
    Release,
    Reroute,
    Selection,
    Status,
)
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.schedule import DAY, HOUR, MINUTE, Schedule
from mailsuite.testing.queue import MemoryQueue, order
from mailsuite.testing.results import failure_of, result_of

NOW = 1_700_000_000.0
BOB, EVE = Address("bob", "b.test"), Address("eve", "c.test")
MESSAGE = b"Subject: hello\r\n\r\n.dot\r\nbye\r\n"
SCHEDULE = Schedule(waits=(MINUTE, HOUR), jitter=0.0, lifetime=DAY)


class World:
    """A queue under test; ``add`` puts a message in."""

    def __init__(self, queue: IQueue, clock: Clock, add: Callable[[Envelope, bytes], None]) -> None:
        self.queue = queue
        self.clock = clock
        self._add = add

    def add(self, id: str, *recipients: Address, **more: Any) -> None:
        everyone = tuple(Recipient(address) for address in recipients or (BOB,))
        self._add(Envelope(id, Address("al", "a.test"), everyone, self.clock.seconds(), **more), MESSAGE)

    def lease_one(self) -> str:
        (queued,) = result_of(self.queue.lease(10))
        return queued.envelope.id

    def settle(self, id: str, *outcomes: Outcome, lane: str = "") -> list[Outcome]:
        return list(result_of(self.queue.settle(id, outcomes, lane=lane)))

    def listed(self) -> list[str]:
        return [queued.envelope.id for queued in result_of(self.queue.list())]


@pytest.fixture(params=["memory", "disk"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    clock = Clock()
    clock.advance(NOW)
    if request.param == "memory":
        memory = MemoryQueue(clock, SCHEDULE, random.Random(1))
        return World(memory, clock, memory.add)
    queue = DiskQueue(str(tmp_path / "queue"), RealDisk(), Inline(), clock, SCHEDULE, random.Random(1))
    result_of(queue.load())

    def add(envelope: Envelope, octets: bytes) -> None:
        data = octets.replace(b"\r\n", b"\n")
        placement = queue.placement(envelope, b"", Content(data, "", len(data), len(octets)))
        place(RealDisk(), [placement])
        queue.arrived(placement)

    return World(queue, clock, add)


def delayed(address: Address) -> Delayed:
    return Delayed(address, Status(4, 4, 1), "mx: connection refused")


def failed(address: Address) -> Failed:
    return Failed(address, Status(5, 1, 1), "no such user", "mx.b.test", "550 5.1.1 no such user")


def delivered(address: Address) -> Delivered:
    return Delivered(address, "mx.b.test", "250 ok")


def test_it_is_a_queue(world: World) -> None:
    assert verifyObject(IQueue, world.queue)


def test_an_empty_queue_has_nothing_due(world: World) -> None:
    assert result_of(world.queue.lease(10)) == []
    assert world.queue.when_due() is None


def test_a_new_message_is_due_at_once(world: World) -> None:
    world.add("m1", BOB, EVE)
    assert world.queue.when_due() == NOW
    (queued,) = result_of(world.queue.lease(10))
    assert queued.envelope.id == "m1"
    assert [entry.recipient.address for entry in queued.pending] == [BOB, EVE]
    assert queued.size == len(MESSAGE)
    assert queued.expires == NOW + DAY


def test_the_more_urgent_comes_first_then_the_older(world: World) -> None:
    """RFC 6710 §5.1."""
    for id, priority in (("m1", 0), ("m2", -9), ("m3", 9), ("m4", 0)):
        world.add(id, priority=priority)
        world.clock.advance(1)
    assert [one.envelope.id for one in result_of(world.queue.lease(10))] == ["m3", "m1", "m4", "m2"]


def test_what_is_urgent_is_not_due_earlier(world: World) -> None:
    world.add("m1", priority=9, release=NOW + 1)
    world.add("m2")
    assert world.lease_one() == "m2"
    assert world.queue.when_due() == NOW + 1


def test_a_scheduled_message_waits_and_lives_from_its_release(world: World) -> None:
    """RFC 4865."""
    world.add("m1", release=NOW + 2 * DAY)
    assert result_of(world.queue.lease(10)) == []
    assert world.queue.when_due() == NOW + 2 * DAY
    assert result_of(world.queue.list())[0].expires == NOW + 3 * DAY
    world.clock.advance(2 * DAY)
    assert world.lease_one() == "m1"


def test_a_leased_message_is_nobody_elses(world: World) -> None:
    world.add("m1")
    world.lease_one()
    assert result_of(world.queue.lease(10)) == []
    assert world.queue.when_due() is None


def test_lease_gives_the_soonest_first_and_no_more_than_asked(world: World) -> None:
    for id in ("m1", "m2", "m3"):
        world.add(id)
        world.clock.advance(1)
    assert [queued.envelope.id for queued in result_of(world.queue.lease(2))] == ["m1", "m2"]
    assert world.lease_one() == "m3"


def test_the_body_has_crlf_and_is_read_by_position(world: World) -> None:
    world.add("m1")
    body = result_of(world.queue.body("m1"))
    assert body.size == len(MESSAGE)
    assert result_of(body.read_at(0, 1000)) == MESSAGE
    assert result_of(body.read_at(9, 5)) == MESSAGE[9:14]
    assert result_of(body.header()) == b"Subject: hello\r\n\r\n"
    body.close()


def test_a_delivered_message_is_gone(world: World) -> None:
    world.add("m1")
    assert world.settle(world.lease_one(), delivered(BOB)) == []
    assert world.listed() == []
    failure_of(world.queue.body("m1"), NotFound)


def test_a_failed_recipient_leaves_and_is_told(world: World) -> None:
    world.add("m1", BOB, EVE)
    assert world.settle(world.lease_one(), failed(BOB), delayed(EVE)) == [failed(BOB)]
    (queued,) = result_of(world.queue.list())
    assert [entry.recipient.address for entry in queued.pending] == [EVE]


def test_a_delayed_recipient_waits_by_schedule(world: World) -> None:
    world.add("m1")
    assert world.settle(world.lease_one(), delayed(BOB)) == []
    assert world.queue.when_due() == NOW + MINUTE
    assert result_of(world.queue.lease(10)) == []
    world.clock.advance(MINUTE)
    (queued,) = result_of(world.queue.lease(10))
    assert queued.attempts == 1
    (entry,) = queued.pending
    assert (entry.attempts, entry.last_status, entry.last_text) == (1, "4.4.1", "mx: connection refused")
    world.settle("m1", delayed(BOB))
    assert world.queue.when_due() == NOW + MINUTE + HOUR


def test_a_recipient_without_an_outcome_stays(world: World) -> None:
    world.add("m1", BOB, EVE)
    world.settle(world.lease_one(), delivered(BOB))
    (queued,) = result_of(world.queue.list())
    assert [entry.recipient.address for entry in queued.pending] == [EVE]
    assert queued.pending[0].attempts == 0


def test_the_last_attempt_is_made_when_the_lifetime_ends(world: World) -> None:
    world.add("m1")
    while (due := world.queue.when_due()) is not None and due < NOW + DAY:
        world.clock.advance(due - world.clock.seconds())
        assert world.settle(world.lease_one(), delayed(BOB)) == []
    assert due == NOW + DAY
    world.clock.advance(due - world.clock.seconds())
    (outcome,) = world.settle(world.lease_one(), delayed(BOB))
    assert isinstance(outcome, Failed)
    assert str(outcome.status) == "5.4.1"
    assert world.listed() == []


def test_a_lease_given_within_the_lifetime_does_not_fail_after_it(world: World) -> None:
    world.add("m1")
    id = world.lease_one()
    world.clock.advance(DAY + 1)
    assert world.settle(id, delayed(BOB)) == []
    assert world.listed() == ["m1"]


def test_a_held_message_is_not_due_until_released(world: World) -> None:
    world.add("m1")
    result_of(order(world.queue, "m1", Hold()))
    assert result_of(world.queue.lease(10)) == []
    assert world.queue.when_due() is None
    assert result_of(world.queue.list())[0].held
    result_of(order(world.queue, "m1", Release()))
    assert world.lease_one() == "m1"


def test_a_message_for_which_all_that_are_left_are_kept_is_held_with_the_reason(world: World) -> None:
    world.add("m1", BOB, EVE)
    world.lease_one()
    result_of(world.queue.settle("m1", [delivered(BOB)], kept={EVE: "ask first"}))
    (queued,) = result_of(world.queue.list())
    assert (queued.held, queued.released) == (True, False)
    assert [(one.recipient.address, one.last_status, one.last_text) for one in queued.pending] == [
        (EVE, "", "ask first")
    ]
    world.clock.advance(DAY)
    assert result_of(world.queue.lease(10)) == []


def test_what_was_kept_and_is_released_is_due_at_once_and_known_as_released(world: World) -> None:
    world.add("m1")
    world.lease_one()
    result_of(world.queue.settle("m1", [], kept={BOB: "ask first"}))
    result_of(order(world.queue, "m1", Release()))
    (queued,) = result_of(world.queue.lease(10))
    assert (queued.held, queued.released) == (False, True)


def test_who_is_kept_holds_up_nobody_else(world: World) -> None:
    world.add("m1", BOB, EVE)
    world.lease_one()
    result_of(world.queue.settle("m1", [delayed(BOB)], kept={EVE: "ask first"}))
    world.clock.advance(MINUTE)
    (queued,) = result_of(world.queue.lease(10))
    assert not queued.held
    assert [one.last_text for one in queued.pending] == ["mx: connection refused", "ask first"]


def test_kick_makes_messages_due_now(world: World) -> None:
    for id in ("m1", "m2"):
        world.add(id)
    for queued in result_of(world.queue.lease(10)):
        world.settle(queued.envelope.id, delayed(BOB))
    assert len(result_of(world.queue.order(Selection(ids=("m2", "gone")), Kick())).done) == 1
    assert world.lease_one() == "m2"
    assert len(result_of(world.queue.order(EVERYTHING, Kick())).done) == 2
    assert world.lease_one() == "m1"


def test_kick_leaves_what_is_held_or_not_to_leave_yet(world: World) -> None:
    world.add("m1")
    world.add("m2", release=NOW + HOUR)
    result_of(order(world.queue, "m1", Hold()))
    assert len(result_of(world.queue.order(EVERYTHING, Kick())).done) == 0
    assert "m1" not in [one.envelope.id for one in result_of(world.queue.lease(10))]


def test_what_is_to_be_returned_is_due_at_once_with_the_words(world: World) -> None:
    world.add("m1", BOB, EVE)
    world.lease_one()
    world.settle("m1", delayed(BOB), delayed(EVE))
    result_of(order(world.queue, "m1", Hold()))
    result_of(order(world.queue, "m1", Bounce("no such domain")))
    (queued,) = result_of(world.queue.lease(10))
    assert (queued.returned, queued.held, queued.lane) == ("no such domain", False, "(return)")
    assert all(entry.due <= NOW for entry in queued.pending)
    failure_of(order(world.queue, "m9", Bounce("x")), NotFound)


def test_another_way_can_be_chosen_and_taken_back(world: World) -> None:
    world.add("m1")
    for via in ("mx9.test", "[2001:db8::1]:26", ""):
        result_of(order(world.queue, "m1", Reroute(via)))
        assert result_of(world.queue.list())[0].via == via
    for wrong in ("a b", "mx:x", "2001:db8::1", "x" * 300, "-x", ".b.test", "a\x1bb"):
        failure_of(order(world.queue, "m1", Reroute(wrong)), InvalidName)
    failure_of(order(world.queue, "m9", Reroute("mx9.test")), NotFound)


def test_a_lane_without_room_gives_nothing_and_the_others_their_turn(world: World) -> None:
    for id, where in (("m1", "x.test"), ("m2", "x.test"), ("m3", "y.test"), ("m4", "x.test")):
        world.add(id, Address("u", where))
    one_each: set[str] = set()

    def enter(lane: str) -> bool:
        free = lane not in one_each
        one_each.add(lane)
        return free

    leased = result_of(world.queue.lease(10, enter))
    assert [(one.envelope.id, one.lane) for one in leased] == [("m1", "x.test"), ("m3", "y.test")]
    assert world.queue.when_due(lambda lane: False) is None
    assert world.queue.when_due(lambda lane: lane == "x.test") == NOW
    assert [one.envelope.id for one in result_of(world.queue.lease(10))] == ["m2", "m4"]


def test_what_found_no_room_waits_in_the_lane_that_had_none(world: World) -> None:
    world.add("m1", BOB, EVE)
    world.lease_one()
    world.settle("m1", delayed(BOB), lane="mx.c.test")
    assert world.queue.when_due(lambda lane: lane == "mx.c.test") == NOW
    assert world.queue.when_due(lambda lane: lane != "mx.c.test") is None
    (queued,) = result_of(world.queue.lease(10))
    assert [entry.due > NOW for entry in queued.pending] == [True, False]
    world.settle("m1", delivered(EVE))
    (queued,) = result_of(world.queue.list())
    assert queued.due == NOW + MINUTE


def test_kick_can_mean_a_domain(world: World) -> None:
    world.add("m1")
    assert len(result_of(world.queue.order(Selection(domain="elsewhere.test"), Kick())).done) == 0
    assert len(result_of(world.queue.order(Selection(domain=BOB.domain), Kick())).done) == 1


def test_a_leased_message_kicked_is_still_leased(world: World) -> None:
    world.add("m1")
    world.lease_one()
    result_of(world.queue.order(EVERYTHING, Kick()))
    assert result_of(world.queue.lease(10)) == []


def test_drop_removes_without_a_word(world: World) -> None:
    world.add("m1")
    result_of(order(world.queue, "m1", Drop()))
    assert world.listed() == []
    assert world.queue.when_due() is None


@pytest.mark.parametrize("act", ["drop", "hold", "settle", "body"])
def test_what_is_not_there_is_not_found(world: World, act: str) -> None:
    calls = {
        "drop": lambda: order(world.queue, "none", Drop()),
        "hold": lambda: order(world.queue, "none", Hold()),
        "settle": lambda: world.queue.settle("none", []),
        "body": lambda: world.queue.body("none"),
    }
    failure_of(calls[act](), NotFound)


def test_who_was_noted_before_does_not_stand_for_who_still_waits(world: World) -> None:
    world.add("m1", BOB, EVE)
    id = world.lease_one()
    result_of(world.queue.note(id, {BOB}))
    assert world.settle(id, delivered(BOB)) == []
    (queued,) = result_of(world.queue.list())
    assert [entry.recipient.address for entry in queued.pending] == [EVE]


def test_a_failure_is_told_though_the_others_were_served(world: World) -> None:
    world.add("m1", BOB, EVE)
    id = world.lease_one()
    result_of(world.queue.note(id, {BOB, EVE}))
    assert world.settle(id, delivered(BOB), failed(EVE)) == [failed(EVE)]
    assert world.listed() == []


def test_watchers_are_woken_by_what_makes_something_due(world: World) -> None:
    woken: list[str] = []
    world.queue.watch(lambda: woken.append("woken"))
    world.add("m1")
    world.clock.advance(0)
    assert len(woken) == 1
    result_of(order(world.queue, "m1", Hold()))
    woken.clear()
    result_of(order(world.queue, "m1", Release()))
    assert woken
    woken.clear()
    result_of(world.queue.order(EVERYTHING, Kick()))
    assert woken


def test_the_list_is_oldest_first(world: World) -> None:
    for id in ("m3", "m1", "m2"):
        world.add(id)
        world.clock.advance(1)
    assert world.listed() == ["m3", "m1", "m2"]


def test_who_was_served_is_noted_while_the_message_is_leased(world: World) -> None:
    world.add("m1", BOB, EVE)
    world.lease_one()
    result_of(world.queue.note("m1", {BOB}))
    (queued,) = result_of(world.queue.list())
    assert [entry.recipient.address for entry in queued.pending] == [EVE]
    assert result_of(world.queue.lease(10)) == []
    world.settle("m1", delivered(BOB), delayed(EVE))
    world.clock.advance(MINUTE)
    (queued,) = result_of(world.queue.lease(10))
    assert [entry.recipient.address for entry in queued.pending] == [EVE]
    result_of(world.queue.note("m1", {EVE}))
    world.settle("m1", delivered(EVE))
    assert world.listed() == []
    failure_of(world.queue.note("m1", {EVE}), NotFound)
