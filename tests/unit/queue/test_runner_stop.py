"""How the runner stops: what is under way ends, or is broken off and left as it was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from runner_world import BOB, DAN, MXD, World
from twisted.internet.defer import Deferred

from mailsuite.interfaces import IBody
from mailsuite.model import (
    Envelope,
    Hop,
    Outcome,
    Recipient,
)
from mailsuite.queue.schedule import DAY
from mailsuite.testing.courier import unreachable
from mailsuite.testing.results import result_of, unfired


@pytest.fixture
def world() -> World:
    world = World()
    world.runner.start()
    return world


def test_stop_waits_for_what_is_under_way(world: World) -> None:
    world.courier.paused = True
    world.add("m1")
    stopped = world.runner.stop()
    assert unfired(stopped)
    world.courier.resume()
    result_of(stopped)
    assert world.listed() == []
    assert world.clock.getDelayedCalls() == []


def test_nothing_begins_after_stop(world: World) -> None:
    result_of(world.runner.stop())
    world.add("m1")
    world.clock.advance(DAY)
    assert world.courier.carried == []


def test_stop_breaks_off_what_takes_too_long_and_leaves_it_as_it_was() -> None:
    world = World(at_once=1, grace=10.0)
    world.courier.paused = True
    world.runner.start()
    world.add("m1", BOB)
    world.add("m2", DAN)
    stopped = world.runner.stop()
    world.clock.advance(9)
    assert unfired(stopped)
    world.clock.advance(1)
    result_of(stopped)
    assert world.listed() == ["m1", "m2"]
    assert [queued.attempts for queued in result_of(world.queue.list())] == [0, 0]
    assert len(world.courier.carried) == 1


def test_what_stop_broke_off_is_no_attempt() -> None:
    """The courier says "delayed" about a connection that it had to cut."""
    world = World(grace=10.0)
    world.runner.start()

    def deliver(hop: Hop, envelope: Envelope, those: Sequence[Recipient], body: IBody) -> Deferred[Sequence[Outcome]]:
        cut = [unreachable(hop, one.address) for one in those]
        return Deferred(lambda answer: answer.callback(cut))

    world.courier.deliver = deliver  # type: ignore[method-assign,assignment]
    world.add("m1")
    stopped = world.runner.stop()
    world.clock.advance(10)
    result_of(stopped)
    assert [queued.attempts for queued in result_of(world.queue.list())] == [0]


def test_stop_keeps_what_was_decided_before() -> None:
    world = World(grace=10.0)
    world.runner.start()
    plain = world.courier.deliver

    def deliver(hop: Hop, envelope: Envelope, those: Sequence[Recipient], body: IBody) -> Deferred[Sequence[Outcome]]:
        if hop is MXD:
            return Deferred()
        return plain(hop, envelope, those, body)

    world.courier.deliver = deliver  # type: ignore[method-assign,assignment]
    world.add("m1", BOB, DAN)
    stopped = world.runner.stop()
    world.clock.advance(10)
    result_of(stopped)
    assert world.waiting() == [DAN]
