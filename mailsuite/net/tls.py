"""ITLSContexts with OpenSSL: TLS 1.2 and later, buffers given back between records, certificates reloaded when changed.

The server side is one object for the life of the process, and one more for each file of client authorities; each
handshake uses the files as they are now, looked at no more often than every ``RELOAD_AFTER`` seconds.  What cannot be
used (half written, key of another certificate) is logged and what was before stays.  Reads small files in the reactor
thread when they changed.  Sessions are never resumed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL, crypto
from twisted.internet import ssl
from twisted.internet._sslverify import IOpenSSLTrustRoot
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from mailsuite.errors import ConfigError
from mailsuite.interfaces import ITLSContexts
from mailsuite.model import USUAL_SECURITY, Security
from mailsuite.net.tls_client import ByDane, Unverified, Verified, names_of

#: Seconds between looks at the certificate files.
RELOAD_AFTER = 5.0


class Asking(SSL.Connection):
    """A server's connection whose client is asked for a certificate, and served whatever it shows."""

    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context, None)
        #: What was shown is not of an authority that the listener knows, or out of date, or for another purpose.
        self.refused = False
        self.set_verify(SSL.VERIFY_PEER, _noted)


def _noted(connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int) -> bool:
    """Goes on with a client whose certificate is not believed: it has a password, maybe."""
    if not ok and isinstance(connection, Asking):
        connection.refused = True
    return True


def server_options(certificate: bytes, key: bytes) -> ssl.CertificateOptions:
    """OpenSSL settings of a server from PEM: the certificate first, then its chain.  ValueError if they do not fit."""
    try:
        first, *chain = (crypto.X509.from_cryptography(one) for one in load_pem_x509_certificates(certificate))
        secret = crypto.PKey.from_cryptography_key(load_pem_private_key(key, None))  # type: ignore[arg-type]
        options = ssl.CertificateOptions(
            privateKey=secret,
            certificate=first,
            extraCertChain=chain,
            raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
        )
        options.getContext()
    except (ValueError, TypeError, SSL.Error, crypto.Error) as error:
        raise ValueError(f"certificate and key cannot be used: {error}") from error
    return options


def trust_clients(context: SSL.Context, path: str) -> None:
    """Believe client certificates that an authority in this PEM file signed, and tell clients which those are.
    ValueError if there is none in it."""
    try:
        context.load_verify_locations(path)
        context.load_client_ca(path.encode())
    except SSL.Error as error:
        raise ValueError(f"{path} holds no certificates of authorities in PEM") from error


@implementer(IOpenSSLServerConnectionCreator)
class _Server:
    """``paths``: certificate, key, and the client authorities if clients are asked for certificates.  OSError or
    ValueError if the files cannot be used."""

    log = Logger()

    def __init__(self, paths: tuple[str, ...], seconds: Callable[[], float]) -> None:
        self._paths = paths
        self._seconds = seconds
        self._looked = seconds()
        self._seen = self._state()
        self._context = self._load()

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Twisted asks this at each handshake."""
        self._reload()
        return Asking(self._context) if len(self._paths) > 2 else SSL.Connection(self._context, None)

    def _reload(self) -> None:
        now = self._seconds()
        if 0 <= now - self._looked < RELOAD_AFTER:
            return
        self._looked = now
        try:
            state = self._state()
            if state == self._seen:
                return
            self._seen = state
            self._context = self._load()
        except (OSError, ValueError) as error:
            self.log.error("certificate not reloaded, the one before stays: {error}", error=error)
        else:
            self.log.info("certificate {path} reloaded", path=self._paths[0])

    def _state(self) -> tuple[tuple[int, int, int], ...]:
        found = [os.stat(path) for path in self._paths]
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)

    def _load(self) -> SSL.Context:
        parts = []
        for path in self._paths[:2]:
            with open(path, "rb") as file:
                parts.append(file.read())
        context = server_options(*parts).getContext()
        for authorities in self._paths[2:]:
            trust_clients(context, authorities)
        return context


@implementer(ITLSContexts)
class TLSContexts:
    """``certificate`` and ``key`` are PEM files; empty paths mean a server without TLS.  ``seconds`` tells the time.

    ``trust`` is the authority that verified clients believe in; None means those of the operating system.
    ``own`` are the files with the certificate and key that clients show to servers that ask.
    ConfigError if the files cannot be used.
    """

    def __init__(
        self,
        certificate: str,
        key: str,
        seconds: Callable[[], float],
        trust: IOpenSSLTrustRoot | None = None,
        own: tuple[str, str] | tuple[()] = (),
    ) -> None:
        self._paths = (certificate, key) if certificate else ()
        self._seconds = seconds
        self._trust = trust if trust is not None else ssl.platformTrust()
        self._own = own
        self._clients: dict[bool, SSL.Context] = {}
        self._servers: dict[str, _Server] = {}
        if certificate:
            self.server()

    def available(self) -> bool:
        return bool(self._paths)

    def server(self, client_authorities: str = "") -> IOpenSSLServerConnectionCreator:
        if not self._paths:
            raise ConfigError("no certificate is configured")
        known = self._servers.get(client_authorities)
        if known is None:
            paths = (*self._paths, client_authorities) if client_authorities else self._paths
            try:
                known = self._servers[client_authorities] = _Server(paths, self._seconds)
            except (OSError, ValueError) as error:
                raise ConfigError(f"{', '.join(paths)}: {error}") from error
        return known

    def client(self, host: str, verify: bool, security: Security = USUAL_SECURITY) -> IOpenSSLClientConnectionCreator:
        host = host.removesuffix(".")
        names, asked = names_of(host, security), security.server_name or host
        if verify and security.tlsa:
            return ByDane(self._for_clients(False), asked, names, security.tlsa, self._seconds)
        if verify:
            return Verified(self._for_clients(True), asked, names)
        return Unverified(self._for_clients(False), asked)

    def objection(self, creator: object, transport: Any) -> str:
        return creator.objection(transport.getHandle()) if isinstance(creator, Unverified) else ""

    def _for_clients(self, by_authority: bool) -> SSL.Context:
        """Made once; with our own certificate for those who ask, if there is one."""
        known = self._clients.get(by_authority)
        if known is None:
            trust = self._trust if by_authority else None
            known = ssl.CertificateOptions(trustRoot=trust, raiseMinimumTo=ssl.TLSVersion.TLSv1_2).getContext()
            if self._own:
                known.use_certificate_chain_file(self._own[0])
                known.use_privatekey_file(self._own[1])
            self._clients[by_authority] = known
        return known
