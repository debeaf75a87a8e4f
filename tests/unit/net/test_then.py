from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mailsuite.net.then import _rest, at_once, then
from mailsuite.testing.results import failure_of, result_of, unfired


def test_an_answer_that_is_there_is_gone_on_with_at_once() -> None:
    told: list[object] = []
    assert then(7, lambda answer, more: told.append((answer, more)), more="x") is None
    assert told == [(7, "x")]


def test_an_answer_that_comes_later_is_waited_for() -> None:
    told: list[object] = []
    answer: Deferred[int] = Deferred()
    waiting = then(answer, lambda answer, more: told.append((answer, more)), "x")
    assert waiting is not None
    assert unfired(waiting)
    answer.callback(7)
    result_of(waiting)
    assert told == [(7, "x")]


def test_what_is_gone_on_with_may_wait_itself() -> None:
    answer: Deferred[int] = Deferred()
    assert then(7, lambda number: answer) is answer


def test_a_failure_is_not_gone_on_with() -> None:
    told: list[object] = []
    answer: Deferred[int] = Deferred()
    waiting = then(answer, told.append)
    assert waiting is not None
    answer.errback(ZeroDivisionError())
    failure_of(waiting, ZeroDivisionError)
    assert told == []


def test_work_that_waits_for_nothing_is_done_at_once() -> None:
    done: list[int] = []
    fired: Deferred[int] = Deferred()
    fired.callback(3)

    async def work() -> None:
        done.append(await fired)

    assert at_once(work(), lambda: done.append(99)) is None
    assert done == [3]


def test_work_that_waits_goes_on_when_it_can() -> None:
    done: list[object] = []
    first: Deferred[int] = Deferred()
    second: Deferred[int] = Deferred()

    async def work() -> None:
        done.append(await first)
        try:
            await second
        except ZeroDivisionError:
            done.append("failed")

    waiting = at_once(work(), lambda: done.append("waits"))
    assert waiting is not None
    first.callback(1)
    assert unfired(waiting)
    second.errback(ZeroDivisionError())
    result_of(waiting)
    assert done == ["waits", 1, "failed"]


def test_what_work_raises_is_raised_now_or_later() -> None:
    held: Deferred[int] = Deferred()

    async def work(wait: bool) -> None:
        if wait:
            await held
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_once(work(False))
    waiting = at_once(work(True))
    assert waiting is not None
    held.callback(1)
    failure_of(waiting, ZeroDivisionError)


def test_who_gives_up_waiting_cancels_what_the_work_waits_for() -> None:
    held: Deferred[int] = Deferred()

    async def work() -> None:
        await held

    waiting = at_once(work())
    assert waiting is not None
    waiting.cancel()
    failure_of(waiting, CancelledError)
    assert held.called


@pytest.mark.parametrize("work_first", [False, True])
def test_work_that_nobody_waits_for_any_more_ends(work_first: bool) -> None:
    """The collector of garbage comes to it before or after what waited for it."""
    ended: list[str] = []

    async def work() -> None:
        try:
            await Deferred[None]()
        finally:
            ended.append("over")

    coroutine = work()
    waiting = _rest(coroutine, coroutine.send(None))
    next(waiting)
    if work_first:
        coroutine.close()
    waiting.close()
    assert ended == ["over"]
