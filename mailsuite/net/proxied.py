"""A listener behind a proxy: reads the PROXY header, then lets the service meet the client that the header names.

Only configured proxies may connect; others are cut without a word, because whoever can reach such a port could claim to
be anybody.  Promises: the service's factory is asked with the client's address, and sees nothing of the header; before
that, ``HEADER_LIMIT`` seconds and one header's octets are all that a connection gets.  Logs and limits of the service
then speak of the client, never of the proxy.  Twisted's own wrapper greets before the header has come, and believes
everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol, IProtocolFactory, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.net.address import client_address
from mailsuite.net.connection import Connection
from mailsuite.wire.proxy import Endpoint, HeaderReader, Proxied, ProxyError
from mailsuite.wire.signals import Signal

#: Seconds for the header (section 3 of the protocol asks for at least 3).
HEADER_LIMIT = 5.0


class ProxiedFactory(ServerFactory):
    """In front of ``service``, a factory that may have TLS in front of it already."""

    noisy = False
    log: ClassVar[Logger] = Logger()

    def __init__(
        self, service: IProtocolFactory, believed: Callable[[str], bool], clock: IReactorTime, hits: Counter[str]
    ) -> None:
        """``believed``: whether an address is a proxy's; ``hits`` counts what was refused."""
        self.service = service
        self.clock = clock
        self._believed = believed
        self._hits = hits

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        if self._believed(client_address(addr)):
            return Behind(self, addr)
        self.refused("not from a proxy", client_address(addr))
        return Cut()

    def refused(self, reason: str, address: str) -> None:
        """A connection that is not served."""
        self._hits[reason] += 1
        self.log.info("{address}: connection cut: {reason}", address=address, reason=reason)


class Cut(Protocol):
    """A connection that is ended at once."""

    transport: ITCPTransport

    def connectionMade(self) -> None:
        self.transport.abortConnection()


class Behind(Protocol):
    """One connection of a proxy."""

    log: ClassVar[Logger] = Logger()
    transport: ITCPTransport

    def __init__(self, factory: ProxiedFactory, proxy: IAddress | None) -> None:
        self._factory = factory
        self._proxy = proxy
        self._header = HeaderReader()
        self._service: IProtocol | None = None
        self._limit: IDelayedCall | None = None

    def connectionMade(self) -> None:
        self._limit = self._factory.clock.callLater(HEADER_LIMIT, self._refuse, "no PROXY header in time")

    def dataReceived(self, data: bytes) -> None:
        if self._service is not None:
            self._service.dataReceived(data)
            return
        self._header.receive(data)
        try:
            found = self._header.read()
        except ProxyError as error:
            self._refuse(str(error))
            return
        if not isinstance(found, Signal):
            self._meet(found)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._cancel_limit()
        if self._service is not None:
            self._service.connectionLost(reason)

    def _meet(self, found: Proxied) -> None:
        """The header is whole: from here on the service has the connection."""
        self._cancel_limit()
        address = _address(found.source) if found.source.address else self._proxy
        if found.tls:
            self.log.info(
                "{address}:{port} by way of {proxy}: {tls} {name}",
                address=found.source.address,
                port=found.source.port,
                proxy=client_address(self._proxy),
                tls=found.tls,
                name=found.name,
            )
        service = self._factory.service.buildProtocol(address)  # type: ignore[arg-type]
        if service is None:
            self.transport.abortConnection()
            return
        self._service = service
        if isinstance(service, Connection):
            service.early = bool(self._header.rest)
        service.makeConnection(self.transport)
        if self._header.rest:
            service.dataReceived(self._header.rest)

    def _refuse(self, reason: str) -> None:
        self._cancel_limit()
        self._factory.refused(reason, client_address(self._proxy))
        self.transport.abortConnection()

    def _cancel_limit(self) -> None:
        if self._limit is not None and self._limit.active():
            self._limit.cancel()


def _address(endpoint: Endpoint) -> IAddress:
    kind = IPv6Address if ":" in endpoint.address else IPv4Address
    return kind("TCP", endpoint.address, endpoint.port)
