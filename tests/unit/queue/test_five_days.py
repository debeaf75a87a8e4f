"""A whole life in the queue on a clock of its own: five days of attempts and notices, each at its minute."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from twisted.internet.task import Clock

from mailsuite.model import Address, Delayed, Envelope, Failed, Hop, Outcome, Recipient, Status
from mailsuite.queue.runner import Runner
from mailsuite.queue.schedule import DAY, HOUR, MINUTE, Schedule
from mailsuite.testing.courier import ScriptedCourier, accept, unreachable
from mailsuite.testing.queue import MemoryQueue, NotedReports, TableRouter
from mailsuite.testing.results import result_of

NOW = 1_700_000_000.0
AL, BOB = Address("al", "a.test"), Address("bob", "b.test")
MX = Hop("mx.b.test", ("192.0.2.1",))
#: Minutes after arrival, as documented (operations.md): waits of 5, 10, 20, 40 minutes, 1, 2, then 4 hours; one more at
#: four hours, when the sender is told; the last after five days.
MINUTES = [0, 5, 15, 35, 75, 135, *range(240, 7201, 240)]


class World:
    """``answer`` is what the host does, given the minute."""

    def __init__(self, answer: Callable[[float], Callable[[Hop, Address], Outcome]], schedule: Schedule) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.queue = MemoryQueue(self.clock, schedule, random.Random(1))
        self._answer = answer
        self.courier = ScriptedCourier({"mx.b.test": self._answered})
        self.reports = NotedReports()
        self.runner = Runner(self.queue, TableRouter({"b.test": (MX,)}), self.courier, self.reports, self.clock)
        self.runner.start()
        self.queue.add(Envelope("m1", AL, (Recipient(BOB),), NOW), b"Subject: hello\r\n\r\ntext\r\n")

    def _answered(self, hop: Hop, recipient: Address) -> Outcome:
        return self._answer(self.minute)(hop, recipient)

    @property
    def minute(self) -> float:
        return (self.clock.seconds() - NOW) / MINUTE

    def live(self) -> tuple[list[float], list[tuple[float, str, str]]]:
        """Until the queue is empty: the minutes of all attempts; the minute, kind and status of each notice."""
        attempts, notices = [], []
        carried = told = 0
        while True:
            if len(self.courier.carried) > carried:
                attempts.append(self.minute)
                carried = len(self.courier.carried)
            for _, (outcome,) in self.reports.reported[told:]:
                assert isinstance(outcome, Delayed | Failed)
                notices.append((self.minute, type(outcome).__name__, str(outcome.status)))
                told += 1
            if not result_of(self.queue.list()):
                return attempts, notices
            (call,) = self.clock.getDelayedCalls()  # one timer, whatever waits
            self.clock.advance(call.getTime() - self.clock.seconds())


def greylisting(hop: Hop, recipient: Address) -> Outcome:
    return Delayed(recipient, Status(4, 7, 1), f"{hop.host} said: 450 4.7.1 greylisted", hop.host)


def test_five_days_in_which_nobody_answers() -> None:
    attempts, notices = World(lambda _: unreachable, Schedule(jitter=0.0)).live()
    assert attempts == MINUTES
    assert notices == [(240, "Delayed", "4.4.1"), (7200, "Failed", "5.4.1")]


def test_chance_moves_each_attempt_by_a_tenth_at_most_and_no_notice() -> None:
    world = World(lambda _: unreachable, Schedule())
    attempts, notices = world.live()
    assert notices == [(240, "Delayed", "4.4.1"), (7200, "Failed", "5.4.1")]
    assert {240, 7200} <= set(attempts)
    waits = [*Schedule().waits, *[4 * HOUR] * 100]
    moved = 0
    for wait, before, after in zip(waits, attempts, attempts[1:], strict=False):
        seconds = (after - before) * MINUTE
        assert seconds <= 1.1 * wait + 1
        assert seconds >= 0.9 * wait - 1 or after in (240, 7200)
        moved += seconds not in (wait, 240 * MINUTE)
    assert moved > 20


def test_greylisting_costs_five_minutes() -> None:
    attempts, notices = World(lambda minute: accept if minute >= 4 else greylisting, Schedule(jitter=0.0)).live()
    assert (attempts, notices) == ([0, 5], [])


def test_a_host_that_comes_back_after_a_day_gets_the_mail_then_and_the_sender_heard_once() -> None:
    attempts, notices = World(lambda minute: accept if minute > 1440 else unreachable, Schedule(jitter=0.0)).live()
    assert attempts == [minute for minute in MINUTES if minute <= 1680]
    assert notices == [(240, "Delayed", "4.4.1")]


@pytest.mark.parametrize(
    ("schedule", "attempts", "notices"),
    [
        (Schedule((HOUR,), 0.0, 6 * HOUR, 0.0), [0, 60, 120, 180, 240, 300, 360], [(360, "Failed", "5.4.1")]),
        (
            Schedule((HOUR, 2 * HOUR), 0.0, 6 * HOUR, 90 * MINUTE),
            [0, 60, 90, 210, 330, 360],
            [(90, "Delayed", "4.4.1"), (360, "Failed", "5.4.1")],
        ),
        (
            Schedule((3 * DAY,), 0.0, 5 * DAY, 4 * HOUR),
            [0, 240, 4560, 7200],
            [(240, "Delayed", "4.4.1"), (7200, "Failed", "5.4.1")],
        ),
    ],
)
def test_another_schedule(schedule: Schedule, attempts: list[float], notices: list[tuple[float, str, str]]) -> None:
    assert World(lambda _: unreachable, schedule).live() == (attempts, notices)
