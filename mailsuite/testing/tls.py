"""ITLSContexts with a certificate for ``mail.example.org`` made on the spot, whose authority its own clients trust;
and ``meet``, which shakes hands in memory."""

from __future__ import annotations

import functools
import time
from typing import Any, cast

from twisted.internet import ssl
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from mailsuite.errors import ConfigError
from mailsuite.interfaces import ITLSContexts
from mailsuite.model import USUAL_SECURITY, Security
from mailsuite.net.certificate import SelfSigned, make_self_signed
from mailsuite.net.tls import TLSContexts, server_options
from mailsuite.testing.transport import FakeTransport


@functools.cache
def _made() -> SelfSigned:
    return make_self_signed(["mail.example.org"], 2, time.time())


@functools.cache
def _options() -> ssl.CertificateOptions:
    return server_options(_made().certificate, _made().key)


@implementer(ITLSContexts)
class ReadyTLS:
    """TLS that is there (or, with ``ready=False``, a server without a certificate)."""

    def __init__(self, ready: bool = True) -> None:
        self._ready = ready
        trust = ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(_made().ca)])
        self._clients = TLSContexts("", "", time.time, trust)

    def available(self) -> bool:
        return self._ready

    def server(self, client_authorities: str = "") -> ssl.CertificateOptions:
        if not self._ready:
            raise ConfigError("no certificate is configured")
        return _options()

    def client(self, host: str, verify: bool, security: Security = USUAL_SECURITY) -> IOpenSSLClientConnectionCreator:
        return self._clients.client(host, verify, security)

    def objection(self, creator: object, transport: object) -> str:
        return self._clients.objection(creator, transport)


def meet(contexts: ITLSContexts, host: str, verify: bool) -> tuple[TLSMemoryBIOProtocol, TLSMemoryBIOProtocol]:
    """A client and a server of ``contexts`` connect: (client, server) when nothing moves any more."""
    ends = []
    creators: tuple[tuple[Any, bool], ...] = ((contexts.client(host, verify), True), (contexts.server(), False))
    for creator, is_client in creators:
        transport = FakeTransport()
        protocol = TLSMemoryBIOFactory(creator, is_client, Factory.forProtocol(Protocol)).buildProtocol(None)
        transport.connect(protocol)
        ends.append(transport)
    moved = True
    while moved:
        moved = False
        for one, other in (ends, ends[::-1]):
            data = one.take()
            if data:
                other.feed(data)
            moved |= other.settle() or bool(data)
    return cast(TLSMemoryBIOProtocol, ends[0].protocol), cast(TLSMemoryBIOProtocol, ends[1].protocol)
