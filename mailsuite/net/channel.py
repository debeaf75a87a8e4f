"""What a TLS connection gives to SASL: what it can be bound to, whom its client's certificate names.

Channel bindings: ``tls-exporter`` (RFC 9266) under TLS 1.3, where it is unique to the connection; and
``tls-server-end-point`` (RFC 5929 §4), the hash of our certificate, whose key nobody in between has.  Sessions are
never resumed (``net.tls``), as RFC 7677 §4 asks.  Only after the handshake.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from mailsuite.net.tls import Asking
from mailsuite.sasl.values import Binding, Channel

_EXPORTER_LABEL, _EXPORTER_OCTETS = b"EXPORTER-Channel-Binding", 32  # RFC 9266 §2
#: Names of one certificate that are looked at.
_MOST_NAMES = 16


def secured_channel(connection: SSL.Connection) -> Channel:
    """The channel of a connection under TLS."""
    return Channel(True, bindings(connection), identities(connection))


def bindings(connection: SSL.Connection) -> tuple[Binding, ...]:
    """Channel bindings, best first."""
    found = []
    if connection.get_protocol_version_name() == "TLSv1.3":
        exported = connection.export_keying_material(_EXPORTER_LABEL, _EXPORTER_OCTETS, b"")
        found.append(Binding("tls-exporter", bytes(exported)))
    own = connection.get_certificate()
    if own is not None and (hashed := end_point(own.to_cryptography())):
        found.append(Binding("tls-server-end-point", hashed))
    return tuple(found)


def end_point(certificate: x509.Certificate) -> bytes:
    """RFC 5929 §4.1; empty where it is not defined: a signature with no hash of its own (Ed25519)."""
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None:
        return b""
    if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    return certificate.fingerprint(algorithm)


def identities(connection: SSL.Connection) -> tuple[str, ...]:
    """Whom the client's certificate speaks for.  Empty without a certificate of the listener's authorities."""
    if not isinstance(connection, Asking) or connection.refused:
        return ()
    certificate = connection.get_peer_certificate()
    return () if certificate is None else names_of(certificate.to_cryptography())


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Mail addresses: the alternative names (RFC 5280 §4.2.1.6); where there are none, those of the subject, as older
    certificates have them (RFC 8550 §3), or a common name that is one."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = alternatives.get_values_for_type(x509.RFC822Name)
    except x509.ExtensionNotFound:
        found = []
    except ValueError:  # not DER, or an extension that contradicts itself
        return ()
    for kind in (NameOID.EMAIL_ADDRESS, NameOID.COMMON_NAME):
        if not found:
            named = (str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(kind))
            found = [name for name in named if "@" in name]
    return tuple(found[:_MOST_NAMES])
