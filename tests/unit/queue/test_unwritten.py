"""Results that cannot be written keep their places, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from runner_world import DAN, World, later
from twisted.internet.defer import Deferred, fail
from twisted.logger import formatEvent, globalLogPublisher

from mailsuite.errors import NotWritten, Temporary
from mailsuite.model import (
    Drop,
    Outcome,
)
from mailsuite.queue.runner import Runner, RunnerSettings
from mailsuite.queue.schedule import DAY, would_repeat
from mailsuite.queue.unwritten import AGAIN
from mailsuite.testing.queue import MemoryQueue, order
from mailsuite.testing.results import result_of


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []

    def note(event: dict[str, Any]) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(note)
    yield lines
    globalLogPublisher.removeObserver(note)


class FullQueue(MemoryQueue):
    """While ``full``, IQueue as on a disk that takes nothing."""

    full = True
    asked = 0

    def settle(self, id: str, outcomes: Sequence[Outcome], *others: Any) -> Deferred[Sequence[Outcome]]:
        if not self.full:
            return super().settle(id, outcomes, *others)
        changed, _ = self._book.settled(id, outcomes, *others)
        self._book.put(changed)
        if would_repeat(outcomes, *others[:1]):
            return fail(NotWritten("no space left"))
        self._book.release(id)
        return fail(Temporary("no space left"))

    def write(self, id: str) -> Deferred[None]:
        self.asked += 1
        return fail(NotWritten("no space left")) if self.full else super().write(id)


@pytest.fixture
def full() -> Iterator[World]:
    world = World(queue=FullQueue, first_per_destination=2, per_destination=2)
    world.runner.start()
    yield world
    assert world.clock.getDelayedCalls() == []


def test_what_was_sent_keeps_its_place_until_that_is_written(full: World) -> None:
    """A server that is killed with a full disk repeats two messages here, not nine."""
    for number in range(9):
        full.add(f"m{number}")
    full.clock.pump([AGAIN] * 10)
    assert len(full.courier.carried) == 2
    assert full.queue.asked == 20
    full.queue.full = False
    full.clock.advance(AGAIN)
    assert (len(full.courier.carried), full.listed()) == (9, [])


def test_what_was_delayed_gives_its_place_up_though_that_is_not_written(full: World) -> None:
    full.courier.answers["mx1.b.test"] = later
    for number in range(9):
        full.add(f"m{number}")
    assert len(full.courier.carried) == 9
    result_of(full.runner.stop())


def test_who_was_told_of_a_delay_is_not_told_by_every_message(full: World) -> None:
    """A notice that went out and is not noted is bounded as a message is: it would be repeated after a kill."""
    full.courier.answers["mx1.b.test"] = later
    for number in range(9):
        full.add(f"m{number}")
    full.clock.pump([60.0] * 60 * 5)
    told = [id for id, _ in full.reports.reported]
    assert len(told) == 2
    full.queue.full = False
    full.clock.pump([60.0] * 60)
    assert sorted(id for id, _ in full.reports.reported) == [f"m{number}" for number in range(9)]
    result_of(full.runner.stop())


def test_stop_tries_to_write_it_once_more(full: World) -> None:
    full.add("m1")
    full.add("m2")
    full.queue.full = False
    result_of(full.runner.stop())
    assert full.listed() == []


def test_stop_does_not_wait_for_a_disk_that_stays_full(full: World, logged: list[str]) -> None:
    full.add("m1")
    result_of(full.runner.stop())
    assert full.queue.asked == 1
    assert any("m1: result not written, the next start repeats" in line for line in logged)


def test_what_is_dropped_meanwhile_is_gone(full: World) -> None:
    full.add("m1")
    result_of(order(full.queue, "m1", Drop()))
    full.queue.full = False
    full.clock.advance(AGAIN)
    assert full.listed() == []


def test_they_do_not_stop_the_retries(full: World) -> None:
    full.runner = Runner(
        *(full.queue, full.router, full.courier, full.reports, full.clock),
        RunnerSettings(first_per_destination=2, leases=2),
    )
    full.runner.start()
    full.courier.answers["mx1.b.test"] = later
    full.add("slow")
    full.courier.answers.clear()
    for id in ("m1", "m2"):
        full.add(id, DAN)
    full.queue.full = False
    full.clock.advance(AGAIN)
    assert full.listed() == ["slow"]
    full.clock.advance(DAY)
    assert full.listed() == []
