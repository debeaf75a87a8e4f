"""ITLSContexts with a certificate made on the spot, for tests: a client that does not verify shakes hands."""

from __future__ import annotations

import functools
import time

from twisted.internet import ssl
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from mailsuite.interfaces import ITLSContexts
from mailsuite.net.certificate import make_self_signed
from mailsuite.net.tls import TLSContexts, server_options


@functools.cache
def _options() -> ssl.CertificateOptions:
    made = make_self_signed(["mail.example.org"], 2, time.time())
    return server_options(made.certificate, made.key)


@implementer(ITLSContexts)
class ReadyTLS:
    """TLS that is there (or, with ``ready=False``, a server without a certificate)."""

    def __init__(self, ready: bool = True) -> None:
        self._ready = ready

    def available(self) -> bool:
        return self._ready

    def server(self) -> ssl.CertificateOptions:
        return _options()

    def client(self, host: str, verify: bool) -> IOpenSSLClientConnectionCreator:
        return TLSContexts("", "", time.time).client(host, verify)
