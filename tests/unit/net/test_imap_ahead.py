"""``net.imap_ahead``: one part in hand, one on its way."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from mailsuite.errors import Temporary
from mailsuite.net.imap_ahead import Ahead
from mailsuite.testing.results import failure_of, result_of


class Parts:
    """What is asked for, to be answered by the test."""

    def __init__(self) -> None:
        self.asked: list[Deferred[str | None]] = []
        self.cancelled: list[Deferred[str | None]] = []

    async def read(self) -> str | None:
        self.asked.append(Deferred(self.cancelled.append))
        return await self.asked[-1]


@pytest.fixture
def parts() -> Parts:
    return Parts()


def following(ahead: Ahead[str]) -> Deferred[str | None]:
    return Deferred.fromCoroutine(ahead.next())


def test_the_next_part_is_read_while_one_is_used_and_no_more_than_that(parts: Parts) -> None:
    ahead = Ahead(parts.read)
    assert len(parts.asked) == 1
    parts.asked[0].callback("one")
    assert result_of(following(ahead)) == "one"
    assert len(parts.asked) == 2
    parts.asked[1].callback("two")
    assert len(parts.asked) == 2
    assert result_of(following(ahead)) == "two"


def test_after_the_last_nothing_is_asked(parts: Parts) -> None:
    ahead = Ahead(parts.read)
    parts.asked[0].callback(None)
    assert result_of(following(ahead)) is None
    ahead.close()
    assert len(parts.asked) == 1


def test_what_went_wrong_is_told_where_the_part_is_wanted(parts: Parts) -> None:
    ahead = Ahead(parts.read)
    parts.asked[0].callback("one")
    assert result_of(following(ahead)) == "one"
    parts.asked[1].errback(Temporary("broken"))
    failure_of(following(ahead), Temporary)


def test_closing_ends_the_reading(parts: Parts) -> None:
    ahead = Ahead(parts.read)
    ahead.close()
    assert parts.cancelled == parts.asked
