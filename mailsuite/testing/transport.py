"""A transport in memory that keeps TCP's rules, for protocols in tests.

Nothing happens by itself or inside a call: what the peer sends waits until ``settle``, which delivers it, resumes the
producer once the peer has read everything, and reports the end of the connection, as a reactor would between calls.
``startTLS`` encrypts nothing; it only makes sure that the peer switches before it sends again (plain octets to a TLS
server end the connection).  Writing past ``high_water`` unread octets pauses the producer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from twisted.internet import error, interfaces
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

#: Twisted's own default for unsent octets (``FileDescriptor.bufferSize``).
HIGH_WATER = 2**16
#: Keying material of every TLS connection in memory, so that channel bindings can be written down.
EXPORTED = b"exported keying material, 32 oct"


def ip_address(host: str, port: int) -> IPv4Address | IPv6Address:
    """The Twisted address of a TCP peer."""
    return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)


class _Handle:
    """What ``getHandle`` of a TLS transport is asked for."""

    def get_protocol_version_name(self) -> str:
        return "TLSv1.3"

    def get_cipher_name(self) -> str:
        return "TLS_AES_256_GCM_SHA384"

    def export_keying_material(self, label: bytes, octets: int, context: bytes) -> bytes:
        return EXPORTED[:octets]

    def get_certificate(self) -> None:
        """It would be another one with each run."""


@implementer(interfaces.ITCPTransport, interfaces.IConsumer, interfaces.IPushProducer)
class FakeTransport:
    """One end of a connection: ``feed`` and ``take`` are the peer's side, the rest is what Twisted offers."""

    def __init__(self, peer: str = "192.0.2.1", high_water: int = HIGH_WATER, tls: bool = False) -> None:
        self.high_water = high_water
        self.paused = False
        self.disconnecting = False
        self.aborted = False
        self.connected = True
        #: The context given to ``startTLS``, until the peer has done its part.
        self.tls_offered: object | None = None
        self.tls = False
        self.producer: interfaces.IPushProducer | None = None
        self._streaming = True
        self._producer_paused = False
        self._peer = ip_address(peer, 40000)
        self._in: list[bytes] = []
        self._out: list[bytes] = []
        self._unread = 0
        self._hung_up: BaseException | None = None
        self.protocol: Protocol | None = None
        if tls:
            self._secure()

    def connect(self, protocol: Protocol) -> None:
        self.protocol = protocol
        protocol.makeConnection(self)
        if self.tls:
            self._shaken()

    # -- the peer's side -----------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """The peer sends; delivered by ``settle``."""
        if self.tls_offered is not None:
            self._hung_up = self._hung_up or error.ConnectionLost("plain octets where a TLS handshake was due")
            return
        self._in.append(data)

    def take(self) -> bytes:
        """The peer reads everything that was written."""
        data, self._out, self._unread = b"".join(self._out), [], 0
        return data

    def hang_up(self) -> None:
        """The peer closes its side."""
        self._hung_up = self._hung_up or error.ConnectionDone()

    def finish_tls(self) -> None:
        """The peer's half of the handshake; AssertionError if the server did not ask for one."""
        if self.tls_offered is None:
            raise AssertionError("the server did not start TLS")
        self.tls_offered = None
        self._secure()
        self._shaken()

    def _shaken(self) -> None:
        if interfaces.IHandshakeListener.providedBy(self.protocol):
            cast(interfaces.IHandshakeListener, self.protocol).handshakeCompleted()

    def settle(self) -> bool:
        """Let one round of what is due happen; whether anything did."""
        assert self.protocol is not None
        if not self.connected:
            return False
        ended = self._ending()
        if ended is not None:
            self.connected = False
            self.protocol.connectionLost(Failure(ended))
            return True
        if self._in and not self.paused and not self.disconnecting:
            self.protocol.dataReceived(self._in.pop(0))
            return True
        return self._resume_producer()

    def _ending(self) -> BaseException | None:
        if self.aborted:
            return error.ConnectionAborted()
        if self._hung_up is not None and not self._in:
            return self._hung_up
        if self.disconnecting and not self._unread and self.producer is None:
            return error.ConnectionDone()
        return None

    def _resume_producer(self) -> bool:
        if self.producer is None or self._unread:
            return False
        if self._streaming and not self._producer_paused:
            return False
        self._producer_paused = False
        self.producer.resumeProducing()
        return True

    def _secure(self) -> None:
        self.tls = True
        alsoProvides(self, interfaces.ISSLTransport)

    # -- what Twisted offers -------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError("a transport writes bytes")
        if not self.connected or not data:
            return
        self._out.append(data)
        self._unread += len(data)
        if self.producer is not None and self._streaming and self._unread > self.high_water:
            self._producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        self.disconnecting = True

    def abortConnection(self) -> None:
        self.disconnecting = self.aborted = True

    def loseWriteConnection(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: interfaces.IProducer, streaming: bool) -> None:
        if self.producer is not None:
            raise RuntimeError("there is a producer already")
        if not self.connected:
            producer.stopProducing()
            return
        self.producer, self._streaming = cast(interfaces.IPushProducer, producer), streaming

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        self.loseConnection()

    def startTLS(self, context: object, normal: bool = True) -> bool:
        self.tls_offered = context
        self._in.clear()
        return True

    def getHandle(self) -> _Handle:
        return _Handle()

    def getPeerCertificate(self) -> None:
        return None

    def getPeer(self) -> IPv4Address | IPv6Address:
        return self._peer

    def getHost(self) -> IPv4Address | IPv6Address:
        return ip_address("127.0.0.1", 25)

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing to delay in memory."""

    def getTcpKeepAlive(self) -> bool:
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nothing to keep alive in memory."""
