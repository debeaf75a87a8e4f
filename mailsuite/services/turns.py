"""Turns by name: at most so many hold one at a time, the others wait in the order they came, in the reactor.

What waits here holds no thread.  Several names are taken in the order of the names, so that two who want the same
ones never wait for each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from twisted.internet.defer import DeferredSemaphore


class Turns:
    """``at_once`` of each name."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._turns: dict[str, DeferredSemaphore] = {}

    @property
    def names(self) -> frozenset[str]:
        """Those that somebody holds."""
        return frozenset(self._turns)

    @asynccontextmanager
    async def of(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Holds a turn of each of these names."""
        async with AsyncExitStack() as held:
            for name in sorted(set(names)):
                await self._turns.setdefault(name, DeferredSemaphore(self._at_once)).acquire()
                held.callback(self._release, name)
            yield

    def _release(self, name: str) -> None:
        turn = self._turns[name]
        turn.release()  # the next may have come to its end when this returns
        if turn.tokens == self._at_once and self._turns.get(name) is turn:
            del self._turns[name]
