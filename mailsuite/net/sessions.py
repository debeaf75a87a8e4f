"""How many connections there may be, and the ending of those there are; shared by the server factories.

``Admission`` counts over all listeners that share it, in all and for each client network (``net.address``); trusted
clients and those of UNIX sockets are only counted in all.  When all places are taken, silent strangers make room
(``net.guests``).  ``Admission.part`` is the same for one listener with a limit of its own.  ``Sessions`` knows the
connections of one listener, lists them for the administrator, and ends them in order: each after the command it is
working on.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred, succeed

from mailsuite.net.address import NetworkOf, network_of
from mailsuite.net.guests import Guests


class Entry(enum.Enum):
    """Whether one more connection may be served; if not, the value names the limit that it met."""

    ADMITTED = "admitted"
    FULL = "limits.connections"
    CROWDED = "limits.connections_per_address"
    LISTENER_FULL = "listener.connections"


class Door(Protocol):
    """What a listener needs of ``Admission`` or its part."""

    @property
    def hits(self) -> Counter[str]: ...

    @property
    def guests(self) -> Guests: ...

    def enter(self, address: str, trusted: bool) -> Entry: ...

    def leave(self, address: str) -> None: ...


class Admission:
    """The count of open connections.  ``hits`` counts by name what met a limit, this one's and any other of net."""

    def __init__(self, total: int, per_network: int, network: NetworkOf = network_of) -> None:
        self.hits: Counter[str] = Counter()
        self.guests = Guests()
        self._total = total
        self._per_network = per_network
        self._network = network
        self._all = 0
        self._networks: Counter[str] = Counter()

    def enter(self, address: str, trusted: bool) -> Entry:
        """Whether one more from ``address`` may be served; if so, ``leave`` must follow."""
        network = self._network(address)
        if not trusted and address and self._networks[network] >= self._per_network:
            return self._refused(Entry.CROWDED)
        if self._all >= self._total:
            self._refused(Entry.FULL)
            if not self.guests.make_room():
                return Entry.FULL
        self._all += 1
        self._networks[network] += 1
        return Entry.ADMITTED

    def leave(self, address: str) -> None:
        """It has ended."""
        network = self._network(address)
        self._all -= 1
        self._networks[network] -= 1
        if self._networks[network] <= 0:
            del self._networks[network]

    def part(self, most: int) -> Door:
        """For a listener that has at most so many connections of these; 0: no limit of its own."""
        return _Part(self, most) if most else self

    def _refused(self, entry: Entry) -> Entry:
        self.hits[entry.value] += 1
        return entry


class _Part:
    def __init__(self, whole: Admission, most: int) -> None:
        self.hits = whole.hits
        self.guests = whole.guests
        self._whole = whole
        self._most = most
        self._here = 0

    def enter(self, address: str, trusted: bool) -> Entry:
        if self._here >= self._most:
            self.hits[Entry.LISTENER_FULL.value] += 1
            return Entry.LISTENER_FULL
        entry = self._whole.enter(address, trusted)
        self._here += entry is Entry.ADMITTED
        return entry

    def leave(self, address: str) -> None:
        self._here -= 1
        self._whole.leave(address)


class Described(msgspec.Struct, frozen=True):
    """One open session for the administrator.  ``peer`` is ``address:port`` or ``local``, ``account`` and ``tls`` are
    empty without, ``since`` and ``moved`` (the last command or answer) in seconds since the epoch."""

    service: str
    peer: str
    account: str
    tls: str
    since: float
    moved: float


class Overview(msgspec.Struct, frozen=True):
    """All open sessions of a server, and how often by name a limit was met since it started."""

    sessions: tuple[Described, ...]
    hits: dict[str, int]


class Session(Protocol):
    """What ``net.connection.Connection`` offers for its listing and its ending."""

    def described(self, service: str) -> Described: ...

    def shut_down(self) -> None: ...

    def cut(self) -> None: ...


class Sessions:
    """The open connections of one listener."""

    def __init__(self) -> None:
        self.closing = False
        self._open: dict[Session, None] = {}  # in the order in which they came
        self._all_ended: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._open)

    def described(self, service: str) -> Iterable[Described]:
        """Each of them, in no order."""
        return [session.described(service) for session in self._open]

    def add(self, session: Session) -> None:
        """Its connection is made."""
        self._open[session] = None
        if self.closing:
            session.shut_down()

    def remove(self, session: Session) -> None:
        """Its connection is lost."""
        self._open.pop(session, None)
        if not self._open:
            waiting, self._all_ended = self._all_ended, []
            for ended in waiting:
                ended.callback(None)

    def shut_down(self) -> Deferred[None]:
        """Ask all to end; fires when none is left.  Who asks bounds the time, and calls ``cut`` when it is up."""
        self.closing = True
        for session in list(self._open):
            session.shut_down()
        if not self._open:
            return succeed(None)
        ended: Deferred[None] = Deferred(self._all_ended.remove)
        self._all_ended.append(ended)
        return ended

    def cut(self) -> None:
        """End what is left now, in the middle of whatever it does."""
        for session in list(self._open):
            session.cut()
