from __future__ import annotations

import random

import pytest
from twisted.internet.task import Clock

from mailsuite.model import Address, Delayed, Delivered, Envelope, Failed, Queued, Recipient, Status
from mailsuite.queue.schedule import DAY, HOUR, MINUTE, Rule, Schedule, Timetable, given_up
from mailsuite.testing.queue import MemoryQueue
from mailsuite.testing.results import result_of

A, B = Address("a", "a.test"), Address("b", "b.test")


def queued(attempts: int = 1, expires: float = 5 * DAY) -> Queued:
    return Queued(Envelope("m", A, (), 0.0), (), 0.0, expires, 10, attempts)


def test_the_first_retry_comes_after_minutes_the_later_ones_after_hours() -> None:
    schedule = Schedule(jitter=0.0)
    rng = random.Random(1)
    waits = [schedule.wait(attempts, rng) for attempts in range(1, 12)]
    assert waits[0] == 5 * MINUTE
    assert waits == sorted(waits)
    assert waits[-1] == waits[-2] == 4 * HOUR


def test_jitter_makes_a_wait_longer_by_its_part_at_most() -> None:
    schedule = Schedule(waits=(100.0,), jitter=0.1)
    rng = random.Random(1)
    waits = [schedule.wait(1, rng) for _ in range(200)]
    assert all(100 <= wait <= 110 for wait in waits)
    assert max(waits) - min(waits) > 8


def test_a_message_lives_as_long_as_its_own_schedule_says() -> None:
    """In a queue, with its own waits and its own notice, too."""
    clock = Clock()
    short = Schedule(waits=(MINUTE,), jitter=0.0, lifetime=HOUR, delay_notice=10 * MINUTE)
    rules = (Rule(lambda envelope: envelope.sender == A, short),)
    queue = MemoryQueue(clock, Timetable(Schedule(waits=(HOUR,), jitter=0.0), rules))
    for sender in (A, B):
        queue.add(Envelope(sender.local, sender, (Recipient(B),), clock.seconds()), b"x\r\n")
    own, usual = result_of(queue.lease(10))
    assert (own.expires, own.notice) == (HOUR, 10 * MINUTE)
    assert (usual.expires, usual.notice) == (5 * DAY, 4 * HOUR)
    for id in ("a", "b"):
        result_of(queue.settle(id, [Delayed(B, Status(4, 4, 1), "no")]))
    assert [one.due for one in result_of(queue.list())] == [MINUTE, HOUR]


def test_the_last_attempt_is_not_put_off_beyond_the_lifetime() -> None:
    schedule = Schedule(waits=(4 * HOUR,), jitter=0.0)
    assert schedule.next_due(queued(expires=HOUR), 0.0, random.Random(1)) == HOUR


@pytest.mark.parametrize(("now", "kind"), [(9.0, Delayed), (10.0, Failed), (11.0, Failed)])
def test_what_is_delayed_has_failed_past_the_lifetime(now: float, kind: type) -> None:
    delayed = Delayed(A, Status(4, 4, 3), "DNS does not answer", "mx")
    delivered = Delivered(A, "mx", "250")
    first, second = given_up(queued(expires=10.0), [delayed, delivered], now)
    assert type(first) is kind
    assert first.text == "DNS does not answer"
    assert second is delivered
