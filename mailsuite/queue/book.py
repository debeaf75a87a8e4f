"""What the queue knows while it runs: messages by id, who is due when, who is leased.  In memory only.

Promises: a leased message is given to nobody else until its lease ends; finding the next due one costs O(log n).
An entry whose recipients are all done stays until ``remove``, so a removal that failed on disk is tried again.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

import msgspec

from mailsuite.errors import NotFound
from mailsuite.model import Address, Delayed, Delivered, Failed, Outcome, Pending, Queued, Selection
from mailsuite.queue.orders import RETURN
from mailsuite.queue.ready import Entry, Ready
from mailsuite.queue.schedule import Schedules, given_up
from mailsuite.queue.selection import selected

#: Whom no rule keeps back.
NONE_KEPT: Mapping[Address, str] = MappingProxyType({})


def anywhere(lane: str) -> bool:
    """There is room in every lane."""
    return True


class _Lease(msgspec.Struct, frozen=True, gc=False):
    """``at``: when it was given; ``via``: by which host the message was to go then; ``attempt``: to try it, not to
    change it."""

    at: float
    via: str
    attempt: bool


class Book:
    """The queued messages.  ``now`` gives seconds since the epoch."""

    def __init__(self, schedules: Schedules, now: Callable[[], float], rng: random.Random) -> None:
        self._schedules = schedules
        self._now = now
        self._rng = rng
        self._messages: dict[str, Queued] = {}
        self._leases: dict[str, _Lease] = {}
        #: (due, id) of what is not due yet; entries that are no longer true are skipped when they come up.
        self._due: list[tuple[float, str]] = []
        self._ready = Ready(self._can_go)
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
            which = msgspec.structs.replace(which, ids=None)  # which would be looked through for each
            return [queued for queued in found if queued is not None and selected(which, queued, now)]
        return [queued for queued in self.all() if selected(which, queued, now)]

    def shown(self, which: Selection) -> list[Queued]:
        """The same, with ``trying``."""
        return [self._shown(queued) for queued in self.selected(which)]

    def _shown(self, queued: Queued) -> Queued:
        lease = self._leases.get(queued.envelope.id)
        return msgspec.structs.replace(queued, trying=lease.at) if lease is not None and lease.attempt else queued

    def watch(self, woken: Callable[[], None]) -> None:
        self._woken.append(woken)

    def wake(self) -> None:
        """Tell the watchers to look again."""
        for woken in self._woken:
            woken()

    def put(self, queued: Queued) -> None:
        """Change a message."""
        self._messages[queued.envelope.id] = queued
        if queued.envelope.id not in self._leases:  # else the end of the lease tells when it is due
            self._expect(queued)

    def _expect(self, queued: Queued) -> None:
        """It comes up when it can go."""
        due = _can_go_at(queued)
        if due is not None:
            heapq.heappush(self._due, (due, queued.envelope.id))

    def remove(self, id: str) -> None:
        """Forget it and its lease; harmless if it is gone."""
        self._messages.pop(id, None)
        self._leases.pop(id, None)

    def lease(self, limit: int, enter: Callable[[str], bool]) -> list[Queued]:
        """At most ``limit`` due messages: of the highest priority (RFC 6710 §5.1) the soonest of each lane in turn."""
        now = self._now()
        self._ripen(now)
        leased: list[Queued] = []
        while len(leased) < limit and (entry := self._ready.take(enter)) is not None:
            self._leases[entry.id] = _Lease(now, self._messages[entry.id].via, attempt=True)
            leased.append(msgspec.structs.replace(self._messages[entry.id], lane=entry.lane))
        return leased

    def when_due(self, room: Callable[[str], bool]) -> float | None:
        """The due time of the next message that can be leased."""
        self._ripen(self._now())
        entry = self._ready.first(room)
        if entry is not None:
            return entry.due
        return self._due[0][0] if self._due else None

    def _ripen(self, now: float) -> None:
        """Take what is due now, or no longer true, off the heap of what will be."""
        while self._due:
            due, id = self._due[0]
            wanted = self._can_go(id, due)
            if wanted and due > now:
                break
            heapq.heappop(self._due)
            if wanted:
                queued = self._messages[id]
                self._ready.put(Entry(queued.envelope.priority, queued.lane or _domain(queued), due, id))

    def _can_go(self, id: str, due: float) -> bool:
        queued = self._messages.get(id)
        return queued is not None and _can_go_at(queued) == due and id not in self._leases

    def reserve(self, id: str) -> bool:
        """Have it leased to nobody before ``release``; whether it is, for somebody may have it already."""
        if id in self._leases:
            return False
        self._leases[id] = _Lease(self._now(), self.get(id).via, attempt=False)
        return True

    def release(self, id: str) -> None:
        """End a lease."""
        if self._leases.pop(id, None) is not None and id in self._messages:
            self._expect(self._messages[id])

    def noted(self, id: str, served: Collection[Address]) -> Queued:
        """What it becomes without these recipients; changes nothing."""
        queued = self.get(id)
        pending = tuple(entry for entry in queued.pending if entry.recipient.address not in served)
        return msgspec.structs.replace(queued, pending=pending)

    def settled(
        self, id: str, outcomes: Sequence[Outcome], told: bool, lane: str, kept: Mapping[Address, str] = NONE_KEPT
    ) -> tuple[Queued, tuple[Outcome, ...]]:
        """What the message becomes by these outcomes, and which of them are final failures; changes nothing.  See
        ``IQueue.settle``.

        Whether the lifetime is over was decided when the lease was given, so an attempt that took long is not
        the last one behind the back of whoever has to report it."""
        queued = self.get(id)
        schedule = self._schedules.of(queued.envelope)
        served = {outcome.recipient for outcome in outcomes if isinstance(outcome, Delivered)}
        if 0 < len(outcomes) == len(served) and all(entry.recipient.address in served for entry in queued.pending):
            # As nearly always.  It is due once more should it not be removed.
            attempts = queued.attempts + 1
            due = self._now() + schedule.wait(attempts, self._rng)
            return msgspec.structs.replace(queued, pending=(), attempts=attempts, due=due), ()
        lease = self._leases.get(id) or _Lease(self._now(), queued.via, attempt=True)
        final = given_up(queued, outcomes, lease.at)
        attempts = queued.attempts + (1 if outcomes else 0)
        changed = msgspec.structs.replace(queued, attempts=attempts, lane=_lane(queued, lane, lease))
        if told:
            changed = schedule.timed(msgspec.structs.replace(changed, told=self._now()))
        now = self._now()
        later = now if queued.returned else schedule.next_due(changed, now, self._rng)
        pending = _still_pending(queued, final, later, queued.due if lane else later)
        if kept:
            changed, pending = _kept_back(changed, pending, kept, now)
        due = min((entry.due for entry in pending), default=later)
        failures = tuple(outcome for outcome in final if isinstance(outcome, Failed))
        return msgspec.structs.replace(changed, pending=pending, due=due), failures

    def add(self, queued: Queued) -> None:
        """A message that was not here before; when it expires and so on is up to the schedule."""
        self.put(self._schedules.of(queued.envelope).timed(queued))


def _lane(queued: Queued, lane: str, lease: _Lease) -> str:
    """What the message waits for after an attempt that found no room in ``lane``.  It may have been ordered elsewhere
    since that began."""
    if queued.returned:
        return RETURN
    return lane if queued.via == lease.via else ""


def _domain(queued: Queued) -> str:
    """The lane of a message whose next host is not known."""
    return queued.pending[0].recipient.address.domain if queued.pending else ""


def _can_go_at(queued: Queued) -> float | None:
    """When the message can be leased, if time alone is what it waits for.  What is held goes nowhere, but may be late:
    RFC 2852 §4.1 has it returned when it was to be delivered, whoever keeps it back."""
    if not queued.held:
        return queued.due
    by = queued.envelope.deliver_by
    return max(by.deadline, queued.due) if by is not None and by.returned else None


def _still_pending(queued: Queued, outcomes: Sequence[Outcome], later: float, untried: float) -> tuple[Pending, ...]:
    """Who waits on: the delayed until ``later``, who had to be tried and was not until ``untried``."""
    words = {outcome.recipient: outcome for outcome in outcomes}
    waiting: list[Pending] = []
    for entry in queued.pending:
        outcome = words.get(entry.recipient.address)
        if isinstance(outcome, Delayed):
            text = (str(outcome.status), outcome.text, outcome.host)
            waiting.append(Pending(entry.recipient, entry.attempts + 1, *text, due=later))
        elif outcome is None:
            waiting.append(entry if entry.due > queued.due else msgspec.structs.replace(entry, due=untried))
    return tuple(waiting)


def _kept_back(
    queued: Queued, pending: Sequence[Pending], kept: Mapping[Address, str], now: float
) -> tuple[Queued, tuple[Pending, ...]]:
    """With the reasons.  Held when nobody else is left, and then due as soon as somebody lets it go."""
    held = all(entry.recipient.address in kept for entry in pending)
    told = [
        Pending(
            entry.recipient, entry.attempts, last_text=kept[entry.recipient.address], due=now if held else entry.due
        )
        if entry.recipient.address in kept
        else entry
        for entry in pending
    ]
    return msgspec.structs.replace(queued, held=held), tuple(told)
