"""What a Twisted reactor offers a server, on one host of a world: time, connections, datagrams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet import error, interfaces
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import DatagramProtocol, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.testing.world.clock import Call, HostClock
from mailsuite.testing.world.network import Station
from mailsuite.testing.world.pipe import RESEND, RESEND_MOST
from mailsuite.testing.world.transport import End


@implementer(interfaces.IListeningPort)
class Port:
    """TCP or UDP; ``close`` takes it off the station."""

    def __init__(self, address: IPv4Address, close: Callable[[], object]) -> None:
        self._address = address
        self._close = close

    def startListening(self) -> None:
        """It does from the start."""

    def stopListening(self) -> Deferred[None]:
        self._close()
        return succeed(None)

    def getHost(self) -> IPv4Address:
        return self._address


class DatagramPort(Port):
    def __init__(self, station: Station, port: int) -> None:
        super().__init__(IPv4Address("UDP", station.address, port), lambda: station.datagrams.pop(port, None))
        self._station, self._port = station, port

    def write(self, packet: bytes, addr: tuple[str, int]) -> None:
        self._station.network.send(self._station, self._port, packet, addr)


@implementer(interfaces.IConnector)
class Connector:
    """An attempt to connect."""

    def __init__(self, reactor: HostReactor, to: tuple[str, int], factory: Any, timeout: float) -> None:
        self._reactor, self._to, self._factory = reactor, to, factory
        self._end: End | None = None
        self._timeout: Call | None = reactor.callLater(timeout, self._fail, error.TimeoutError())
        self._over = False
        reactor.station.connecting[self] = None
        factory.doStart()
        factory.startedConnecting(self)

    def getDestination(self) -> IPv4Address:
        return IPv4Address("TCP", *self._to)

    def stopConnecting(self) -> None:
        self._fail(error.UserError())

    def disconnect(self) -> None:
        if self._end is not None:
            self._end.loseConnection()
        else:
            self.stopConnecting()

    def connect(self) -> None:
        self.begin()

    def begin(self, wait: float = RESEND) -> None:
        """A SYN goes out."""
        self._reactor.network.later(self._reactor.network.latency(), self._syn, wait)

    def _syn(self, wait: float) -> None:
        network, own = self._reactor.network, self._reactor.station
        station = network.stations.get(self._to[0])
        if self._over or not own.up or self._reactor.stopped:
            return
        if station is None or not station.up or network.apart(own, station):
            network.later(wait, self.begin, min(2 * wait, RESEND_MOST))
            return
        accept = station.listening.get(self._to[1])
        if accept is None:
            network.later(network.latency(), self._fail, error.ConnectionRefusedError())
            return
        near, far = network.ends(own, station, self._to[1])
        protocol = accept((own.address, near.getHost().port))
        if protocol is None:
            near.vanish()
            far.vanish()
            network.later(network.latency(), self._fail, error.ConnectionRefusedError())
            return
        network.later(network.latency(), self._connected, near)
        far.connect(protocol)

    def _connected(self, end: End) -> None:
        if self._over or not end.open:
            end.out.reset()
            end.open = False
            end.station.ends.pop(end, None)
            self._fail(error.ConnectionRefusedError())
            return
        self._finish()
        self._end = end
        protocol = self._factory.buildProtocol(end.getPeer())
        end.connect(cast(Protocol, protocol))

    def _fail(self, reason: Exception) -> None:
        if not self._over and not self._reactor.stopped:
            self._finish()
            self._factory.clientConnectionFailed(self, Failure(reason))
            self._factory.doStop()

    def vanish(self) -> None:
        """Nobody is there any more who would want to connect."""
        self._over, self._factory = True, None

    def _finish(self) -> None:
        self._over = True
        self._reactor.station.connecting.pop(self, None)
        if self._timeout is not None and self._timeout.active():
            self._timeout.cancel()


@implementer(interfaces.IReactorTime, interfaces.IReactorTCP, interfaces.IReactorUDP)
class HostReactor:
    """``clock`` and ``station`` are the host's."""

    def __init__(self, clock: HostClock, station: Station) -> None:
        self.clock, self.station, self.network = clock, station, station.network
        self.seconds = clock.seconds
        self.callLater = clock.callLater
        self.getDelayedCalls = clock.getDelayedCalls

    @property
    def stopped(self) -> bool:
        return self.clock.stopped

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        self.callLater(0, callable, *args, **kwargs)

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: object = None
    ) -> Connector:
        connector = Connector(self, (host, port), factory, timeout)
        connector.connect()
        return connector

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        if port in self.station.listening:
            raise error.CannotListenError(interface, port, OSError("the port is taken"))
        self.station.listening[port] = lambda peer: factory.buildProtocol(IPv4Address("TCP", *peer))
        return Port(IPv4Address("TCP", self.station.address, port), lambda: self.station.listening.pop(port, None))

    def listenUDP(
        self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192
    ) -> DatagramPort:
        number = port or self.station.fresh_port()
        self.station.datagrams[number] = protocol
        listening = DatagramPort(self.station, number)
        protocol.makeConnection(cast(interfaces.IUDPTransport, listening))
        return listening

    def listenUNIX(
        self, address: str, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: bool = False
    ) -> Port:
        """Nobody in the world connects to it."""
        return Port(IPv4Address("TCP", self.station.address, 0), lambda: None)
