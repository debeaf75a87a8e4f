"""DANE, RFC 7672 §3: which certificates TLSA records vouch for; and the client's handshake with them."""

from __future__ import annotations

import datetime
import hashlib
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailsuite.disk.body import OctetsBody
from mailsuite.model import (
    Address,
    Delayed,
    Delivered,
    Envelope,
    Hop,
    Outcome,
    Recipient,
    Security,
    Status,
    Tlsa,
    TlsLevel,
)
from mailsuite.net.certificate import make_self_signed
from mailsuite.net.dane import matches, objection
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings, tcp_endpoints
from mailsuite.net.tls import TLSContexts
from mailsuite.offload import Inline
from mailsuite.testing.peer import EXTENSIONS, ScriptedPeer
from mailsuite.testing.stages import ReactorThread

NOW = time.time()
MADE, OTHER = (make_self_signed(["mx.b.test"], 2, NOW) for _ in range(2))
OWN, CA = (x509.load_pem_x509_certificate(pem) for pem in (MADE.certificate, MADE.ca))
STRANGE = x509.load_pem_x509_certificate(OTHER.ca)
CHAIN = [OWN, CA]
TODAY = datetime.datetime.fromtimestamp(NOW, datetime.UTC)


def record(usage: int, selector: int, matching: int, certificate: x509.Certificate) -> Tlsa:
    if selector:
        octets = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        octets = certificate.public_bytes(Encoding.DER)
    hashed = {0: octets, 1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}
    return Tlsa(usage, selector, matching, hashed[matching])


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_a_record_names_a_certificate_or_its_key(selector: int, matching: int) -> None:
    one = record(3, selector, matching, OWN)
    assert matches(one, OWN)
    assert not matches(one, CA)


@pytest.mark.parametrize(
    ("records", "chain", "names", "words"),
    [
        ([record(3, 1, 1, OWN)], CHAIN, ["mx.b.test"], ""),
        # §3.1.1: names and dates mean nothing for the server's own certificate.
        ([record(3, 0, 1, OWN)], [OWN], ["other.test"], ""),
        ([record(3, 1, 1, STRANGE), record(3, 1, 1, OWN)], CHAIN, ["mx.b.test"], ""),
        ([record(3, 1, 1, STRANGE)], CHAIN, ["mx.b.test"], "none of those"),
        ([record(3, 1, 1, CA)], CHAIN, ["mx.b.test"], "none of those"),
        ([record(3, 1, 1, OWN)], [], ["mx.b.test"], "no certificate"),
        # §3.1.2: the authority, and one of the names.
        ([record(2, 1, 1, CA)], CHAIN, ["mx.b.test"], ""),
        ([record(2, 0, 2, CA)], CHAIN, ["b.test", "mx.b.test"], ""),
        ([record(2, 1, 1, CA)], CHAIN, ["other.test"], "not for other.test"),
        ([record(2, 1, 1, CA)], [OWN], ["mx.b.test"], "none of those"),
        ([record(2, 0, 0, CA)], [OWN], ["mx.b.test"], ""),
        ([record(2, 1, 1, STRANGE)], [OWN, STRANGE], ["mx.b.test"], "not valid"),
        ([Tlsa(2, 0, 0, b"rubbish")], CHAIN, ["mx.b.test"], "none of those"),
    ],
)
def test_what_is_objected_to(records: list[Tlsa], chain: list[x509.Certificate], names: list[str], words: str) -> None:
    why = objection(records, chain, names, TODAY)
    assert words in why
    assert bool(words) == bool(why)


@pytest.mark.parametrize(("usage", "certificate", "words"), [(2, CA, "not valid"), (3, OWN, "")])
def test_dates_count_below_an_authority_only(usage: int, certificate: x509.Certificate, words: str) -> None:
    later = TODAY + datetime.timedelta(days=30)
    assert words in objection([record(usage, 1, 1, certificate)], CHAIN, ["mx.b.test"], later)


