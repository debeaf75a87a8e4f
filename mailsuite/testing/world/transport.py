"""One end of a simulated TCP connection: what Twisted offers a protocol, over two pipes.

Nothing is delivered inside a call that the protocol makes.  ``vanish`` is what happens to it when its host loses power.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from twisted.internet import error, interfaces
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.testing.world.pipe import KERNEL, Pipe

if TYPE_CHECKING:
    from mailsuite.testing.world.network import Network, Station

#: Unsent octets from which a producer is paused (Twisted's ``bufferSize``).
HIGH_WATER = 2**16


@implementer(interfaces.ITCPTransport, interfaces.IConsumer, interfaces.IPushProducer)
class End:
    """``out`` leads to the other end; ``name`` stands in the trace."""

    out: Pipe
    #: What the other end sends.
    into: Pipe

    def __init__(
        self, network: Network, station: Station, name: str, own: tuple[str, int], peer: tuple[str, int]
    ) -> None:
        self.network, self.station, self.name = network, station, name
        self._own, self._peer = IPv4Address("TCP", *own), IPv4Address("TCP", *peer)
        self.protocol: Protocol | None = None
        #: The kernel knows of it.
        self.open = True
        #: The protocol was not told that it is gone.
        self.connected = False
        self.reading = False
        #: Nothing that it sends arrives, and nobody is told.
        self.mute = False
        self.disconnecting = False
        self.disconnected = False
        self._producer: interfaces.IPushProducer | None = None
        self._streaming = True
        self._producer_paused = False
        self._closing = False

    def connect(self, protocol: Protocol) -> None:
        self.protocol, self.connected = protocol, True
        protocol.makeConnection(self)
        self.resumeProducing()

    # -- what the network does -------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        if self.connected and self.protocol is not None and not self._closing:
            self.network.trace.note(self.name, f"{len(data)} {data[:60]!r}")
            self.protocol.dataReceived(data)

    def sent(self) -> None:
        """Some octets have left."""
        if self._producer is not None and self._producer_paused and self.out.size == 0 and self.connected:
            self._producer_paused = False
            self._producer.resumeProducing()
        self._close_when_sent()

    def peer_ended(self) -> None:
        """The other side has closed: so does Twisted."""
        self._lost(error.ConnectionDone())
        self.out.drop()
        self.out.end()

    def broken(self, reason: Exception) -> None:
        if self.open:
            self.out.drop()
            self._lost(reason)

    def vanish(self) -> None:
        self.open = self.connected = False
        self.protocol = self._producer = None  # who speaks with it may hold on to it for long
        self.out.keep_flying()

    def _lost(self, reason: Exception) -> None:
        self.open = False
        protocol, self.protocol, self._producer = self.protocol, None, None
        if self.connected and protocol is not None:
            self.connected = False
            self.disconnected = True
            self.network.trace.note(self.name, f"lost, {reason}")
            self.network.ended(self, reason)
            protocol.connectionLost(Failure(reason))

    # -- what Twisted offers ---------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError("a transport writes bytes")
        if not self.connected or self._closing or not data:
            return
        self.network.wrote(self, data)
        self.out.write(data)
        if self._producer is not None and self._streaming and self.out.size > HIGH_WATER:
            self._producer_paused = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        self.disconnecting = True
        self.network.later(0, self._close_when_sent)

    def _close_when_sent(self) -> None:
        if self.disconnecting and self.connected and self._producer is None and self.out.size <= KERNEL:
            self.out.end()
            self._lost(error.ConnectionDone())

    def abortConnection(self) -> None:
        if self.connected and not self._closing:
            self._closing = self.disconnecting = True
            self.out.reset()
            self.network.later(0, self._lost, error.ConnectionAborted())

    def loseWriteConnection(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: interfaces.IProducer, streaming: bool) -> None:
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        if not self.connected:
            producer.stopProducing()
            return
        self._producer, self._streaming = cast(interfaces.IPushProducer, producer), streaming
        if not streaming:
            producer.resumeProducing()  # type: ignore[attr-defined]

    def unregisterProducer(self) -> None:
        self._producer = None
        if self.disconnecting:
            self.network.later(0, self._close_when_sent)

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        if not self.reading:
            self.reading = True
            self.into.nudge()

    def stopProducing(self) -> None:
        self.loseConnection()

    def getHandle(self) -> None:
        """There is no socket to look into."""

    def getPeer(self) -> IPv4Address:
        return self._peer

    def getHost(self) -> IPv4Address:
        return self._own

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay."""

    def getTcpKeepAlive(self) -> bool:
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nothing is kept alive."""
