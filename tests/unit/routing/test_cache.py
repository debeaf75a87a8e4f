"""Answers of DNS known again: until they expire, and no more of them than was allowed."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from mailsuite.routing.cache import LONGEST, LONGEST_NEGATIVE, SHORTEST, Answer, AnswerCache

HERE, NO_RECORDS, NO_NAME = Answer(("x",)), Answer(()), Answer((), exists=False)
QUESTION = ("b.test", "MX")


@pytest.mark.parametrize(
    ("answer", "ttl", "good_for"),
    [
        (HERE, 300, 300),
        (HERE, 0, SHORTEST),
        (HERE, 10 * LONGEST, LONGEST),
        (NO_RECORDS, 60, 60),
        (NO_NAME, 60, 60),
        (NO_RECORDS, 10 * LONGEST, LONGEST_NEGATIVE),
        (NO_NAME, 10 * LONGEST, LONGEST_NEGATIVE),
    ],
)
def test_an_answer_is_good_for_its_ttl_within_bounds(answer: Answer, ttl: float, good_for: float) -> None:
    clock = Clock()
    cache = AnswerCache(10, clock.seconds)
    cache.keep(QUESTION, answer, ttl)
    clock.advance(good_for - 0.1)
    assert cache.get(QUESTION) == answer
    clock.advance(0.1)
    assert cache.get(QUESTION) is None


def test_what_nobody_asked_for_the_longest_is_forgotten_first() -> None:
    cache = AnswerCache(2, Clock().seconds)
    for name in "ab":
        cache.keep((name, "A"), HERE, 60)
    assert cache.get(("a", "A"))
    cache.keep(("c", "A"), HERE, 60)
    assert cache.get(("b", "A")) is None
    assert cache.get(("a", "A"))
    assert cache.get(("c", "A"))


def test_a_later_answer_takes_the_place_of_the_one_before() -> None:
    cache = AnswerCache(2, Clock().seconds)
    cache.keep(QUESTION, HERE, 60)
    cache.keep(QUESTION, NO_NAME, 60)
    assert cache.get(QUESTION) == NO_NAME
