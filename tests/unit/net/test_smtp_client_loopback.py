"""The courier over real sockets and real TLS, against a scripted peer in a thread."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from mailsuite.disk.body import OctetsBody
from mailsuite.model import Address, Delayed, Delivered, Envelope, Hop, Outcome, Recipient
from mailsuite.net.certificate import make_self_signed
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings, Tls, tcp_endpoints
from mailsuite.net.tls import TLSContexts
from mailsuite.offload import Inline
from mailsuite.testing.peer import EXTENSIONS, ScriptedPeer
from mailsuite.testing.stages import ReactorThread

BOB = Address("bob", "b.test")
LARGE = b"".join(b".%07d and some more text\r\n" % n for n in range(120_000))
WITH_TLS = (*(one for one in EXTENSIONS if not one.startswith("SIZE")), "STARTTLS")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    made = make_self_signed(["mx.b.test"], 2, time.time())
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    Path(file).write_bytes(made.key + made.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def send(
    reactor_thread: ReactorThread, port: int, octets: bytes = b"Subject: x\r\n\r\ny\r\n", **settings: object
) -> Sequence[Outcome]:
    chosen = CourierSettings("us.test", **settings)  # type: ignore[arg-type]
    reactor = reactor_thread.reactor
    courier = Courier(chosen, tcp_endpoints(reactor, 5.0), TLSContexts("", "", time.time), reactor, Inline())
    to = (Recipient(BOB),)
    hop = Hop("mx.b.test", ("127.0.0.1",), port)
    envelope = Envelope("m1", BOB, to, 0.0)
    outcomes: Sequence[Outcome] = reactor_thread.call(courier.deliver, hop, envelope, to, OctetsBody(octets))
    reactor_thread.call(courier.close)
    return outcomes


def test_a_large_message_in_the_clear(reactor_thread: ReactorThread) -> None:
    peer = ScriptedPeer(extensions=WITH_TLS[:-1])
    with peer.serve() as port:
        (outcome,) = send(reactor_thread, port, LARGE)
    assert isinstance(outcome, Delivered)
    assert peer.messages[0].octets == LARGE


def test_a_large_message_under_tls(reactor_thread: ReactorThread, tls: ssl.SSLContext) -> None:
    peer = ScriptedPeer(extensions=WITH_TLS)
    with peer.serve(tls=tls) as port:
        (outcome,) = send(reactor_thread, port, LARGE)
    assert isinstance(outcome, Delivered)
    assert peer.sessions[0].secure
    assert peer.messages[0].octets == LARGE


def test_a_peer_that_cannot_do_the_tls_it_offers_gets_it_in_the_clear(reactor_thread: ReactorThread) -> None:
    peer = ScriptedPeer(extensions=WITH_TLS)
    with peer.serve(tls=None) as port:
        (outcome,) = send(reactor_thread, port)
    assert isinstance(outcome, Delivered)
    assert [session.secure for session in peer.sessions] == [True, False]


def test_a_certificate_that_nobody_vouches_for_gets_nothing_where_it_is_verified(
    reactor_thread: ReactorThread, tls: ssl.SSLContext
) -> None:
    peer = ScriptedPeer(extensions=WITH_TLS)
    with peer.serve(tls=tls) as port:
        (outcome,) = send(reactor_thread, port, tls=Tls.VERIFY)
    assert isinstance(outcome, Delayed)
    assert peer.messages == []


def test_a_port_where_nobody_listens(reactor_thread: ReactorThread) -> None:
    with ScriptedPeer().serve() as port:
        pass
    (outcome,) = send(reactor_thread, port)
    assert isinstance(outcome, Delayed)
    assert "refused" in outcome.text
    assert outcome.host == ""
