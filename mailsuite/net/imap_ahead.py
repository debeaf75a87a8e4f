"""Parts of a long answer: while one is sent, the next is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred

_T = TypeVar("_T")


class Ahead(Generic[_T]):
    """Calls ``read`` for one part after the other, each as soon as the one before it was handed out, until one is
    None.  One part waits at most.  To be closed."""

    def __init__(self, read: Callable[[], Coroutine[Any, Any, _T | None]]) -> None:
        self._read = read
        self._coming: Deferred[_T | None] = Deferred.fromCoroutine(read())

    async def next(self) -> _T | None:
        """The next part, None after the last; raises what reading it raised."""
        part = await self._coming
        if part is not None:
            self._coming = Deferred.fromCoroutine(self._read())
        return part

    def close(self) -> None:
        """Nobody waits for more."""
        self._coming.addErrback(lambda _: None)
        self._coming.cancel()
