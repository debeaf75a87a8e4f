"""True time, and the clocks of hosts, which may jump.

``Timeline`` is what happens, in order: equal times in the order in which they were asked for, so nothing depends on
chance.  A ``HostClock`` is what Twisted offers of time (IReactorTime) on one host: a jump changes what it says, and
calls that are due by then come at once, as with a reactor whose clock was set.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer


def _nothing() -> None:
    """What a call is for that is over."""


@implementer(IDelayedCall)
class Call:
    """Something that will be called; times are those of its clock."""

    __slots__ = ("_clock", "args", "cancelled", "done", "kwargs", "time", "version", "work")

    def __init__(self, clock: HostClock, time: float, work: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self._clock = clock
        self.time = time
        self.work, self.args, self.kwargs = work, args, kwargs
        self.cancelled = self.done = False
        #: Counts how often it was put on the timeline: only the last time counts.
        self.version = 0

    def getTime(self) -> float:
        return self.time

    def active(self) -> bool:
        return not (self.cancelled or self.done)

    def cancel(self) -> None:
        self._require_active()
        self.drop()
        self._clock.forget(self)

    def drop(self) -> None:
        """It will not happen."""
        self.cancelled = True
        self._let_go()

    def happen(self) -> None:
        self.done = True
        self._clock.forget(self)
        work, args, kwargs = self.work, self.args, self.kwargs
        self._let_go()
        work(*args, **kwargs)

    def _let_go(self) -> None:
        """It may stay on the timeline for long, and does not keep what it was for."""
        self.work, self.args, self.kwargs = _nothing, (), {}

    def reset(self, secondsFromNow: float) -> None:
        self._move(self._clock.seconds() + secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        self._move(self.time + secondsLater)

    def _move(self, time: float) -> None:
        self._require_active()
        self.time = time
        self._clock.put(self)

    def _require_active(self) -> None:
        if self.cancelled:
            raise AlreadyCancelled
        if self.done:
            raise AlreadyCalled


class Timeline:
    """What will happen, by true time (epoch seconds)."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._heap: list[tuple[float, int, Call, int]] = []
        self._count = 0

    def put(self, when: float, call: Call) -> None:
        call.version += 1
        self._count += 1
        heapq.heappush(self._heap, (max(when, self.now), self._count, call, call.version))

    def step(self, until: float) -> bool:
        """Let the next thing happen, unless it is later than ``until``; whether it did."""
        while self._heap and self._heap[0][0] <= until:
            when, _, call, version = heapq.heappop(self._heap)
            if call.active() and call.version == version:
                self.now = when
                call.happen()
                return True
        return False

    def pass_to(self, when: float) -> None:
        """Nothing is left to happen before."""
        self.now = max(self.now, when)


@implementer(IReactorTime)
class HostClock:
    """The clock of one host, ``offset`` seconds ahead of true time."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._calls: dict[Call, None] = {}
        self.offset = 0.0
        self.stopped = False

    def seconds(self) -> float:
        return self._timeline.now + self.offset

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kw: object) -> Call:
        assert delay >= 0, f"{callable} was asked for {-delay} s ago"
        call = Call(self, self.seconds() + delay, callable, args, kw)
        if self.stopped:  # nobody is there any more
            call.drop()
        else:
            self.put(call)
        return call

    def getDelayedCalls(self) -> list[Call]:
        return list(self._calls)

    def put(self, call: Call) -> None:
        self._calls[call] = None
        self._timeline.put(call.time - self.offset, call)

    def forget(self, call: Call) -> None:
        self._calls.pop(call, None)

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock.  Who sleeps until the first call is due wakes as if nothing had happened."""
        first = min((call.time - self.offset for call in self._calls), default=self._timeline.now)
        self.offset += seconds
        for call in tuple(self._calls):
            self.put(call)
        self._timeline.put(first, Call(self, first, self.seconds, (), {}))

    def stop(self) -> None:
        """The host is gone: nothing that it asked for happens."""
        self.stopped = True
        for call in self._calls:
            call.drop()
        self._calls.clear()
