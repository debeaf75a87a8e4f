"""Which letters may arrive twice, and how many: those that went over a connection that was lost after the data
(RFC 1047), and those whose sender ended before it had noted that it was rid of them, of which there are no more than it
has places for (``relay.per_destination``)."""

from __future__ import annotations

import re

import msgspec

from mailsuite.testing.world.ledger import Ledger
from mailsuite.testing.world.network import Network
from mailsuite.testing.world.site import PLACES
from mailsuite.testing.world.transport import End

_NUMBER = re.compile(rb"X-World: (\d+)\r\n")
#: Octets that are looked at again with what follows.
_OVERLAP = 40
#: Seconds after which a sender has noted that it was rid of a letter.
NOTED = 10.0


class _Carried(msgspec.Struct, frozen=True):
    """Letters that went over a connection which ended well."""

    at: float
    station: str
    peer: str
    numbers: list[int]


class Doubles:
    """Watches all connections to port 25."""

    def __init__(self, network: Network, ledger: Ledger) -> None:
        self._network, self._ledger = network, ledger
        self._tails: dict[End, bytes] = {}
        self._carrying: dict[End, list[int]] = {}
        self._carried: list[_Carried] = []
        #: Letters of which nobody knows whether they arrived.
        self._uncertain: set[int] = set()
        #: How many may come again as their senders forgot them.
        self.allowed = 0
        network.see, network.see_end = self._see, self._ended

    def _see(self, end: End, data: bytes) -> None:
        if end.getPeer().port != 25 or end.getHost().port == 25:
            return
        text = self._tails.get(end, b"") + data
        self._tails[end] = text[-_OVERLAP:]
        numbers = self._carrying.setdefault(end, [])
        numbers += [int(each) for each in _NUMBER.findall(text)]

    def _ended(self, end: End, reason: Exception | None) -> None:
        numbers = self._carrying.pop(end, [])
        said_quit = self._tails.pop(end, b"").upper().endswith(b"QUIT\r\n")
        if numbers and not said_quit:
            self._may_double(numbers, f"{end.name} was lost")
            self._uncertain.update(numbers)
        elif numbers:
            self._carried.append(_Carried(self._network.now, end.station.name, end.getPeer().host, numbers))

    def forgets(self, name: str, since: float) -> None:
        """A host ends that may not have noted, on its disk, what it sent since then."""
        forgotten = [each for each in self._carried if each.station == name and each.at > since - NOTED]
        for each in forgotten:
            self._may_double(each.numbers, f"{name} may not have noted that it was rid of them")
        self.allowed += PLACES * len({each.peer for each in forgotten})

    def _may_double(self, numbers: list[int], why: str) -> None:
        self._network.trace.note("doubles", f"{numbers}: {why}")
        self._ledger.doubled.update(dict.fromkeys(numbers, why))

    @property
    def repeated(self) -> int:
        """How often letters came again that went over connections which ended well; once the books are balanced."""
        forgotten = self._ledger.doubled.keys() - self._uncertain
        return sum(self._ledger.more[number] for number in forgotten)
