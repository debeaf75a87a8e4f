"""How many connections there may be, and the ending of those there are; shared by the server factories.

``Admission`` counts over all listeners that share it, in all and for each client network (an IPv4 address, an IPv6
/64); trusted clients are only counted in all.  ``Sessions`` knows the connections of one listener and ends them in
order: each after the command it is working on.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from twisted.internet.defer import Deferred, succeed

from mailsuite.net.address import network_of


class Admission:
    """The count of open connections."""

    def __init__(self, total: int, per_network: int) -> None:
        self._total = total
        self._per_network = per_network
        self._all = 0
        self._networks: Counter[str] = Counter()

    def enter(self, address: str, trusted: bool) -> bool:
        """Whether one more from ``address`` may be served; if so, ``leave`` must follow."""
        network = network_of(address)
        if self._all >= self._total or (not trusted and self._networks[network] >= self._per_network):
            return False
        self._all += 1
        self._networks[network] += 1
        return True

    def leave(self, address: str) -> None:
        """It has ended."""
        network = network_of(address)
        self._all -= 1
        self._networks[network] -= 1
        if self._networks[network] <= 0:
            del self._networks[network]


class Session(Protocol):
    """What ``net.connection.Connection`` offers for its ending."""

    def shut_down(self) -> None: ...

    def cut(self) -> None: ...


class Sessions:
    """The open connections of one listener."""

    def __init__(self) -> None:
        self.closing = False
        self._open: set[Session] = set()
        self._all_ended: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: Session) -> None:
        """Its connection is made."""
        self._open.add(session)
        if self.closing:
            session.shut_down()

    def remove(self, session: Session) -> None:
        """Its connection is lost."""
        self._open.discard(session)
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
