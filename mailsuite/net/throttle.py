"""Makes guessing passwords slow: each failed login makes the next one of the same address, or for the same name, wait.

Addresses (by default IPv4 /32, IPv6 /64) wait in line: attempts side by side gain nothing once one has failed.  A name
attacked from everywhere waits only ``longest_for_name`` seconds, and not at all from an address where its password was
right before, so that nobody can be locked out by others.  Forgets after ``forget_after`` seconds without a failure, or
the oldest first when there are ``most`` entries.  Kept in memory; a restart forgives everything.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict

import msgspec
from twisted.internet.interfaces import IReactorTime

from mailsuite.errors import Throttled
from mailsuite.net.address import NetworkOf, network_of

#: Letters that are seen by nobody.
_FILLERS = frozenset("\u115f\u1160")


def spelling(login: str) -> str:
    """One key for all the spellings that a directory may take for the same name (RFC 4013, UTS 46), without which a
    guesser would have as many names as he likes.  Different names may share one: all domains that are not ASCII do."""
    if login.isascii():
        return login.lower()
    local, at, domain = login.rpartition("@")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local if at else login).casefold())
    kept = (c for c in folded if (c.isascii() and c.isprintable()) or (c.isalnum() and c not in _FILLERS))
    return f"{''.join(kept)}{at}{domain.lower() if at and domain.isascii() else ''}"


class ThrottleSettings(msgspec.Struct, frozen=True):
    #: Seconds to wait after the first failure; doubled by each further one.
    first: float = 1.0
    #: Seconds at most between two attempts of an address.
    longest: float = 15.0
    #: Seconds at most for a name.
    longest_for_name: float = 4.0
    #: Seconds in line at most; who would wait longer is refused.
    patience: float = 45.0
    #: Seconds without a failure after which all is forgiven.
    forget_after: float = 900.0
    #: Entries kept of addresses, of names and of good pairs, each.
    most: int = 10_000


class _Record:
    __slots__ = ("failures", "free_at", "last")

    def __init__(self) -> None:
        self.failures = 0
        self.last = 0.0
        #: When the next attempt of this address may be checked.
        self.free_at = 0.0


class Throttle:
    """One for all services of the process."""

    def __init__(
        self, clock: IReactorTime, settings: ThrottleSettings | None = None, network: NetworkOf = network_of
    ) -> None:
        self._clock = clock
        self._settings = settings or ThrottleSettings()
        self._network = network
        self._addresses: OrderedDict[str, _Record] = OrderedDict()
        self._names: OrderedDict[str, _Record] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait(self, address: str, login: str) -> float:
        """Seconds until this attempt may be checked, 0 for most; its place in line is taken by asking.

        Raises Throttled if the line is too long."""
        now, limits = self._clock.seconds(), self._settings
        network, name = self._network(address), spelling(login)
        start = now
        record = self._find(self._addresses, network)
        if record is not None:
            start = max(now, record.free_at)
            if start - now > limits.patience:
                raise Throttled("too many failed logins from your address; try again later")
            record.free_at = start + self._delay(record, limits.longest)
        known = self._find(self._names, name)
        if known is not None and (network, name) not in self._good:
            start = max(start, known.last + self._delay(known, limits.longest_for_name))
        return start - now

    def failed(self, address: str, login: str) -> None:
        """The password was wrong."""
        now, network = self._clock.seconds(), self._network(address)
        record = self._count(self._addresses, network)
        record.free_at = max(record.free_at, now + self._delay(record, self._settings.longest))
        self._count(self._names, spelling(login))

    def succeeded(self, address: str, login: str) -> None:
        """The password was right: the name is forgiven, and half of what the address did."""
        network, name = self._network(address), spelling(login)
        self._names.pop(name, None)
        self._good[network, name] = None
        self._good.move_to_end((network, name))
        if len(self._good) > self._settings.most:
            self._good.popitem(last=False)
        record = self._find(self._addresses, network)
        if record is not None:
            record.failures //= 2
            if not record.failures:
                del self._addresses[network]

    def _delay(self, record: _Record, longest: float) -> float:
        return min(longest, self._settings.first * 2.0 ** min(record.failures - 1, 30))

    def _find(self, records: OrderedDict[str, _Record], key: str) -> _Record | None:
        record = records.get(key)
        if record is None:
            return None
        age = self._clock.seconds() - record.last
        if not 0 <= age <= self._settings.forget_after:  # below 0: the clock was set back
            del records[key]
            return None
        return record

    def _count(self, records: OrderedDict[str, _Record], key: str) -> _Record:
        record = self._find(records, key)
        if record is None:
            record = records[key] = _Record()
            if len(records) > self._settings.most:
                records.popitem(last=False)
        records.move_to_end(key)
        record.failures += 1
        record.last = self._clock.seconds()
        return record
