"""The door to threads: order within a lane, one wake-up a batch, nothing lost at the stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mailsuite.interfaces import IOffload
from mailsuite.offload import Inline, Offload
from mailsuite.testing.results import failure_of, result_of, unfired


class Reactor:
    """Collects what threads ask the reactor to do; ``turn`` does it, in this thread."""

    def __init__(self) -> None:
        self.asked: list[Callable[[], None]] = []
        self.rang = threading.Event()

    def callFromThread(self, call: Callable[..., None], *args: Any) -> None:
        self.asked.append(lambda: call(*args))
        self.rang.set()

    def turn(self) -> int:
        """Do what was asked; how many wake-ups that were."""
        count = 0
        while self.asked:
            self.rang.clear()
            self.asked.pop(0)()
            count += 1
        return count

    def until(self, *waited: Deferred[Any]) -> None:
        while any(unfired(each) for each in waited):
            assert self.rang.wait(5)
            self.turn()


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def offload(reactor: Reactor) -> Iterator[Offload]:
    offload = Offload(reactor, threads=4)  # type: ignore[arg-type]
    offload.start()
    yield offload
    offload.stop()


def test_both_provide_the_interface(offload: Offload) -> None:
    verifyObject(IOffload, offload)
    verifyObject(IOffload, Inline())


def test_work_runs_in_a_thread_and_its_result_comes_back(reactor: Reactor, offload: Offload) -> None:
    here = threading.get_ident()
    answer = offload.run(threading.get_ident)
    assert unfired(answer)
    reactor.until(answer)
    assert result_of(answer) != here


def test_arguments_are_passed_on(reactor: Reactor, offload: Offload) -> None:
    def work(*args: int, **kwargs: int) -> object:
        return args, kwargs

    plain, laned = offload.run(work, 1, a=2), offload.run_in("lane", work, 3, b=4)
    reactor.until(plain, laned)
    assert result_of(plain) == ((1,), {"a": 2})
    assert result_of(laned) == ((3,), {"b": 4})
    assert result_of(Inline().run_in("lane", work, 3, b=4)) == ((3,), {"b": 4})


@pytest.mark.parametrize("laned", [True, False])
def test_what_work_raises_comes_back(reactor: Reactor, offload: Offload, laned: bool) -> None:
    def work() -> None:
        raise KeyError("x")

    answer = offload.run_in("lane", work) if laned else offload.run(work)
    reactor.until(answer)
    failure_of(answer, KeyError)
    failure_of(Inline().run(work), KeyError)


def test_a_lane_keeps_order_and_is_never_two_at_once(reactor: Reactor, offload: Offload) -> None:
    seen: list[int] = []
    inside = threading.Lock()

    def work(number: int) -> None:
        assert inside.acquire(blocking=False)
        seen.append(number)
        inside.release()

    answers = [offload.run_in("lane", work, number) for number in range(300)]
    reactor.until(*answers)
    assert seen == list(range(300))
    for answer in answers:
        result_of(answer)


def test_lanes_do_not_wait_for_each_other(reactor: Reactor, offload: Offload) -> None:
    gate = threading.Event()
    held = offload.run_in("one", gate.wait, 5)
    behind = offload.run_in("one", lambda: "behind")
    other = offload.run_in("two", lambda: "other")
    reactor.until(other)
    assert unfired(behind)
    gate.set()
    reactor.until(held, behind)
    assert result_of(behind) == "behind"


def test_a_failure_does_not_stop_its_lane(reactor: Reactor, offload: Offload) -> None:
    failed = offload.run_in("lane", lambda: 1 // 0)
    after = offload.run_in("lane", lambda: "after")
    reactor.until(after)
    failure_of(failed, ZeroDivisionError)
    assert result_of(after) == "after"


def test_many_results_are_one_wake_up(reactor: Reactor) -> None:
    offload = Offload(reactor)  # type: ignore[arg-type]
    offload.start()
    answers = [offload.run(lambda: None) for _ in range(50)]
    offload.stop()  # returns when all of it ran; nothing was delivered yet
    assert reactor.turn() == 1
    assert not any(unfired(answer) for answer in answers)


def test_a_cancelled_answer_is_forgotten_and_the_work_still_done(reactor: Reactor, offload: Offload) -> None:
    ran = threading.Event()
    gate = threading.Event()
    answer = offload.run_in("lane", lambda: (gate.wait(5), ran.set()))
    swallowed: list[Any] = []
    answer.addErrback(swallowed.append)
    answer.cancel()
    gate.set()
    assert ran.wait(5)
    after = offload.run_in("lane", lambda: "after")
    reactor.until(after)
    assert len(swallowed) == 1


def test_stop_lets_everything_that_was_asked_for_finish(reactor: Reactor) -> None:
    offload = Offload(reactor)  # type: ignore[arg-type]
    offload.start()
    done: list[int] = []
    for number in range(100):
        offload.run_in(f"lane {number % 7}", done.append, number)
    offload.stop()
    assert sorted(done) == list(range(100))
