"""The thread pool: lanes side by side, one wake-up a batch, nothing lost at the stop.

What every IOffload does is in contracts/test_offload_contract.py.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mailsuite.offload import Offload
from mailsuite.testing.results import result_of, unfired
from mailsuite.testing.threads import ReactorByHand


@pytest.fixture
def reactor() -> ReactorByHand:
    return ReactorByHand()


@pytest.fixture
def offload(reactor: ReactorByHand) -> Iterator[Offload]:
    offload = Offload(reactor, threads=4)  # type: ignore[arg-type]
    offload.start()
    yield offload
    offload.stop()


def test_work_runs_in_a_thread_and_its_result_comes_back(reactor: ReactorByHand, offload: Offload) -> None:
    here = threading.get_ident()
    answer = offload.run(threading.get_ident)
    assert unfired(answer)
    reactor.until(answer)
    assert result_of(answer) != here


def test_lanes_do_not_wait_for_each_other(reactor: ReactorByHand, offload: Offload) -> None:
    gate = threading.Event()
    held = offload.run_in("one", gate.wait, 5)
    behind = offload.run_in("one", lambda: "behind")
    other = offload.run_in("two", lambda: "other")
    reactor.until(other)
    assert unfired(behind)
    gate.set()
    reactor.until(held, behind)
    assert result_of(behind) == "behind"


def test_many_results_are_one_wake_up(reactor: ReactorByHand) -> None:
    offload = Offload(reactor)  # type: ignore[arg-type]
    offload.start()
    answers = [offload.run(lambda: None) for _ in range(50)]
    offload.stop()  # returns when all of it ran; nothing was delivered yet
    assert reactor.turn() == 1
    assert not any(unfired(answer) for answer in answers)


def test_stop_lets_everything_that_was_asked_for_finish(reactor: ReactorByHand) -> None:
    offload = Offload(reactor)  # type: ignore[arg-type]
    offload.start()
    done: list[int] = []
    for number in range(100):
        offload.run_in(f"lane {number % 7}", done.append, number)
    offload.stop()
    assert sorted(done) == list(range(100))


def test_what_is_at_work_has_a_name(reactor: ReactorByHand, offload: Offload) -> None:
    assert offload.at_work() == []
    begun, gate = threading.Event(), threading.Event()

    def look() -> None:
        begun.set()
        gate.wait(5)

    held = offload.run_in("account:ann", look)
    other = offload.run(gate.wait, 5)
    assert begun.wait(5)
    while len(offload.at_work()) < 2:
        pass
    assert offload.at_work() == ["Event.wait", "account:ann"]
    gate.set()
    reactor.until(held, other)
    assert offload.at_work() == []
