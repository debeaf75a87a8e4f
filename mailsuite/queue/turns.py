"""Who changes a message takes its turn: no two change what the disk has of one message at the same time.

So each begins with what the one before has written, or could not: a state is never written behind a removal, and of two
changes none takes back the other.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred


class Turns:
    """By message id, first come, first served."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._waiting: dict[str, deque[Deferred[None]]] = {}
        self._calling: set[str] = set()

    async def take(self, id: str) -> None:
        """When it is one's turn, which ``end`` ends."""
        if id not in self._taken and id not in self._waiting:  # nearly always
            self._taken.add(id)
            return
        turn: Deferred[None] = Deferred()
        self._waiting.setdefault(id, deque()).append(turn)
        await turn

    def end(self, id: str) -> None:
        """The next one is called.  In a loop: many may have nothing to write, and end their turns at once."""
        self._taken.discard(id)
        if id not in self._waiting or id in self._calling:
            return
        self._calling.add(id)
        waiting = self._waiting[id]
        while waiting and id not in self._taken:
            self._taken.add(id)
            waiting.popleft().callback(None)
        self._calling.discard(id)
        if not waiting:
            del self._waiting[id]
