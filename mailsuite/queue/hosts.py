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
        self._noted: dict[tuple[str, int], tuple[float, str]] = {}

    def note(self, hop: Hop, text: str) -> None:
        """Nobody answered there."""
        self._noted.pop((hop.host, hop.port), None)
        self._noted[hop.host, hop.port] = (self._now(), text)
        if len(self._noted) > REMEMBERED:
            del self._noted[next(iter(self._noted))]

    def forget(self, hop: Hop) -> None:
        """It answered."""
        self._noted.pop((hop.host, hop.port), None)

    def reason(self, hop: Hop, since: float) -> str:
        """Why it is not worth trying now; empty if it is, or if nobody tried at or after ``since``."""
        noted, text = self._noted.get((hop.host, hop.port), (-1.0, ""))
        return text if since <= noted and self._now() < noted + self._seconds else ""


class Places:
    """At most ``limit`` at once for each destination; destinations nobody uses cost nothing."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._semaphores: dict[str, DeferredSemaphore] = {}

    def of(self, destination: str) -> DeferredSemaphore:
        if len(self._semaphores) > REMEMBERED:
            self._semaphores = {name: one for name, one in self._semaphores.items() if one.tokens < one.limit}
        return self._semaphores.setdefault(destination, DeferredSemaphore(self._limit))
