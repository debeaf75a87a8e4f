"""DANE for SMTP, RFC 7672: whether the certificates that a server showed are the ones that its TLSA records name.

Usage 3 (DANE-EE, §3.1.1): the server's own certificate or key, whatever its name and dates.  Usage 2 (DANE-TA, §3.1.2):
the authority of a valid chain, which the server has to send, with one of our names in the server's certificate.  Other
usages (§3.1.3) never get here.  Pure but for OpenSSL, which verifies the chain at ``now``.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname

from mailsuite.model import Tlsa

#: Certificates of a chain that are looked at.
MOST = 10
_TRUST_ANCHOR, _END_ENTITY = 2, 3


def matches(record: Tlsa, certificate: x509.Certificate) -> bool:
    """RFC 6698 §2.1.2 and §2.1.3: the certificate or its key, whole or as a hash."""
    if record.selector == 0:
        octets = certificate.public_bytes(Encoding.DER)
    else:
        octets = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    match record.matching:
        case 1:
            octets = hashlib.sha256(octets).digest()
        case 2:
            octets = hashlib.sha512(octets).digest()
    return octets == record.data


def objection(
    records: Sequence[Tlsa], chain: Sequence[x509.Certificate], names: Sequence[str], now: datetime.datetime
) -> str:
    """What is wrong with the certificates of a server, its own first; empty if nothing is."""
    if not chain:
        return "it has shown no certificate"
    if any(record.usage == _END_ENTITY and matches(record, chain[0]) for record in records):
        return ""
    why = "its certificate is none of those that its TLSA records name"
    for record in records:
        if record.usage == _TRUST_ANCHOR:
            for anchor in [*chain[:MOST], *_in_full(record)]:
                if matches(record, anchor):
                    why = _below(anchor, chain, names, now)
                    if not why:
                        return ""
    return why


def _in_full(record: Tlsa) -> list[x509.Certificate]:
    """An authority that DNS has whole need not be sent."""
    if (record.selector, record.matching) != (0, 0):
        return []
    try:
        return [x509.load_der_x509_certificate(record.data)]
    except ValueError:
        return []


def _below(
    anchor: x509.Certificate, chain: Sequence[x509.Certificate], names: Sequence[str], now: datetime.datetime
) -> str:
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(anchor))
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    store.set_time(now)
    own, *others = [crypto.X509.from_cryptography(one) for one in chain[:MOST]]
    try:
        crypto.X509StoreContext(store, own, others).verify_certificate()
    except crypto.X509StoreContextError as error:
        return f"its certificate is not valid: {error}"
    return wrong_name(chain[0], names)


def wrong_name(certificate: x509.Certificate, names: Sequence[str]) -> str:
    """Empty if the certificate is for one of these, RFC 9525; else why not."""
    for name in names:
        try:
            verify_certificate_hostname(certificate, name)
        except (VerificationError, CertificateError, ValueError):
            continue
        return ""
    return f"its certificate is not for {' or '.join(names)}"
