"""One small file over HTTPS, as MTA-STS fetches policies (RFC 8461 §3.3).

The certificate must be valid for the host; redirections are not followed; only 200 with ``text/plain`` counts; at most
``most`` octets are read, within ``timeout`` seconds in all.  Addresses are tried in the order of the resolver, IPv6
first.  Whatever goes wrong is ``Temporary``.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import ssl
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IResponse
from zope.interface import implementer

from mailsuite.errors import MailError, Temporary
from mailsuite.interfaces import IResolver
from mailsuite.net.smtp_client_settings import Endpoints

#: Addresses of a host that are tried.
MOST_ADDRESSES = 5


@implementer(IAgentEndpointFactory)
class HttpsFetch:
    """``endpoints`` makes connections; ``trust`` is the authority that is believed."""

    def __init__(
        self,
        reactor: Any,
        resolver: IResolver,
        endpoints: Endpoints,
        trust: IOpenSSLTrustRoot | None = None,
        timeout: float = 60.0,
        most: int = 64 * 1024,
    ) -> None:
        self._reactor = reactor
        self._resolver = resolver
        self._endpoints = endpoints
        self._trust = trust if trust is not None else ssl.platformTrust()
        self._timeout = timeout
        self._most = most
        self._agent = Agent.usingEndpointFactory(reactor, self)

    def fetch(self, url: str) -> Deferred[bytes]:
        """What is there."""
        return Deferred.fromCoroutine(self._fetch(url)).addTimeout(self._timeout, self._reactor).addErrback(_why, url)

    async def _fetch(self, url: str) -> bytes:
        headers = Headers({b"User-Agent": [b"mailsuite"], b"Accept": [b"text/plain"]})
        response: IResponse = await self._agent.request(b"GET", url.encode("ascii"), headers)
        reading = _Reading(self._most)
        kind = (response.headers.getRawHeaders(b"content-type") or [b""])[0].partition(b";")[0].strip().lower()
        if response.code != 200 or kind != b"text/plain":
            response.deliverBody(reading)
            reading.stop()
            raise Temporary(f"answered {response.code} with {kind.decode('ascii', 'replace') or 'no type'}")
        response.deliverBody(reading)
        return await reading.done

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Twisted's Agent asks this."""
        host = uri.host.decode("ascii")
        creator = ssl.optionsForClientTLS(host, trustRoot=self._trust)
        return _AnyAddress(host, uri.port, self._resolver, self._endpoints, creator)


@implementer(IStreamClientEndpoint)
class _AnyAddress:
    def __init__(
        self,
        host: str,
        port: int,
        resolver: IResolver,
        endpoints: Endpoints,
        creator: IOpenSSLClientConnectionCreator,
    ) -> None:
        self._host = host
        self._port = port
        self._resolver = resolver
        self._endpoints = endpoints
        self._creator = creator

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        problem: Exception = Temporary(f"{self._host} has no address")
        for address in (await self._resolver.addresses(self._host))[:MOST_ADDRESSES]:
            endpoint = wrapClientTLS(self._creator, self._endpoints(address, self._port))
            try:
                return await endpoint.connect(factory)
            except CancelledError:
                raise
            except Exception as error:
                problem = error
        raise problem


class _Reading(Protocol):
    """Collects a body, up to ``most`` octets."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._octets = bytearray()
        self._stopped = False
        self.done: Deferred[bytes] = Deferred(lambda _: self.stop())

    def stop(self) -> None:
        """No more is wanted."""
        self._stopped = True
        if self.transport is not None:
            getattr(self.transport, "abortConnection", self.transport.loseConnection)()

    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        if len(self._octets) > self._most and not self._stopped:
            self.stop()
            self.done.errback(Temporary(f"more than {self._most} octets"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._stopped or self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(bytes(self._octets))
        else:
            self.done.errback(reason)


def _why(failure: Failure, url: str) -> Failure:
    error = failure.value
    inner = getattr(error, "reasons", None)
    if inner:
        error = inner[0].value
    text = str(error) if isinstance(error, MailError) else f"{type(error).__name__} {error}".strip()
    return Failure(Temporary(f"{url}: {text}"))
