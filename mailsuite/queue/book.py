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
from mailsuite.model import Delayed, Delivered, Failed, Outcome, Pending, Queued, Selection
from mailsuite.queue.schedule import Schedule, given_up
from mailsuite.queue.selection import selected


class Book:
    """The queued messages.  ``now`` gives seconds since the epoch."""

    def __init__(self, schedule: Schedule, now: Callable[[], float], rng: random.Random) -> None:
        self._schedule = schedule
        self._now = now
        self._rng = rng
        self._messages: dict[str, Queued] = {}
        #: When each lease was given.
        self._leases: dict[str, float] = {}
        #: (due, id) of what is not due yet, (-priority, due, id) of what is; entries that are no longer true are
        #: skipped when they come up.
        self._due: list[tuple[float, str]] = []
        self._ready: list[tuple[int, float, str]] = []
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

    def selected(self, which: Selection) -> list[Queued]:
        """Those that are meant, oldest first."""
        now = self._now()
        if which.ids is not None:
            found = (self._messages.get(id) for id in dict.fromkeys(which.ids))
            return [queued for queued in found if queued is not None and selected(which, queued, now)]
        return [queued for queued in self.all() if selected(which, queued, now)]

    def kick(self, which: Selection) -> list[Queued]:
        """Make these due now, and wake whoever watches; what is held or scheduled for later stays as it is."""
        now = self._now()
        kicked = [
            msgspec.structs.replace(queued, due=min(queued.due, now))
            for queued in self.selected(which)
            if not queued.held and queued.envelope.release <= now
        ]
        for queued in kicked:
            self.put(queued)
        self.wake()
        return kicked

    def watch(self, woken: Callable[[], None]) -> None:
        self._woken.append(woken)

    def wake(self) -> None:
        """Tell the watchers to look again."""
        for woken in self._woken:
            woken()

    def put(self, queued: Queued) -> None:
        """Change a message."""
        self._messages[queued.envelope.id] = queued
        heapq.heappush(self._due, (queued.due, queued.envelope.id))

    def remove(self, id: str) -> None:
        """Forget it and its lease; harmless if it is gone."""
        self._messages.pop(id, None)
        self._leases.pop(id, None)

    def lease(self, limit: int) -> list[Queued]:
        """At most ``limit`` due messages: of the highest priority (RFC 6710 §5.1) the soonest first."""
        now = self._now()
        self._ripen(now)
        leased: list[Queued] = []
        while len(leased) < limit and self._ready:
            _, due, id = heapq.heappop(self._ready)
            if self._can_go(id, due):
                self._leases[id] = now
                leased.append(self._messages[id])
        return leased

    def when_due(self) -> float | None:
        """The due time of the next message that can be leased."""
        self._ripen(self._now())
        while self._ready and not self._can_go(self._ready[0][2], self._ready[0][1]):
            heapq.heappop(self._ready)
        return self._ready[0][1] if self._ready else self._due[0][0] if self._due else None

    def _ripen(self, now: float) -> None:
        """Take what is due now, or no longer true, off the heap of what will be."""
        while self._due:
            due, id = self._due[0]
            wanted = self._can_go(id, due)
            if wanted and due > now:
                break
            heapq.heappop(self._due)
            if wanted:
                heapq.heappush(self._ready, (-self._messages[id].envelope.priority, due, id))

    def _can_go(self, id: str, due: float) -> bool:
        queued = self._messages.get(id)
        return queued is not None and queued.due == due and not queued.held and id not in self._leases

    def release(self, id: str) -> None:
        """End a lease."""
        if self._leases.pop(id, None) is not None and id in self._messages:
            heapq.heappush(self._due, (self._messages[id].due, id))

    def settled(self, id: str, outcomes: Sequence[Outcome], told: bool) -> tuple[Queued, tuple[Outcome, ...]]:
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
        if told:
            changed = self._schedule.timed(msgspec.structs.replace(changed, told=self._now()))
        due = self._schedule.next_due(changed, self._now(), self._rng)
        failures = tuple(outcome for outcome in final if isinstance(outcome, Failed))
        return msgspec.structs.replace(changed, due=due), failures

    def add(self, queued: Queued) -> None:
        """A message that was not here before; when it expires and so on is up to the schedule."""
        self.put(self._schedule.timed(queued))


def attempted(entry: Pending, outcome: Outcome | None) -> Pending:
    """The waiting recipient with the words of its last attempt."""
    if not isinstance(outcome, Delayed):
        return entry
    return Pending(entry.recipient, entry.attempts + 1, str(outcome.status), outcome.text, outcome.host)
