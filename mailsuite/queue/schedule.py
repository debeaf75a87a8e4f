"""When a message is tried again, when its sender hears of the delay, and when it is given up.

Back-off: the n-th wait is the n-th of ``Schedule.waits``, the last one for ever after, each stretched by up to
``jitter`` of itself so that messages which failed together do not return together, and none before its time.  An
attempt is made exactly when a notice of the delay is due and when the lifetime ends, so nothing is said or given up
without having been tried just then.  Pure: time and randomness are arguments.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from mailsuite.model import Delayed, Envelope, Failed, Outcome, Queued, Status

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

#: RFC 3463 §3.5: delivery time expired.
EXPIRED = Status(5, 4, 7)


class Schedule(msgspec.Struct, frozen=True):
    """RFC 5321 §4.5.4.1: given up after 4-5 days.  The first retries come sooner than its half hour: whoever
    greylists (RFC 6647) lets in who comes again after five minutes, and not before."""

    #: Seconds from one attempt to the next.
    waits: tuple[float, ...] = (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)
    #: Part of a wait by which chance makes it longer, 0 to 1.
    jitter: float = 0.1
    #: Seconds after arrival at which the last attempt is made.
    lifetime: float = 5 * DAY
    #: Seconds after arrival at which the sender is told that the message is still here; 0 for never.
    delay_notice: float = 4 * HOUR

    def of(self, envelope: Envelope) -> Schedule:
        """The same for everything."""
        return self

    def wait(self, attempts: int, rng: random.Random) -> float:
        """Seconds to wait after the ``attempts``-th attempt (the first is 1)."""
        wait = self.waits[min(max(attempts, 1), len(self.waits)) - 1]
        return wait * (1 + self.jitter * rng.random())

    def next_due(self, queued: Queued, now: float, rng: random.Random) -> float:
        """When a message that has made ``queued.attempts`` attempts is due again."""
        due = now + self.wait(queued.attempts, rng)
        return min([due, *(time for time in (queued.notice, queued.expires) if time > now)])

    def timed(self, queued: Queued) -> Queued:
        """With ``expires`` and ``notice`` as its envelope and ``told`` want them.

        A scheduled message is as old as the time since it may leave (RFC 4865)."""
        envelope = queued.envelope
        start = max(envelope.arrived, envelope.release)
        expires = start + self.lifetime
        notices = [start + self.delay_notice] if self.delay_notice else []
        if envelope.deliver_by is not None:  # RFC 2852 §4.1: BY=...;R and BY=...;N
            if envelope.deliver_by.returned:
                expires = min(expires, envelope.deliver_by.deadline)
            else:
                notices.append(envelope.deliver_by.deadline)
        notice = min((time for time in notices if queued.told < time < expires), default=0.0)
        return msgspec.structs.replace(queued, expires=expires, notice=notice)


class Rule(msgspec.Struct, frozen=True):
    """``schedule`` is that of mail for which it ``holds``."""

    holds: Callable[[Envelope], bool]
    schedule: Schedule


class Timetable(msgspec.Struct, frozen=True):
    """A schedule for each message: that of the first rule that holds, or the usual one."""

    usual: Schedule
    rules: tuple[Rule, ...]

    def of(self, envelope: Envelope) -> Schedule:
        return next((rule.schedule for rule in self.rules if rule.holds(envelope)), self.usual)


#: Something that knows the schedule ``of`` an envelope.
Schedules: TypeAlias = Schedule | Timetable


def is_too_late(envelope: Envelope, now: float) -> bool:
    """Whether it may not even be tried any more: RFC 2852 §4.1, BY=...;R."""
    by = envelope.deliver_by
    return by is not None and by.returned and now >= by.deadline


def too_late(queued: Queued) -> list[Outcome]:
    """What becomes of everybody then."""
    return [Failed(entry.recipient.address, EXPIRED, _late_words(queued, entry.last_text)) for entry in queued.pending]


def _late_words(queued: Queued, last: str) -> str:
    by = queued.envelope.deliver_by
    deadline = datetime.fromtimestamp(int(by.deadline if by is not None else queued.expires), UTC)
    text = f"it was to be delivered by {deadline:%d %B %Y, %H:%M:%S} UTC or returned"
    return f"{text}; the last attempt: {last}" if last else text


def given_up(queued: Queued, outcomes: Sequence[Outcome], now: float) -> tuple[Outcome, ...]:
    """The outcomes of an attempt made at ``now``: past the lifetime, what is delayed has failed."""
    if now < queued.expires:
        return tuple(outcomes)
    late = is_too_late(queued.envelope, now)
    return tuple(_expired(queued, outcome, late) if isinstance(outcome, Delayed) else outcome for outcome in outcomes)


def would_repeat(outcomes: Sequence[Outcome], told: bool) -> bool:
    """Whether anybody would be served, or told of a failure or a delay, once more if that were forgotten."""
    return told or any(not isinstance(outcome, Delayed) for outcome in outcomes)


def _expired(queued: Queued, outcome: Delayed, late: bool) -> Failed:
    if late:
        return Failed(outcome.recipient, EXPIRED, _late_words(queued, outcome.text), outcome.host)
    status = outcome.status
    # RFC 3463 §3.5: 4.4.7 is "delivery time expired"; with class 5 the last reason says more to a person.
    return Failed(outcome.recipient, Status(5, status.subject, status.detail), outcome.text, outcome.host)
