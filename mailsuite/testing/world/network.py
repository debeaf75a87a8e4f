"""The network between the hosts of a world: addresses, ports, connections, datagrams, and what goes wrong with them.

A ``Station`` is a host as the network sees it, up or down.  ``Weather`` says how often connections are cut, how long
octets travel, how many datagrams are lost; ``part`` separates stations from others until ``heal``.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from twisted.internet.protocol import DatagramProtocol

from mailsuite.testing.world.clock import HostClock, Timeline
from mailsuite.testing.world.pipe import Pipe
from mailsuite.testing.world.trace import Trace
from mailsuite.testing.world.transport import End

#: Octets of the longest way to a cut.
FARTHEST_CUT = 6000


class Weather(msgspec.Struct):
    """May change at any time."""

    #: Seconds on the way: shortest and longest.
    fast: float = 0.0005
    slow: float = 0.02
    #: Share of connections that are cut at some octet, and of them that are cut without a word.
    cuts: float = 0.0
    silent: float = 0.3
    #: Share of datagrams that are lost.
    lost: float = 0.0


class Connecting(Protocol):
    """An attempt to connect."""

    def vanish(self) -> None:
        """Nobody is there any more who would want it."""


class Station:
    """A host on the network."""

    def __init__(self, network: Network, name: str, address: str) -> None:
        self.network, self.name, self.address = network, name, address
        self.up = True
        self.listening: dict[int, Callable[[tuple[str, int]], Any]] = {}
        self.datagrams: dict[int, DatagramProtocol] = {}
        self.ends: dict[End, None] = {}
        self.connecting: dict[Connecting, None] = {}
        self._port = 40_000

    def fresh_port(self) -> int:
        self._port = 40_000 + (self._port - 39_999) % 20_000
        return self._port

    def lose_power(self) -> None:
        self.up = False
        ends = tuple(self.ends)
        self._vanish()
        for end in ends:
            self.network.ended(end, None)

    def close_all(self) -> None:
        """Its process is gone, and the kernel says so to all peers."""
        for end in self.ends:
            end.out.reset()
        self._vanish()

    def _vanish(self) -> None:
        for each in (*self.ends, *self.connecting):
            each.vanish()
        for table in (self.ends, self.connecting, self.listening, self.datagrams):
            table.clear()


class Network:
    """``wrote`` and ``ended`` may be replaced by whoever wants to see what goes over connections."""

    def __init__(self, timeline: Timeline, rng: random.Random, trace: Trace) -> None:
        self.trace = trace
        self.weather = Weather()
        self.stations: dict[str, Station] = {}
        self._timeline = timeline
        self._clock = HostClock(timeline)
        self._rng = rng
        self._apart: dict[frozenset[str], None] = {}
        self._count = 0
        #: Called with what an end writes, and when one is told that it is gone (None: its host lost power).
        self.see: Callable[[End, bytes], None] = lambda end, data: None
        self.see_end: Callable[[End, Exception | None], None] = lambda end, reason: None

    @property
    def now(self) -> float:
        return self._timeline.now

    def station(self, name: str, address: str) -> Station:
        """The host of that address; made if it is not known."""
        return self.stations.setdefault(address, Station(self, name, address))

    def later(self, delay: float, work: Callable[..., object], *args: object) -> None:
        self._clock.callLater(delay, work, *args)

    def latency(self) -> float:
        return self._rng.uniform(self.weather.fast, self.weather.slow)

    def open_ends(self) -> list[End]:
        return [end for station in self.stations.values() for end in station.ends if end.open]

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def part(self, some: set[str], others: set[str]) -> None:
        """Nothing passes between these names."""
        self.trace.note("network", f"parted: {sorted(some)} from {sorted(others)}")
        self._apart |= {frozenset((one, other)): None for one in sorted(some) for other in sorted(others)}

    def heal(self) -> None:
        self.trace.note("network", "healed")
        self._apart.clear()

    def reaches(self, sender: End, receiver: End) -> bool:
        return receiver.station.up and not sender.mute and not self.apart(sender.station, receiver.station)

    @property
    def is_calm(self) -> bool:
        """Nothing is wrong with it."""
        return self.weather == Weather() and not self._apart

    def apart(self, one: Station, other: Station) -> bool:
        return frozenset((one.name, other.name)) in self._apart

    def cut(self, one: End, other: End, silently: bool) -> None:
        self.trace.note("network", f"cut {one.name} {'silently' if silently else ''}")
        if silently:
            one.mute = other.mute = True
            return
        for end in (one, other):
            self.later(0, end.broken, ConnectionResetError("cut"))

    # -- connections -----------------------------------------------------------------------------------------------

    def wrote(self, end: End, data: bytes) -> None:
        self.see(end, data)

    def ended(self, end: End, reason: Exception | None) -> None:
        end.station.ends.pop(end, None)
        self.see_end(end, reason)

    def ends(self, caller: Station, called: Station, port: int) -> tuple[End, End]:
        """Both ends of a new connection."""
        self._count += 1
        name = f"{caller.name}>{called.name}:{port} #{self._count}"
        own, peer = (caller.address, caller.fresh_port()), (called.address, port)
        near = End(self, caller, f"{name} <", own, peer)
        far = End(self, called, f"{name} >", peer, own)
        near.out = far.into = Pipe(self, near, far)
        far.out = near.into = Pipe(self, far, near)
        if self._rng.random() < self.weather.cuts:
            pipe = self._rng.choice((near.out, far.out))
            pipe.cut_at = self._rng.randrange(FARTHEST_CUT)
            pipe.cut_silently = self._rng.random() < self.weather.silent
        caller.ends[near] = called.ends[far] = None
        return near, far

    # -- datagrams -------------------------------------------------------------------------------------------------

    def send(self, station: Station, port: int, data: bytes, to: tuple[str, int]) -> None:
        if self._rng.random() >= self.weather.lost:
            self.later(self.latency(), self._datagram, station, port, data, to)

    def _datagram(self, sender: Station, port: int, data: bytes, to: tuple[str, int]) -> None:
        receiver = self.stations.get(to[0])
        if receiver is None or not receiver.up or self.apart(sender, receiver):
            return
        protocol = receiver.datagrams.get(to[1])
        if protocol is not None:
            self.trace.note(f"{sender.name}>{receiver.name}:{to[1]}", f"datagram of {len(data)}")
            protocol.datagramReceived(data, (sender.address, port))
