"""What the relay remembers of other hosts: who did not answer a moment ago, and how much goes to each at once."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailsuite.model import Hop, Status

#: Hosts that are remembered at most; beyond it the oldest are forgotten.
REMEMBERED = 10_000


class Unreachable(msgspec.Struct, frozen=True):
    """What was found out at ``noted`` (epoch seconds)."""

    noted: float
    status: Status
    text: str


class UnreachableHosts:
    """Hops at which nobody took a message, for ``seconds``, with the words to pass on."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._noted: dict[tuple[str, int], Unreachable] = {}

    def note(self, hop: Hop, status: Status, text: str) -> None:
        """Nobody answered there, or we were not let in."""
        self._noted.pop((hop.host, hop.port), None)
        self._noted[hop.host, hop.port] = Unreachable(self._now(), status, text)
        if len(self._noted) > REMEMBERED:
            del self._noted[next(iter(self._noted))]

    def forget(self, hop: Hop) -> None:
        """It answered."""
        self._noted.pop((hop.host, hop.port), None)

    def reason(self, hop: Hop, since: float) -> Unreachable | None:
        """Why it is not worth trying now; None if it is, or if nobody tried at or after ``since``."""
        found = self._noted.get((hop.host, hop.port))
        return found if found and since <= found.noted <= self._now() < found.noted + self._seconds else None


class _Limit(msgspec.Struct, frozen=True):
    """``careful``: there was trouble."""

    at_once: float
    careful: bool


class Destinations:
    """How many messages may be on their way to each destination at once: one more for each that went well, up to
    ``most``, until there is trouble; half as many then, and from there on one more for each round that goes well, as
    TCP does it (RFC 5681 §3.1).  Destinations nobody uses cost nothing for long."""

    def __init__(self, first: int, most: int) -> None:
        self._first = float(min(first, most))
        self._most = float(most)
        self._busy: dict[str, int] = {}
        self._limits: dict[str, _Limit] = {}

    def has_room(self, destination: str) -> bool:
        limit = self._limits.get(destination)
        return self._busy.get(destination, 0) < int(self._first if limit is None else limit.at_once)

    def enter(self, destination: str) -> bool:
        """Whether one more may go there; it is counted then, until it leaves."""
        if not self.has_room(destination):
            return False
        self._busy[destination] = self._busy.get(destination, 0) + 1
        return True

    def leave(self, destination: str) -> None:
        """One has come back."""
        left = self._busy.get(destination, 0) - 1
        if left > 0:
            self._busy[destination] = left
        else:
            self._busy.pop(destination, None)

    def went(self, destination: str, well: bool) -> None:
        """What one came to."""
        limit = self._limits.pop(destination, None) or _Limit(self._first, careful=False)
        at_once = limit.at_once
        if not well:
            limit = _Limit(max(at_once / 2, 1.0), careful=True)
        elif at_once < self._most:
            more = 1 / at_once if limit.careful else 1.0
            limit = _Limit(min(at_once + more, self._most), limit.careful)
        self._limits[destination] = limit
        if len(self._limits) > REMEMBERED:
            del self._limits[next(iter(self._limits))]


class Place:
    """One message's place at a destination, which it has entered; left once."""

    def __init__(self, destinations: Destinations, destination: str) -> None:
        self._destinations = destinations
        self.destination = destination
        self._left = False

    def leave(self) -> None:
        """Another one may go there; nothing if it was left before."""
        if not self._left:
            self._left = True
            self._destinations.leave(self.destination)
