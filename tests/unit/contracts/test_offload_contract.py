"""What every IOffload does: the thread pool, work on the spot, and work that waits until a test lets it go."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from mailsuite.interfaces import IOffload
from mailsuite.offload import Inline, Offload
from mailsuite.testing.held import HeldOffload
from mailsuite.testing.results import failure_of, result_of
from mailsuite.testing.threads import ReactorByHand
from mailsuite.testing.world.clock import HostClock, Timeline
from mailsuite.testing.world.disks import Disks, HostDisk
from mailsuite.testing.world.offload import SimulatedOffload

Door = Callable[..., Deferred[Any]]


class World:
    """An offload under test; ``done`` lets its work happen until all of these have fired."""

    def __init__(self, offload: Any, done: Callable[..., None]) -> None:
        self.offload = offload
        self.done = done

    def door(self, laned: bool) -> Door:
        """Either way in."""
        return lambda work, *args, **kwargs: (
            self.offload.run_in("lane", work, *args, **kwargs) if laned else self.offload.run(work, *args, **kwargs)
        )


@pytest.fixture(params=["threads", "inline", "held", "simulated"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "threads":
        reactor = ReactorByHand()
        offload = Offload(reactor, threads=4)  # type: ignore[arg-type]
        offload.start()
        yield World(offload, reactor.until)
        offload.stop()
    elif request.param == "inline":
        yield World(Inline(), lambda *waited: None)
    elif request.param == "simulated":
        timeline = Timeline(0.0)
        clock = HostClock(timeline)
        disk = HostDisk(str(tmp_path), clock.seconds)
        simulated = SimulatedOffload(clock, random.Random(1), Disks(), disk, lambda: pytest.fail("no power is lost"))
        yield World(simulated, lambda *waited: _all_of(timeline))
    else:
        held = HeldOffload()
        yield World(held, lambda *waited: held.go())


def _all_of(timeline: Timeline) -> None:
    while timeline.step(60.0):
        pass


both_doors = pytest.mark.parametrize("laned", [False, True], ids=["run", "run_in"])


def test_it_is_an_offload(world: World) -> None:
    assert verifyObject(IOffload, world.offload)


@both_doors
def test_arguments_go_in_and_the_result_comes_back(world: World, laned: bool) -> None:
    answer = world.door(laned)(lambda *args, **kwargs: (args, kwargs), 1, 2, a=3)
    world.done(answer)
    assert result_of(answer) == ((1, 2), {"a": 3})


@both_doors
def test_what_work_raises_comes_back_and_harms_no_other(world: World, laned: bool) -> None:
    error = KeyError("x")

    def work() -> None:
        raise error

    answer = world.door(laned)(work)
    after = world.door(laned)(lambda: "after")
    world.done(answer, after)
    assert failure_of(answer, KeyError) is error
    assert result_of(after) == "after"


@both_doors
def test_answers_come_in_the_reactor_thread(world: World, laned: bool) -> None:
    told: list[int] = []
    answer = world.door(laned)(lambda: None).addCallback(lambda _: told.append(threading.get_ident()))
    world.done(answer)
    assert told == [threading.get_ident()]


def test_a_lane_keeps_the_order_asked_and_is_never_two_at_once(world: World) -> None:
    seen: list[int] = []
    inside = threading.Lock()

    def work(number: int) -> None:
        assert inside.acquire(blocking=False)
        seen.append(number)
        inside.release()

    answers = [world.offload.run_in("lane", work, n) for n in range(300)]
    world.done(*answers)
    assert seen == list(range(300))
    for answer in answers:
        result_of(answer)


def test_answers_of_a_lane_come_in_its_order(world: World) -> None:
    told: list[int] = []
    answers = [world.offload.run_in("lane", lambda n=n: n).addCallback(told.append) for n in range(100)]
    world.done(*answers)
    assert told == list(range(100))


def test_work_may_be_asked_for_from_an_answer(world: World) -> None:
    more: list[Deferred[int]] = []
    answer = world.offload.run_in("lane", lambda: 1)
    answer.addCallback(lambda one: more.append(world.offload.run_in("lane", lambda: one + 1)))
    world.done(answer)
    world.done(*more)
    assert [result_of(each) for each in more] == [2]


@both_doors
def test_a_cancelled_answer_ends_the_waiting_and_not_the_work(world: World, laned: bool) -> None:
    ran = threading.Event()
    answer = world.door(laned)(ran.set)
    waiting = not answer.called
    answer.cancel()
    if waiting:
        failure_of(answer, CancelledError)
    after = world.door(laned)(lambda: "after")
    world.done(after)
    assert ran.wait(5)
    assert result_of(after) == "after"
