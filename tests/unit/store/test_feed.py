"""The change feed: bounded, in order, nothing twice."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from mailsuite.interfaces import IWatch
from mailsuite.model import Arrived, Gone, Overflow, Vanished
from mailsuite.store.feed import MAX_UNWATCHED, Feed

NO = frozenset[str]()


def arrived(*uids: int) -> Arrived:
    return Arrived(uids, (NO,) * len(uids))


def test_a_watch_gets_what_came_after_its_position() -> None:
    feed = Feed()
    feed.publish(arrived(1))
    watch = feed.watch(feed.position, lambda: None)
    verifyObject(IWatch, watch)
    feed.publish(arrived(2))
    feed.publish(arrived(3))
    assert list(watch.take()) == [arrived(2), arrived(3)]
    assert list(watch.take()) == []


def test_the_log_is_bounded_by_the_messages_it_names() -> None:
    feed = Feed(max_named=10)
    slow, quick = feed.watch(0, lambda: None), feed.watch(0, lambda: None)
    for number in range(1, 20):
        feed.publish(arrived(number))
        assert list(quick.take()) == [arrived(number)]
    assert list(slow.take()) == [Overflow()]
    feed.publish(arrived(20))
    assert list(slow.take()) == []
    assert list(quick.take()) == [arrived(20)]


def test_while_nobody_watches_little_is_kept() -> None:
    """A busy server has many mailboxes, and most are not looked at."""
    feed = Feed()
    for number in range(1, 2 * MAX_UNWATCHED):
        feed.publish(arrived(number))
    assert len(feed._changes) == MAX_UNWATCHED
    assert list(feed.watch(0, lambda: None).take()) == [Overflow()]
    watch = feed.watch(feed.position - MAX_UNWATCHED, lambda: None)
    for number in range(2 * MAX_UNWATCHED, 4 * MAX_UNWATCHED):
        feed.publish(arrived(number))
    assert list(watch.take()) == [arrived(number) for number in range(MAX_UNWATCHED, 4 * MAX_UNWATCHED)]


def test_a_change_larger_than_the_bound_is_still_told() -> None:
    feed = Feed(max_named=10)
    watch = feed.watch(0, lambda: None)
    feed.publish(Vanished(tuple(range(1, 100)), 5))
    assert len(watch.take()) == 1


def test_nothing_comes_after_gone() -> None:
    feed = Feed()
    watch = feed.watch(0, lambda: None)
    feed.publish(Gone())
    assert list(watch.take()) == [Gone()]
    feed.publish(arrived(1))
    assert list(watch.take()) == []
    assert not feed.watched


def test_a_watch_that_fails_does_not_keep_others_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    feed = Feed()
    heard = []

    def broken() -> None:
        raise RuntimeError("a session's bug")

    watches = [feed.watch(0, broken), feed.watch(0, lambda: heard.append(1))]
    feed.publish(arrived(1))
    feed.wake()
    feed.wake()
    assert heard == [1]
    assert [len(watch.take()) for watch in watches] == [1, 1]


def test_a_watch_may_close_itself_when_woken() -> None:
    feed = Feed()
    watches = []

    def close() -> None:
        for watch in watches:
            watch.close()

    watches += [feed.watch(0, close), feed.watch(0, close)]
    feed.publish(arrived(1))
    feed.wake()
    assert not feed.watched
