"""When a message is tried again, and when it is given up.

Back-off: the n-th wait is the n-th of ``Schedule.waits``, the last one for ever after, each stretched or shortened by
up to ``jitter`` of itself so that messages which failed together do not return together.  The last attempt is made
exactly when the lifetime ends, so nothing is given up without having been tried at the end.  Pure: time and randomness
are arguments.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from mailsuite.model import Delayed, Failed, Outcome, Queued, Status

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Schedule(msgspec.Struct, frozen=True):
    """RFC 5321 §4.5.4.1: the first retry soon, later ones at least half an hour apart, given up after 4-5 days."""

    #: Seconds from one attempt to the next.
    waits: tuple[float, ...] = (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)
    #: Part of a wait by which chance moves it, 0 to 1.
    jitter: float = 0.1
    #: Seconds after arrival at which the last attempt is made.
    lifetime: float = 5 * DAY

    def wait(self, attempts: int, rng: random.Random) -> float:
        """Seconds to wait after the ``attempts``-th attempt (the first is 1)."""
        wait = self.waits[min(max(attempts, 1), len(self.waits)) - 1]
        return wait * (1 + self.jitter * rng.uniform(-1, 1))

    def next_due(self, queued: Queued, now: float, rng: random.Random) -> float:
        """When a message that has made ``queued.attempts`` attempts is due again."""
        due = now + self.wait(queued.attempts, rng)
        return min(due, queued.expires) if now < queued.expires else due


def given_up(queued: Queued, outcomes: Sequence[Outcome], now: float) -> tuple[Outcome, ...]:
    """The outcomes of an attempt made at ``now``: past the lifetime, what is delayed has failed."""
    if now < queued.expires:
        return tuple(outcomes)
    return tuple(_expired(outcome) if isinstance(outcome, Delayed) else outcome for outcome in outcomes)


def _expired(outcome: Delayed) -> Failed:
    status = outcome.status
    # RFC 3463 §3.5: 4.4.7 is "delivery time expired"; with class 5 the last reason says more to a person.
    return Failed(outcome.recipient, Status(5, status.subject, status.detail), outcome.text, outcome.host)
