"""What the queue knows while it runs: messages by id, who is due when, who is leased.  In memory only.

Promises: a leased message is given to nobody else until its lease ends; finding the next due one costs O(log n).
An entry whose recipients are all done stays until ``remove``, so a removal that failed on disk is tried again.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence

import msgspec

from mailsuite.errors import NotFound
from mailsuite.model import Delayed, Delivered, Failed, Outcome, Pending, Queued
from mailsuite.queue.schedule import Schedule, given_up


class Book:
    """The queued messages.  ``now`` gives seconds since the epoch."""

    def __init__(self, schedule: Schedule, now: Callable[[], float], rng: random.Random) -> None:
        self._schedule = schedule
        self._now = now
        self._rng = rng
        self._messages: dict[str, Queued] = {}
        #: When each lease was given.
        self._leases: dict[str, float] = {}
        #: (due, id); entries that are no longer true are skipped when they come up.
        self._due: list[tuple[float, str]] = []
        self._woken: list[Callable[[], None]] = []

    def __contains__(self, id: str) -> bool:
        return id in self._messages

    def get(self, id: str) -> Queued:
        """The message; NotFound."""
        try:
            return self._messages[id]
        except KeyError:
            raise NotFound(f"no message {id} in the queue") from None

    def all(self) -> list[Queued]:
        """Every message, oldest first."""
        return sorted(self._messages.values(), key=lambda queued: (queued.envelope.arrived, queued.envelope.id))

    def watch(self, woken: Callable[[], None]) -> None:
        self._woken.append(woken)

    def wake(self) -> None:
        """Tell the watchers to look again."""
        for woken in self._woken:
            woken()

    def put(self, queued: Queued) -> None:
        """Add or change a message."""
        self._messages[queued.envelope.id] = queued
        heapq.heappush(self._due, (queued.due, queued.envelope.id))

    def remove(self, id: str) -> None:
        """Forget it and its lease; harmless if it is gone."""
        self._messages.pop(id, None)
        self._leases.pop(id, None)

    def lease(self, limit: int) -> list[Queued]:
        """At most ``limit`` due messages, soonest first."""
        now = self._now()
        leased: list[Queued] = []
        while len(leased) < limit:
            due = self.when_due()
            if due is None or due > now:
                break
            id = heapq.heappop(self._due)[1]
            self._leases[id] = now
            leased.append(self._messages[id])
        return leased

    def when_due(self) -> float | None:
        """The due time of the next message that can be leased."""
        while self._due:
            due, id = self._due[0]
            queued = self._messages.get(id)
            if queued is not None and queued.due == due and not queued.held and id not in self._leases:
                return due
            heapq.heappop(self._due)
        return None

    def release(self, id: str) -> None:
        """End a lease."""
        if self._leases.pop(id, None) is not None and id in self._messages:
            heapq.heappush(self._due, (self._messages[id].due, id))

    def settled(self, id: str, outcomes: Sequence[Outcome]) -> tuple[Queued, tuple[Outcome, ...]]:
        """What the message becomes by these outcomes, and which of them are final failures; changes nothing.

        Whether the lifetime is over was decided when the lease was given, so an attempt that took long is not
        the last one behind the back of whoever has to report it."""
        queued = self.get(id)
        final = given_up(queued, outcomes, self._leases.get(id, self._now()))
        words = {outcome.recipient: outcome for outcome in final}
        pending = tuple(
            attempted(entry, words.get(entry.recipient.address))
            for entry in queued.pending
            if not isinstance(words.get(entry.recipient.address), Delivered | Failed)
        )
        changed = msgspec.structs.replace(queued, pending=pending, attempts=queued.attempts + 1)
        due = self._schedule.next_due(changed, self._now(), self._rng)
        failures = tuple(outcome for outcome in final if isinstance(outcome, Failed))
        return msgspec.structs.replace(changed, due=due), failures

    def expires(self, arrived: float) -> float:
        return arrived + self._schedule.lifetime


def attempted(entry: Pending, outcome: Outcome | None) -> Pending:
    """The waiting recipient with the words of its last attempt."""
    if not isinstance(outcome, Delayed):
        return entry
    return Pending(entry.recipient, entry.attempts + 1, str(outcome.status), outcome.text, outcome.host)
