"""What was sent and cannot be written down is listed with the reason, and can only be dropped."""

from __future__ import annotations

import pytest
from queue_world import BOB, EVE, FULL, World, delayed

from mailsuite.errors import NotFound, NotWritten, Temporary
from mailsuite.model import Bounce, Delivered, Drop, Hold, Kick, Order, Outcome, Release, Reroute
from mailsuite.queue.schedule import HOUR
from mailsuite.testing.queue import order
from mailsuite.testing.results import failure_of, result_of

SENT: tuple[Outcome, ...] = (Delivered(BOB, "mx", "250 ok"), Delivered(EVE, "mx", "250 ok"))
IN_PART: tuple[Outcome, ...] = (Delivered(BOB, "mx", "250 ok"), delayed(EVE))


def unwritten(*outcomes: Outcome, told: bool = False) -> World:
    world = World()
    world.add("m1")
    world.lease()
    world.disk.fail("unlink", FULL)
    world.disk.fail("replace", FULL)
    failure_of(world.queue.settle("m1", outcomes, told), NotWritten)
    world.disk._faults.clear()
    return world


@pytest.mark.parametrize("outcomes", [SENT, IN_PART], ids=["all", "in part"])
def test_it_is_listed_with_the_reason_until_it_is_written(outcomes: tuple[Outcome, ...]) -> None:
    world = unwritten(*outcomes)
    assert world.one("m1").unwritten == "no space left"
    world.disk.fail("unlink", Temporary("read-only"))
    world.disk.fail("replace", Temporary("read-only"))
    failure_of(world.queue.write("m1"), NotWritten)
    assert world.one("m1").unwritten == "read-only"
    world.disk._faults.clear()
    result_of(world.queue.write("m1"))
    if outcomes == SENT:
        assert world.known() == {}
    else:
        assert world.one("m1").unwritten == ""
    assert world.known(world.started()) == world.known()


@pytest.mark.parametrize("what", [Hold(), Release(), Kick(), Reroute("mx9.test"), Bounce("no")])
@pytest.mark.parametrize("outcomes", [SENT, IN_PART], ids=["all", "in part"])
def test_it_is_not_steered(outcomes: tuple[Outcome, ...], what: Order) -> None:
    world = unwritten(*outcomes)
    before = world.one("m1")
    words = "tried, and the result is not written yet (see `queue why`): it can only be dropped"
    assert str(failure_of(order(world.queue, "m1", what), Temporary)) == words
    assert world.one("m1") == before


@pytest.mark.parametrize("outcomes", [SENT, IN_PART], ids=["all", "in part"])
def test_dropped_it_is_forgotten_and_does_not_come_back(outcomes: tuple[Outcome, ...]) -> None:
    world = unwritten(*outcomes)
    world.disk.fail("unlink", FULL)
    failure_of(order(world.queue, "m1", Drop()), Temporary)
    assert world.one("m1").unwritten == "no space left"
    result_of(order(world.queue, "m1", Drop()))
    failure_of(world.queue.write("m1"), NotFound)
    assert world.known(world.started()) == {}


def test_an_order_that_waits_for_the_write_that_fails_is_refused_too() -> None:
    world = World()
    world.add("m1")
    world.lease()
    world.jobs.at_once = False
    settling = world.queue.settle("m1", SENT)
    holding = order(world.queue, "m1", Hold())
    world.write(fails=True)
    failure_of(settling, NotWritten)
    failure_of(holding, Temporary)
    assert not world.one("m1").held


def test_what_could_not_be_noted_is_written_with_the_rest() -> None:
    world = World()
    world.add("m1")
    world.lease()
    world.disk.fail("replace", FULL)
    failure_of(world.queue.note("m1", {BOB}), NotWritten)
    assert world.one("m1").unwritten == "no space left"
    world.disk.fail("replace", FULL)
    failure_of(world.queue.settle("m1", [delayed(EVE)]), NotWritten)
    world.clock.advance(HOUR)
    assert world.lease() == []
    result_of(world.queue.write("m1"))
    assert (world.one("m1").unwritten, world.lease()) == ("", ["m1"])
    assert world.known(world.started()) == world.known()


def test_who_was_told_of_a_delay_that_is_not_noted_keeps_the_lease() -> None:
    world = unwritten(delayed(BOB), delayed(EVE), told=True)
    assert world.one("m1").unwritten == "no space left"
    world.clock.advance(HOUR)
    assert world.lease() == []
    result_of(world.queue.write("m1"))
    assert world.lease() == ["m1"]
    assert world.known(world.started())["m1"].told == world.known()["m1"].told > 0
