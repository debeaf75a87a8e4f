"""Timers that do not stop when somebody sets the clock back.

Twisted tells when a call is due by the wall clock: set back by an hour, every call that waits waits an hour longer,
that of two milliseconds which everybody's mail waits for, too.  Here calls that wait are moved along with the clock.
Set forward, they come at once, as ever: who waits looks at the clock again anyway.  Dates are the wall clock's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

#: Seconds by which a clock must be set back to be noticed; less is its being kept right.
NOTICED = 0.5


class SteadyTimers:
    """``seconds`` is to be what ``reactor`` asks for the time.  ``wake`` lets it look at its calls again."""

    log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        wake: Callable[[], object],
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reactor = reactor
        self._wake = wake
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()

    def seconds(self) -> float:
        now = self._wall()
        ahead = now - self._steady()
        if ahead < self._ahead - NOTICED:
            back, self._ahead = self._ahead - ahead, ahead
            self._move(back)
        elif ahead > self._ahead:
            self._ahead = ahead
        return now

    def _move(self, back: float) -> None:
        for call in self._reactor.getDelayedCalls():
            if call.active():
                call.delay(-back)
        self.log.warn("the clock was set back by {seconds:.1f} s", seconds=back)
        self._wake()


def keep_timers(reactor: Any) -> None:
    """From now on, for the life of the process."""
    reactor.seconds = SteadyTimers(reactor, lambda: reactor.callFromThread(int)).seconds
