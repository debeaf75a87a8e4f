"""Reading ahead: what is asked of the mailbox, what is kept, and what is not given any more."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from mailsuite.errors import Expunged, MailError, Temporary
from mailsuite.net.pop3_ahead import GROUP, MOST, Ahead, Shelf
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.results import failure_of, result_of

TIM = "tim@example.org"


class Mailbox:
    """The double's INBOX that tells what it was asked, and answers when ``go`` says so if it is ``held``."""

    def __init__(self, count: int, size: int = 20) -> None:
        self.stores = MemoryStores(Clock())
        for number in range(1, count + 1):
            self.stores.deliver(TIM, b"%d\r\n" % number + b"x" * (size - 2))
        self.inner = self.stores.store(TIM).mailbox("INBOX")
        self.asked: list[list[int]] = []
        self.held = False
        self.waiting: list[Deferred[None]] = []

    def watch(self, at: int, woken: object) -> object:
        return self.inner.watch(at, woken)  # type: ignore[arg-type]

    def octets(self, uids: Sequence[int], most: int) -> Deferred[Sequence[bytes | MailError]]:
        self.asked.append(list(uids))
        answer: Deferred[Sequence[bytes | MailError]] = self.inner.octets(uids, most)
        if self.held:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            return waiting.addCallback(lambda _: answer)
        return answer

    def go(self) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.callback(None)


def ahead_of(mailbox: Mailbox, shelf: Shelf | None = None) -> Ahead:
    listing = result_of(mailbox.inner.listing(False))
    return Ahead(mailbox, listing.uids, listing.at, shelf or Shelf())  # type: ignore[arg-type]


def get(ahead: Ahead, index: int, coming: Sequence[int] = ()) -> bytes | MailError:
    found = ahead.take(index)
    return found if found is not None else result_of(Deferred.fromCoroutine(ahead.get(index, coming)))


def number_of(found: bytes | MailError) -> int:
    assert isinstance(found, bytes)
    return int(found.partition(b"\r\n")[0])


def test_messages_in_order_are_read_in_groups_that_grow() -> None:
    mailbox = Mailbox(500)
    ahead = ahead_of(mailbox)
    assert [number_of(get(ahead, index)) for index in range(500)] == list(range(1, 501))
    assert [uid for group in mailbox.asked for uid in group] == list(range(1, 501))
    assert max(map(len, mailbox.asked)) == MOST
    assert len(mailbox.asked) < 15


@pytest.mark.parametrize("size", [10_000, 17_000, 40_000, 200_000])
def test_what_is_coming_in_order_is_not_let_go_to_be_read_again(size: int) -> None:
    """However many of them are as much as is read at a time."""
    mailbox = Mailbox(100, size)
    ahead = ahead_of(mailbox)
    for index in range(100):
        get(ahead, index)
    begun = [group[0] for group in mailbox.asked]
    assert begun == sorted(set(begun))
    assert len(begun) <= 4 + 100 // (GROUP // size)


def test_one_message_costs_no_more_than_a_small_group() -> None:
    mailbox = Mailbox(500)
    ahead = ahead_of(mailbox)
    get(ahead, 400)
    assert mailbox.asked == [list(range(401, 409))]


def test_what_is_coming_is_read_with_it() -> None:
    mailbox = Mailbox(100)
    ahead = ahead_of(mailbox)
    assert [number_of(get(ahead, index, coming)) for index, coming in ((70, (3, 50)), (3, (50,)), (50, ()))] == [
        71,
        4,
        51,
    ]
    assert mailbox.asked == [[71, 4, 51]]


def test_a_message_may_be_asked_for_twice_and_one_before_it_later() -> None:
    mailbox = Mailbox(20)
    ahead = ahead_of(mailbox)
    assert [number_of(get(ahead, index)) for index in (5, 5, 6, 2, 19, 0)] == [6, 6, 7, 3, 20, 1]


def test_large_messages_are_read_as_far_as_the_limit_goes() -> None:
    mailbox = Mailbox(20, size=100_000)
    ahead = ahead_of(mailbox)
    assert [number_of(get(ahead, index)) for index in range(20)] == list(range(1, 21))


@pytest.mark.parametrize(
    "order",
    [range(99, -1, -1), [99, *range(99)], [*range(0, 100, 2), *range(1, 100, 2)], [*range(100), *range(100)]],
    ids=["newest first", "newest, then oldest first", "every second", "twice"],
)
def test_in_any_order_no_more_than_two_groups_are_kept(order: Sequence[int]) -> None:
    mailbox, shelf = Mailbox(100, size=40_000), Shelf()
    ahead = ahead_of(mailbox, shelf)
    held = []
    for index in order:
        assert number_of(get(ahead, index)) == index + 1
        held.append(shelf.octets)
    assert max(held) <= 2 * GROUP


def test_who_asks_for_the_newest_first_has_each_message_read_once() -> None:
    mailbox = Mailbox(100, size=40_000)
    ahead = ahead_of(mailbox)
    for index in range(99, -1, -1):
        get(ahead, index)
    assert mailbox.asked == [[uid] for uid in range(100, 0, -1)]


def test_messages_that_are_only_looked_at_are_not_kept_either() -> None:
    mailbox, shelf = Mailbox(100, size=40_000), Shelf()
    ahead = ahead_of(mailbox, shelf)
    held = []
    for index in range(100):
        assert number_of(result_of(Deferred.fromCoroutine(ahead.get(index, ())))) == index + 1
        held.append(shelf.octets)
    assert max(held) <= 2 * GROUP


