"""Tells clients that their command is still worked on: INPROGRESS, RFC 9585.

One timer for all sessions of a factory, while any has a command in hand.  A client hears of it after ``EVERY`` seconds,
and each ``EVERY`` seconds from then on, unless it does not read or an answer is half written.  Commands that know how
far they are say so.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two tellings (RFC 9585 section 4: 10 to 15), and between two looks at who is due.
EVERY = 10.0
_LOOK_EVERY = 1.0


class Worked(Protocol):
    """A session, as far as this module cares."""

    def still_working(self, work: Work) -> bool:
        """Say so; False if that is not possible now."""


class Work:
    """A command in hand: ``done`` of ``goal`` somethings, 0 of 0 where nobody knows."""

    def __init__(self, tag: bytes, now: float) -> None:
        self.tag = tag
        self.told_at = now
        self.done = self.goal = 0


class Progress:
    """Of all sessions of a factory."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._works: dict[Worked, Work] = {}
        self._look: IDelayedCall | None = None

    def begin(self, session: Worked, tag: bytes) -> None:
        """It has a command in hand that waits for something."""
        self._works[session] = Work(tag, self._clock.seconds())
        if self._look is None:
            self._look = self._clock.callLater(_LOOK_EVERY, self._tick)

    def end(self, session: Worked) -> None:
        """It has not any more."""
        self._works.pop(session, None)

    def leave(self, session: Worked) -> None:
        """Its connection is gone."""
        self.end(session)
        if not self._works and self._look is not None:
            self._look.cancel()
            self._look = None

    def so_far(self, session: Worked, done: int, goal: int) -> None:
        """How far its command is, and how far it has to go."""
        work = self._works.get(session)
        if work is not None:
            work.done, work.goal = done, goal

    def _tick(self) -> None:
        self._look = None
        if not self._works:  # the next ``begin`` goes on
            return
        now = self._clock.seconds()
        for session, work in tuple(self._works.items()):
            if now - work.told_at >= EVERY and session.still_working(work):
                work.told_at = now
        self._look = self._clock.callLater(_LOOK_EVERY, self._tick)
