"""What the relay remembers of other hosts: who did not answer a moment ago, and how much goes to each at once."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import DeferredSemaphore

from mailsuite.model import Hop

#: Hosts that are remembered at most; beyond it the oldest are forgotten.
REMEMBERED = 10_000


class UnreachableHosts:
    """Hops at which nobody took a message, for ``seconds``, with the words to pass on."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._until: dict[tuple[str, int], tuple[float, str]] = {}

    def note(self, hop: Hop, text: str) -> None:
        """Nobody answered there."""
        self._until.pop((hop.host, hop.port), None)
        self._until[hop.host, hop.port] = (self._now() + self._seconds, text)
        if len(self._until) > REMEMBERED:
            del self._until[next(iter(self._until))]

    def forget(self, hop: Hop) -> None:
        """It answered."""
        self._until.pop((hop.host, hop.port), None)

    def reason(self, hop: Hop) -> str:
        """Why it is not worth trying now; empty if it is."""
        until, text = self._until.get((hop.host, hop.port), (0.0, ""))
        return text if self._now() < until else ""


class Places:
    """At most ``limit`` at once for each destination; destinations nobody uses cost nothing."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._semaphores: dict[str, DeferredSemaphore] = {}

    def of(self, destination: str) -> DeferredSemaphore:
        if len(self._semaphores) > REMEMBERED:
            self._semaphores = {name: one for name, one in self._semaphores.items() if one.tokens < one.limit}
        return self._semaphores.setdefault(destination, DeferredSemaphore(self._limit))
