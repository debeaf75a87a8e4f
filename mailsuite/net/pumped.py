"""What stands at both ends of the pump (``connection``): a language's core and a transport."""

from __future__ import annotations

from typing import Protocol

from OpenSSL import SSL
from twisted.internet import interfaces


class Core(Protocol):
    """What the pump needs of a language's server core."""

    @property
    def buffered(self) -> int:
        """Octets received and not yet turned into events."""

    def receive(self, data: bytes) -> None: ...

    def next_event(self) -> object: ...

    def data_to_send(self) -> bytes: ...


class Transport(interfaces.ITLSTransport, interfaces.ISSLTransport, interfaces.IConsumer, interfaces.IPushProducer):
    """What TCP and TLS transports provide together; Twisted names it nowhere."""

    def getHandle() -> SSL.Connection:
        """Only under TLS."""
