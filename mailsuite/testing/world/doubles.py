"""Which letters may arrive twice: those that went over a connection that was lost after the data (RFC 1047)."""

from __future__ import annotations

import re

from mailsuite.testing.world.ledger import Ledger
from mailsuite.testing.world.network import Network
from mailsuite.testing.world.transport import End

_NUMBER = re.compile(rb"X-World: (\d+)\r\n")
#: Octets that are looked at again with what follows.
_OVERLAP = 40
#: Seconds after which a sender has noted that it was rid of a letter.
NOTED = 10.0


class Doubles:
    """Watches all connections to port 25."""

    def __init__(self, network: Network, ledger: Ledger) -> None:
        self._network, self._ledger = network, ledger
        self._tails: dict[End, bytes] = {}
        self._carried: dict[End, list[int]] = {}
        self._closed: list[tuple[float, str, list[int]]] = []
        network.see, network.see_end = self._see, self._ended

    def _see(self, end: End, data: bytes) -> None:
        if end.getPeer().port != 25 or end.getHost().port == 25:
            return
        text = self._tails.get(end, b"") + data
        self._tails[end] = text[-_OVERLAP:]
        numbers = self._carried.setdefault(end, [])
        numbers += [int(each) for each in _NUMBER.findall(text)]

    def _ended(self, end: End, reason: Exception | None) -> None:
        numbers = self._carried.pop(end, [])
        said_quit = self._tails.pop(end, b"").upper().endswith(b"QUIT\r\n")
        if numbers and not said_quit:
            self._may_double(numbers, f"{end.name} was lost")
        elif numbers:
            self._closed.append((self._network.now, end.station.name, numbers))

    def forgets(self, name: str, since: float) -> None:
        """A host ends that may not have noted, on its disk, what it sent since then."""
        for at, station, numbers in self._closed:
            if station == name and at > since - NOTED:
                self._may_double(numbers, f"{name} may not have noted that it was rid of them")

    def _may_double(self, numbers: list[int], why: str) -> None:
        self._network.trace.note("doubles", f"{numbers}: {why}")
        self._ledger.doubled.update(dict.fromkeys(numbers, why))