# -- over the wire -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(MADE.key + MADE.certificate + MADE.ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def send(
    reactor_thread: ReactorThread, tls: ssl.SSLContext | None, security: Security, header: bytes = b"", **own: object
) -> tuple[Outcome, ScriptedPeer]:
    peer = ScriptedPeer(
        extensions=(*(one for one in EXTENSIONS if not one.startswith("SIZE")), "STARTTLS", "REQUIRETLS")
    )
    reactor, to = reactor_thread.reactor, (Recipient(Address("bob", "b.test")),)
    settings = CourierSettings("us.test")
    courier = Courier(settings, tcp_endpoints(reactor, 5.0), TLSContexts("", "", time.time), reactor, Inline())
    envelope = Envelope("m1", Address("al", "a.test"), to, 0.0, **own)  # type: ignore[arg-type]
    with peer.serve(tls=tls) as port:
        hop = Hop("mx.b.test", ("127.0.0.1",), port, certain=True, security=security)
        body = OctetsBody(header + b"Subject: x\r\n\r\ny\r\n")
        (outcome,) = reactor_thread.call(courier.deliver, hop, envelope, to, body)
        reactor_thread.call(courier.close)
    return outcome, peer


def dane(*records: Tlsa) -> Security:
    return Security(TlsLevel.DANE, ("mx.b.test", "b.test"), records, "DANE", by_recipient=True)


@pytest.mark.parametrize("good", [record(3, 1, 1, OWN), record(2, 0, 1, CA)])
def test_mail_goes_where_the_records_are_right(reactor_thread: ReactorThread, tls: ssl.SSLContext, good: Tlsa) -> None:
    outcome, peer = send(reactor_thread, tls, dane(good))
    assert isinstance(outcome, Delivered)
    assert peer.sessions[-1].secure


def test_mail_waits_where_they_are_not(reactor_thread: ReactorThread, tls: ssl.SSLContext) -> None:
    outcome, peer = send(reactor_thread, tls, dane(record(3, 1, 1, STRANGE)))
    assert isinstance(outcome, Delayed)
    assert outcome.status == Status(4, 7, 5)
    assert "none of those that its TLSA records name" in outcome.text
    assert peer.messages == []
    assert len(peer.sessions) == 1  # never again in the clear


def test_it_never_falls_back_to_the_clear(reactor_thread: ReactorThread) -> None:
    outcome, peer = send(reactor_thread, None, dane(record(3, 1, 1, OWN)))
    assert isinstance(outcome, Delayed)
    assert outcome.status == Status(4, 7, 5)
    assert peer.messages == []


def test_a_sender_may_waive_what_the_recipient_asks_for(reactor_thread: ReactorThread, tls: ssl.SSLContext) -> None:
    outcome, _ = send(reactor_thread, tls, dane(record(3, 1, 1, STRANGE)), b"TLS-Required: No\r\n")
    assert isinstance(outcome, Delivered)
    wanted = Security(TlsLevel.VERIFY, source="[[tls_policy]]")
    outcome, _ = send(reactor_thread, tls, wanted, b"TLS-Required: No\r\n")
    assert isinstance(outcome, Delayed)


def test_dane_is_enough_for_requiretls(reactor_thread: ReactorThread, tls: ssl.SSLContext) -> None:
    outcome, _ = send(reactor_thread, tls, dane(record(3, 1, 1, OWN)), require_tls=True)
    assert isinstance(outcome, Delivered)
    outcome, _ = send(reactor_thread, tls, dane(record(3, 1, 1, STRANGE)), require_tls=True)
    assert isinstance(outcome, Delayed)
    assert outcome.status == Status(4, 7, 10)


def test_a_certificate_that_no_authority_knows_will_not_do_for_mta_sts(
    reactor_thread: ReactorThread, tls: ssl.SSLContext
) -> None:
    outcome, peer = send(reactor_thread, tls, Security(TlsLevel.VERIFY, source="MTA-STS", by_recipient=True))
    assert isinstance(outcome, Delayed)
    assert outcome.status == Status(4, 7, 5)
    assert peer.messages == []
