"""services.steady: calls come when their time is over, whatever becomes of the clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.selectreactor import SelectReactor

from mailsuite.services.steady import SteadyTimers


class Time:
    """A wall clock, and one that nobody sets."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_750_000_000.0, 100.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def reactor() -> Iterator[SelectReactor]:
    """Twisted's own; nobody runs it."""
    reactor = SelectReactor()
    yield reactor
    for reader in reactor.removeAll():
        reader.connectionLost(None)  # type: ignore[attr-defined, arg-type]


def kept(reactor: SelectReactor, time: Time, woken: list[None]) -> None:
    timers = SteadyTimers(reactor, lambda: woken.append(None), lambda: time.wall, lambda: time.steady)
    reactor.seconds = timers.seconds  # type: ignore[method-assign]


def test_calls_come_in_time_though_the_clock_was_set_back(reactor: SelectReactor) -> None:
    time, woken, came = Time(), list[None](), list[str]()
    kept(reactor, time, woken)
    for delay in (30, 10, 20):
        reactor.callLater(delay, came.append, f"after {delay}")
    reactor.runUntilCurrent()
    time.passes(5)
    time.wall -= 7200
    time.passes(6)
    reactor.runUntilCurrent()
    assert came == ["after 10"]
    assert woken == [None]
    reactor.callLater(1, came.append, "asked for since")
    time.passes(2)
    reactor.runUntilCurrent()
    time.passes(18)
    reactor.runUntilCurrent()
    assert came == ["after 10", "asked for since", "after 20", "after 30"]


@pytest.mark.parametrize("jump", [-0.3, 3600.0])
def test_small_corrections_and_jumps_forward_are_left_to_the_reactor(reactor: SelectReactor, jump: float) -> None:
    time, woken = Time(), list[None]()
    kept(reactor, time, woken)
    call = reactor.callLater(10, int)
    due = call.getTime()
    time.wall += jump
    reactor.runUntilCurrent()
    assert woken == []
    assert call.getTime() == due


def test_a_clock_that_was_set_forward_may_be_set_back(reactor: SelectReactor) -> None:
    time, woken, came = Time(), list[None](), list[str]()
    kept(reactor, time, woken)
    time.wall += 3600
    reactor.callLater(10, came.append, "in ten seconds")
    time.wall -= 3600
    time.passes(11)
    reactor.runUntilCurrent()
    assert came == ["in ten seconds"]


def test_calls_that_were_cancelled_are_passed_over(reactor: SelectReactor) -> None:
    time, woken = Time(), list[None]()
    kept(reactor, time, woken)
    reactor.callLater(10, int).cancel()
    time.wall -= 3600
    reactor.runUntilCurrent()
    assert woken == [None]