def test_what_is_read_twice_is_counted_once() -> None:
    mailbox, shelf = Mailbox(30), Shelf()
    ahead = ahead_of(mailbox, shelf)
    for index in (12, *range(30)):
        get(ahead, index)
    assert shelf.octets == len(b"30\r\n") + 18  # the last one


def test_of_many_small_messages_no_more_than_two_groups_are_kept() -> None:
    mailbox, shelf = Mailbox(1000), Shelf()
    ahead = ahead_of(mailbox, shelf)
    held = []
    for index in range(999, -1, -1):
        get(ahead, index)
        held.append(shelf.octets)
    assert max(held) <= 2 * MOST * 24


def test_who_asks_while_it_is_read_waits_for_that() -> None:
    mailbox = Mailbox(100)
    ahead = ahead_of(mailbox)
    get(ahead, 0)
    mailbox.held = True
    first = len(mailbox.asked[0])
    for index in range(1, first):
        get(ahead, index)
    assert len(mailbox.waiting) == 1
    answer = Deferred.fromCoroutine(ahead.get(first, ()))
    assert not answer.called
    mailbox.go()
    assert number_of(result_of(answer)) == first + 1
    assert len(mailbox.asked) == 2


def test_what_vanished_is_not_given() -> None:
    mailbox = Mailbox(100)
    ahead = ahead_of(mailbox)
    get(ahead, 0)
    mailbox.inner.remove([3, 50])
    assert isinstance(get(ahead, 2), Expunged)
    assert number_of(get(ahead, 3)) == 4
    assert isinstance(get(ahead, 49), Expunged)


def test_what_vanishes_while_it_is_read_is_not_given() -> None:
    mailbox = Mailbox(10)
    ahead = ahead_of(mailbox)
    get(ahead, 0)
    mailbox.held = True
    ahead.lose()
    answer = Deferred.fromCoroutine(ahead.get(1, ()))
    mailbox.inner.remove([3])
    mailbox.go()
    assert number_of(result_of(answer)) == 2
    mailbox.held = False
    assert isinstance(get(ahead, 2), Expunged)


def test_a_mailbox_that_changed_too_much_is_read_again() -> None:
    mailbox = Mailbox(30)
    ahead = ahead_of(mailbox)
    get(ahead, 0)
    mailbox.inner.feed.wake = lambda: None  # type: ignore[method-assign]
    mailbox.inner.add([(b"x\r\n", frozenset(), 0.0)] * 10_001)
    mailbox.inner.remove([2])
    del mailbox.inner.feed.wake
    mailbox.inner.feed.wake()
    assert isinstance(get(ahead, 1), Expunged)


def test_a_failure_is_told_to_who_asks() -> None:
    mailbox = Mailbox(30)
    ahead = ahead_of(mailbox)
    mailbox.stores.store(TIM).faults.plan("octets", Temporary("no disk"))
    failure_of(Deferred.fromCoroutine(ahead.get(0, ())), Temporary)
    assert number_of(get(ahead, 0)) == 1


def test_a_failure_ahead_is_told_when_it_is_asked_for() -> None:
    mailbox = Mailbox(30)
    ahead = ahead_of(mailbox)
    get(ahead, 0)
    mailbox.stores.store(TIM).faults.plan("octets", *[Temporary("no disk")] * 99)
    first = len(mailbox.asked[0])
    with capturedLogs() as logged:
        for index in range(1, first):
            get(ahead, index)
    assert not [event for event in logged if "log_failure" in event]
    assert len(mailbox.asked) > 1
    failure_of(Deferred.fromCoroutine(ahead.get(first, ())), Temporary)


def test_a_fault_ahead_is_logged() -> None:
    mailbox = Mailbox(30)
    ahead = ahead_of(mailbox)
    get(ahead, 0)
    mailbox.stores.store(TIM).faults.plan("octets", RuntimeError("a bug"))
    with capturedLogs() as logged:
        for index in range(1, len(mailbox.asked[0])):
            get(ahead, index)
    assert [event["log_failure"].type for event in logged if "log_failure" in event] == [RuntimeError]
    assert number_of(get(ahead, 8)) == 9


def test_a_session_that_ends_holds_nothing() -> None:
    mailbox, shelf = Mailbox(30), Shelf()
    ahead = ahead_of(mailbox, shelf)
    get(ahead, 0)
    assert shelf.octets
    mailbox.held = True
    answer = Deferred.fromCoroutine(ahead.get(20, ()))
    ahead.close()
    answer.cancel()
    failure_of(answer, CancelledError)
    mailbox.go()
    assert shelf.octets == 0
    assert not mailbox.inner.feed.watched


@pytest.mark.parametrize("most", [0, 50, 150])
def test_all_sessions_together_hold_no_more_than_the_shelf(most: int) -> None:
    mailbox, shelf = Mailbox(30), Shelf(most)
    sessions = [ahead_of(mailbox, shelf) for _ in range(3)]
    for index in range(30):
        for ahead in sessions:
            assert number_of(get(ahead, index)) == index + 1
            assert shelf.octets <= most
    for ahead in sessions:
        ahead.close()
    assert shelf.octets == 0
