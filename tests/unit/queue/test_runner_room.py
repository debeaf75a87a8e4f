"""How many go at once, to one host and in all, and who waits for room."""

from __future__ import annotations

import pytest
from runner_world import BOB, DAN, MX1, MXD, NOW, World, later

from mailsuite.model import (
    Address,
)
from mailsuite.queue.hosts import Destinations
from mailsuite.queue.schedule import DAY, MINUTE, Schedule
from mailsuite.testing.courier import unreachable
from mailsuite.testing.results import result_of


@pytest.fixture
def world() -> World:
    world = World()
    world.runner.start()
    return world


def test_no_more_than_so_many_at_once() -> None:
    world = World(at_once=7, per_destination=3)
    world.courier.paused = True
    for n in range(20):
        world.add(f"b{n}", BOB)
        world.add(f"d{n}", DAN)
    world.runner.start()
    assert world.courier.most_at_once == 6
    assert world.hosts().count("mx1.b.test") == 3
    world.courier.resume()
    world.courier.paused = False
    world.courier.resume()
    assert world.listed() == []
    assert world.courier.most_at_once <= 7


def test_a_slow_host_does_not_hold_up_the_others() -> None:
    world = World(at_once=4, per_destination=2)
    world.courier.paused = True
    for n in range(50):
        world.add(f"b{n}", BOB)
    world.runner.start()
    world.add("d", DAN)
    assert "mx.d.test" in world.hosts()
    world.courier.paused = False
    world.courier.resume()
    assert world.listed() == []


def test_many_messages_for_a_slow_host_take_no_leases_from_the_others() -> None:
    world = World(leases=10, at_once=10, per_destination=3)
    world.courier.paused = True
    world.runner.start()
    for n in range(100):
        world.add(f"b{n}", BOB)
    world.add("d", DAN)
    assert world.hosts().count("mx1.b.test") == 3
    assert world.hosts()[-1] == "mx.d.test"
    world.courier.paused = False
    world.courier.resume()
    assert world.listed() == []


def test_domains_behind_one_slow_host_share_its_places() -> None:
    world = World(leases=10, at_once=10, per_destination=3)
    world.router.table = {f"d{n}.test": (MX1,) for n in range(50)} | {"d.test": (MXD,)}
    world.courier.paused = True
    world.runner.start()
    for n in range(50):
        world.add(f"b{n}", Address("u", f"d{n}.test"))
    world.add("d", DAN)
    assert world.hosts().count("mx1.b.test") == 3
    assert world.hosts()[-1] == "mx.d.test"
    world.courier.paused = False
    world.courier.resume()
    assert world.listed() == []


def test_a_recipient_at_a_full_host_does_not_keep_the_others_of_the_message_back() -> None:
    world = World(per_destination=1)
    world.runner.start()
    world.courier.paused = True
    world.add("slow", BOB)
    world.courier.paused = False
    world.courier.answers["mx.d.test"] = later
    world.add("m1", BOB, DAN)
    assert world.courier.carried[1:] == [("mx.d.test", "m1", ("dan@d.test",))]
    world.courier.answers.clear()
    world.courier.resume()
    assert world.courier.carried[2:] == [("mx1.b.test", "m1", ("bob@b.test",))]
    assert world.waiting() == [DAN]
    world.clock.advance(10 * MINUTE)
    assert world.listed() == []


def test_a_message_that_finds_no_room_has_made_no_attempt() -> None:
    world = World(per_destination=1)
    world.runner.start()
    world.courier.paused = True
    world.router.table["b.test"] = (MX1,)
    world.router.table["c.test"] = (MX1,)
    world.add("slow", BOB)
    world.add("m1", Address("u", "c.test"))
    assert [(one.attempts, one.due) for one in result_of(world.queue.list())] == [(0, NOW), (0, NOW)]
    assert world.clock.getDelayedCalls() == []


def test_more_goes_to_a_host_that_takes_it_well_and_less_to_one_that_does_not() -> None:
    destinations = Destinations(2, 4)
    assert [destinations.enter("a") for _ in range(3)] == [True, True, False]
    assert destinations.enter("b")
    destinations.went("a", True)
    assert destinations.enter("a")
    assert not destinations.enter("a")
    for _ in range(20):
        destinations.went("a", True)
    assert destinations.enter("a")
    assert not destinations.has_room("a")
    destinations.went("a", False)
    for _ in range(2):
        destinations.leave("a")
        assert not destinations.has_room("a")
    destinations.leave("a")
    assert destinations.has_room("a")
    for _ in range(9):
        destinations.went("a", False)
    destinations.leave("a")
    assert destinations.enter("a")


def test_a_host_that_is_down_is_asked_once_in_a_while_however_many_wait() -> None:
    world = World(Schedule(waits=(5 * MINUTE,), jitter=0.1), unreachable=60.0)
    world.router.table = {"b.test": (MX1,)}
    world.courier.answers["mx1.b.test"] = unreachable
    world.runner.start()
    for n in range(200):
        world.add(f"m{n}")
    world.clock.pump([1] * 3600)
    assert len(world.listed()) == 200
    assert 12 <= len(world.courier.carried) <= 61


def test_when_all_leases_are_out_the_end_of_one_takes_the_next() -> None:
    world = World(leases=2, at_once=2)
    world.courier.paused = True
    for id in ("m1", "m2", "m3"):
        world.add(id)
    world.runner.start()
    assert len(world.courier.carried) == 2
    world.courier.paused = False
    world.courier.resume()
    assert world.listed() == []


def test_when_all_leases_were_out_what_is_delayed_is_tried_when_it_is_due() -> None:
    world = World(leases=2, at_once=2)
    world.runner.start()
    world.courier.answers["mx1.b.test"] = later
    world.add("slow")
    world.courier.paused = True
    for id in ("m1", "m2"):
        world.add(id, DAN)
    world.courier.answers.clear()
    world.courier.paused = False
    world.courier.resume()
    assert world.listed() == ["slow"]
    world.clock.advance(DAY)
    assert world.listed() == []
