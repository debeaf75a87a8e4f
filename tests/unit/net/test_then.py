from __future__ import annotations

from twisted.internet.defer import Deferred

from mailsuite.net.then import then
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
