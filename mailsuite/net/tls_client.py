"""The client's side of TLS towards other mail servers: what is believed, and what is objected to after the handshake.

OpenSSL verifies chains where authorities count; names and DANE are looked at when the handshake is done, before an
octet is sent.  Connection creators of one kind share an OpenSSL context.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from mailsuite.model import Security, Tlsa
from mailsuite.net import dane


@implementer(IOpenSSLClientConnectionCreator)
class Unverified:
    """Opportunistic TLS (RFC 7435): encrypts, and believes any certificate."""

    def __init__(self, context: SSL.Context, host: str) -> None:
        self._context = context
        self._host = host

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        if _can_be_named(self._host):
            connection.set_tlsext_host_name(self._host.encode("ascii"))
        return connection

    def objection(self, connection: SSL.Connection) -> str:
        """Why the certificate will not do, in words that follow the host's name; empty if it will."""
        return ""


class Verified(Unverified):
    """The chain is verified by the context; the certificate has to be for one of ``names``."""

    def __init__(self, context: SSL.Context, host: str, names: Sequence[str]) -> None:
        super().__init__(context, host)
        self._names = names

    def objection(self, connection: SSL.Connection) -> str:
        shown = connection.get_peer_certificate()
        if shown is None:
            return "it has shown no certificate"
        certificate = shown.to_cryptography()
        for name in self._names:
            if isIPAddress(name) or isIPv6Address(name):
                try:
                    verify_certificate_ip_address(certificate, name)
                except (VerificationError, CertificateError):
                    continue
                return ""
        return dane.wrong_name(certificate, self._names)


class ByDane(Unverified):
    """RFC 7672; ``seconds`` since the epoch."""

    def __init__(
        self,
        context: SSL.Context,
        host: str,
        names: Sequence[str],
        records: Sequence[Tlsa],
        seconds: Callable[[], float],
    ) -> None:
        super().__init__(context, host)
        self._names = names
        self._records = records
        self._seconds = seconds

    def objection(self, connection: SSL.Connection) -> str:
        chain = [one.to_cryptography() for one in connection.get_peer_cert_chain() or ()]
        now = datetime.datetime.fromtimestamp(self._seconds(), datetime.UTC)
        return dane.objection(self._records, chain, self._names, now)


def names_of(host: str, security: Security) -> tuple[str, ...]:
    """For whom a certificate has to be."""
    return security.names or (host,)


def _can_be_named(host: str) -> bool:
    """RFC 6066 §3: no literal addresses as server names."""
    return bool(host) and host.isascii() and not host.startswith("[") and ":" not in host and not host[-1:].isdigit()
