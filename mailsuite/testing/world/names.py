"""The name server of a world: one station, UDP and TCP, zones that may change and go wrong."""

from __future__ import annotations

import struct
from typing import Any

from twisted.internet.protocol import DatagramProtocol, Factory, Protocol

from mailsuite.testing.dns import NameServer, Records, Trouble, Zones
from mailsuite.testing.world.clock import HostClock
from mailsuite.testing.world.network import Network
from mailsuite.testing.world.reactor import HostReactor


class Names:
    """``zones`` are the truth, to which names may be added; ``troubled`` names are answered otherwise for as long as
    they are in it."""

    def __init__(self, network: Network, clock: HostClock, address: str) -> None:
        self._answers: dict[tuple[bytes, str, int], bytes] = {}
        self.zones: dict[str, Records | Trouble] = {}
        self.troubled: dict[str, Records | Trouble] = {}
        station = network.station("dns", address)
        reactor = HostReactor(clock, station)
        reactor.listenUDP(53, _Udp(self))
        reactor.listenTCP(53, Factory.forProtocol(lambda: _Tcp(self)))

    def answer(self, octets: bytes, transport: str) -> bytes:
        """The same to the same question, but for its number, while nothing is wrong."""
        if self.troubled:
            return self._find(octets, transport)
        question = octets[2:], transport, len(self.zones)
        if question not in self._answers:
            self._answers[question] = self._find(octets, transport)
        return octets[:2] + self._answers[question][2:]

    def _find(self, octets: bytes, transport: str) -> bytes:
        zones: Zones = {**self.zones, **self.troubled}
        return NameServer(zones).answer(octets, transport)


class _Udp(DatagramProtocol):
    def __init__(self, names: Names) -> None:
        self._names = names

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        if answer := self._names.answer(datagram, "UDP"):
            self.transport.write(answer, addr)  # type: ignore[union-attr]


class _Tcp(Protocol):
    def __init__(self, names: Names) -> None:
        self._names = names
        self._got = b""

    def dataReceived(self, data: bytes) -> None:
        self._got += data
        while len(self._got) >= 2 and len(self._got) >= 2 + (size := struct.unpack("!H", self._got[:2])[0]):
            answer = self._names.answer(self._got[2 : 2 + size], "TCP")
            self._got = self._got[2 + size :]
            if answer and self.transport is not None:
                self.transport.write(struct.pack("!H", len(answer)) + answer)
