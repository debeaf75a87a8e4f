"""Orders are durable first and then in force, whatever comes in between; what cannot be written has not happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_world import BOB, EVE, FULL, World, delayed
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.errors import MailError, NotFound, Temporary
from mailsuite.model import (
    EVERYTHING,
    Address,
    Bounce,
    Delivered,
    Drop,
    Hold,
    Kick,
    Order,
    Ordered,
    Release,
    Reroute,
    Selection,
)
from mailsuite.queue.schedule import HOUR
from mailsuite.queue.turns import Turns
from mailsuite.queue.writes import AT_ONCE
from mailsuite.testing.queue import order
from mailsuite.testing.results import failure_of, result_of

ORDERS: Sequence[Order] = (Hold(), Release(), Kick(), Reroute("mx9.test"), Bounce("no"), Drop())


def delivered(*addresses: Address) -> list[Delivered]:
    return [Delivered(one, "mx", "250 ok") for one in addresses]


def tried(*ids: str) -> World:
    """A queue with messages that were tried once, and what is written from now on waits."""
    world = World()
    world.add(*ids)
    for id in world.lease():
        result_of(world.queue.settle(id, [delayed(BOB), delayed(EVE)]))
    return world


@pytest.fixture
def world() -> World:
    return tried("m1", "m2", "m3")


@pytest.mark.parametrize("what", ORDERS, ids=lambda what: type(what).__name__)
def test_an_order_that_cannot_be_written_has_not_happened(world: World, what: Order) -> None:
    if isinstance(what, Release):
        result_of(order(world.queue, "m1", Hold()))
    before = result_of(world.queue.list())
    world.disk.fail("replace", FULL)
    world.disk.fail("unlink", FULL)
    assert result_of(world.queue.order(Selection(ids=("m1",)), what)) == Ordered((), {"m1": "no space left"})
    assert result_of(world.queue.list()) == before
    assert world.known(world.started()) == world.known()
    world.disk._faults.clear()
    result_of(order(world.queue, "m1", what))
    assert result_of(world.queue.list()) != before
    assert world.known(world.started()) == world.known()


@pytest.mark.parametrize("what", ORDERS, ids=lambda what: type(what).__name__)
def test_an_order_is_not_in_force_before_it_is_written(world: World, what: Order) -> None:
    if isinstance(what, Release):
        result_of(order(world.queue, "m1", Hold()))
    before = result_of(world.queue.list())
    world.jobs.at_once = False
    done = order(world.queue, "m1", what)
    assert (result_of(world.queue.list()), done.called) == (before, False)
    world.write()
    result_of(done)
    assert result_of(world.queue.list()) != before


@pytest.mark.parametrize("what", [Hold(), Bounce("no"), Reroute("mx9.test"), Drop()])
@pytest.mark.parametrize("fails", [False, True])
def test_no_attempt_begins_while_an_order_is_written(world: World, what: Order, fails: bool) -> None:
    """It would end after it was said that the message is held, or gone."""
    world.clock.advance(HOUR)
    seen: list[Sequence[str]] = []
    world.queue.watch(lambda: seen.append(world.lease()))
    world.jobs.at_once = False
    ordering = world.queue.order(Selection(ids=("m1",)), what)
    assert world.lease() == ["m2", "m3"]
    world.write(fails)
    assert bool(result_of(ordering).failed) is fails
    goes_on = fails or not isinstance(what, Hold | Drop)
    assert seen == [["m1"] if goes_on else []]


@pytest.mark.parametrize("what", [Bounce("no"), Reroute("mx9.test")])
def test_what_is_ordered_elsewhere_during_an_attempt_does_not_wait_for_the_host_it_was_to_go_to(what: Order) -> None:
    world = World()
    world.add("m1")
    world.lease()
    result_of(order(world.queue, "m1", what))
    result_of(world.queue.settle("m1", [], False, "slow.test"))
    leased = result_of(world.queue.lease(1, lambda lane: lane != "slow.test"))
    assert [one.envelope.id for one in leased] == ["m1"]


def test_what_waits_for_room_waits_on_through_other_orders() -> None:
    world = World()
    world.add("m1")
    world.lease()
    result_of(order(world.queue, "m1", Kick()))
    result_of(world.queue.settle("m1", [], False, "slow.test"))
    assert not result_of(world.queue.lease(1, lambda lane: lane != "slow.test"))


def test_what_could_not_be_written_is_told_and_the_rest_is_done(world: World) -> None:
    world.disk.fail("replace", FULL)
    ordered = result_of(world.queue.order(EVERYTHING, Hold()))
    assert ordered == Ordered(("m2", "m3"), {"m1": "no space left"})
    assert [world.one(id).held for id in ("m1", "m2", "m3")] == [False, True, True]


def test_many_are_written_in_few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"m{number}" for number in range(3 * AT_ONCE)]
    world = tried(*ids)
    batches: list[int] = []
    record = world.disk.record
    monkeypatch.setattr(world.disk, "record", lambda units: batches.append(len(units)) or record(units))
    world.jobs.at_once = False
    kicked = world.queue.order(EVERYTHING, Kick())
    while not kicked.called:
        world.write_all()
        world.clock.advance(0)
    assert len(result_of(kicked).done) == len(ids)
    assert len(batches) <= 2 * 3


def test_others_have_their_turn_while_many_are_kicked() -> None:
    world = World()
    world.add(*(f"m{number}" for number in range(2 * AT_ONCE + 1)))
    kicked = world.queue.order(EVERYTHING, Kick())
    assert sum(bool(one.kicked) for one in result_of(world.queue.list())) == AT_ONCE
    world.clock.advance(0)
    assert len(result_of(kicked).done) == 2 * AT_ONCE + 1


def test_what_is_due_already_is_kicked_without_a_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.clock.advance(HOUR)
    monkeypatch.setattr(world.disk, "record", lambda units: pytest.fail("written"))
    assert len(result_of(world.queue.order(EVERYTHING, Kick())).done) == 3
    assert world.one("m1").kicked == world.clock.seconds()


@pytest.mark.parametrize("what", ORDERS[:-1], ids=lambda what: type(what).__name__)
@pytest.mark.parametrize("fails", [False, True])
def test_a_result_that_comes_while_an_order_is_written_is_kept(world: World, what: Order, fails: bool) -> None:
    world.clock.advance(HOUR)
    world.add("fresh")
    world.lease()
    result_of(world.queue.settle("m1", [delayed(BOB), delayed(EVE)]))
    world.jobs.at_once = False
    ordering = order(world.queue, "m1", what)
    settling = world.queue.note("m1", {BOB})
    world.write(fails)
    world.write_all()
    if fails:
        failure_of(ordering, Temporary)
    else:
        result_of(ordering)
    result_of(settling)
    one = world.one("m1")
    assert [entry.recipient.address for entry in one.pending] == [EVE]
    ordered = (one.held, one.released, one.via, one.returned, one.kicked > 0)
    assert (ordered == (False, False, "", "", False)) is fails
    world.jobs.at_once = True
    assert world.known(world.started()) == world.known()


@pytest.mark.parametrize("what", ORDERS, ids=lambda what: type(what).__name__)
def test_an_order_that_comes_during_the_removal_leaves_nothing_behind(world: World, what: Order) -> None:
    world.clock.advance(HOUR)
    world.lease()
    world.jobs.at_once = False
    settling = world.queue.settle("m1", delivered(BOB, EVE))
    ordering = order(world.queue, "m1", what)
    world.write_all()
    result_of(settling)
    failure_of(ordering, NotFound)
    assert world.orphans == set()
    world.jobs.at_once = True
    assert "m1" not in world.known(world.started())


def test_a_result_that_comes_while_the_message_is_dropped_leaves_nothing_behind(world: World) -> None:
    world.clock.advance(HOUR)
    world.lease()
    world.jobs.at_once = False
    dropping = order(world.queue, "m1", Drop())
    settling = world.queue.settle("m1", [delayed(BOB), delayed(EVE)])
    world.write_all()
    result_of(dropping)
    failure_of(settling, NotFound)
    assert world.orphans == set()


def test_turns_are_taken_in_order_however_many_wait() -> None:
    turns = Turns()
    seen: list[int] = []

    async def one(number: int) -> None:
        await turns.take("m1")
        seen.append(number)
        turns.end("m1")

    result_of(Deferred.fromCoroutine(turns.take("m1")))
    waiting = [Deferred.fromCoroutine(one(number)) for number in range(5000)]
    assert seen == []
    turns.end("m1")
    for each in waiting:
        result_of(each)
    assert seen == list(range(5000))
    assert (turns._taken, turns._waiting) == (set(), {})


# -- anything, in any order, on a disk that fails now and then --------------------------------------------------------

IDS = ("m1", "m2")
ids = st.sampled_from(IDS)
actions = st.one_of(
    st.tuples(st.just("order"), ids, st.sampled_from(ORDERS)),
    st.tuples(st.just("settle"), ids, st.sampled_from([(BOB,), (EVE,), (BOB, EVE), ()])),
    st.tuples(st.just("note"), ids),
    st.tuples(st.just("lease")),
    st.tuples(st.just("write"), st.booleans()),
)


class Model:
    """What was ordered, and done, in the order in which that was said."""

    def __init__(self) -> None:
        self.world = World()
        self.world.add(*IDS)
        self.world.jobs.at_once = False
        #: Of each message: held, released, via, returned.
        self.ordered: dict[str, tuple[bool, bool, str, str]] = dict.fromkeys(IDS, (False, False, "", ""))
        self.leased: set[str] = set()
        self.noting: set[str] = set()
        #: Known here and not on disk: it costs one more attempt.
        self.behind: set[str] = set()
        #: Sent, and not on disk yet.
        self.unwritten: set[str] = set()

    def order(self, id: str, what: Order) -> None:
        order(self.world.queue, id, what).addCallbacks(
            self._done, lambda failure: failure.trap(MailError), callbackArgs=(id, what)
        )

    def _done(self, _: None, id: str, what: Order) -> None:
        held, released, via, returned = self.ordered[id]
        match what:
            case Hold():
                self.ordered[id] = (True, False, via, returned)
            case Release():
                self.ordered[id] = (False, True, via, returned)
            case Reroute():
                self.ordered[id] = (held, released, what.via, returned)
            case Bounce():
                self.ordered[id] = (False, released, via, what.words)
            case Drop():
                del self.ordered[id]

    def settle(self, id: str, served: Sequence[Address]) -> None:
        if id in self.leased - self.noting:
            self.leased.discard(id)
            outcomes = [Delivered(one, "mx", "250 ok") if one in served else delayed(one) for one in (BOB, EVE)]
            settling = self.world.queue.settle(id, outcomes)
            settling.addCallbacks(self._settled, self._not_written, (id,), {}, (id, bool(served)))

    def _settled(self, _: Any, id: str) -> None:
        if id not in self.world.known():
            self.ordered.pop(id)

    def _not_written(self, failure: Failure, id: str, final: bool) -> None:
        if failure.check(NotFound) is None:
            failure.trap(Temporary)
            (self.unwritten if final else self.behind).add(id)

    def note(self, id: str) -> None:
        if id in self.leased - self.noting:
            self.noting.add(id)
            noting = self.world.queue.note(id, {BOB}).addErrback(self._not_written, id, False)
            noting.addCallback(lambda _: self.noting.discard(id))

    def lease(self) -> None:
        self.world.clock.advance(HOUR)
        self.leased |= {*self.world.lease()}

    def write(self, fails: bool) -> None:
        if self.world.jobs.waiting:
            self.world.write(fails)

    def finish(self) -> None:
        """The disk is well again."""
        self.world.write_all()
        for id in self.unwritten:
            self.world.queue.write(id).addCallbacks(self._settled, lambda why: why.trap(NotFound), callbackArgs=(id,))
        self.world.write_all()
        self.world.jobs.at_once = True


@settings(max_examples=400, deadline=None)
@given(st.lists(actions, max_size=25))
def test_memory_and_disk_have_what_was_ordered_and_what_was_done(steps: list[tuple[Any, ...]]) -> None:
    model = Model()
    for name, *arguments in [("lease",), *steps]:
        getattr(model, name)(*arguments)
    model.finish()
    known, found = model.world.known(), model.world.known(model.world.started())
    assert set(known) == set(found) == set(model.ordered)
    assert model.world.orphans == set()
    for id, wanted in model.ordered.items():
        for state in (known[id], found[id]):
            assert (state.held, state.released, state.via, state.returned) == wanted
        if id not in model.behind:
            assert known[id] == found[id]
