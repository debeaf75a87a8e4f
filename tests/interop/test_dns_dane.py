"""Real DNS: Knot signs a zone, Unbound validates it, and mail goes where its TLSA records allow, and nowhere else."""

from __future__ import annotations

import hashlib
import random
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from name_servers import knot, need, unbound

from mailsuite.disk.body import OctetsBody
from mailsuite.errors import NotFound, Temporary
from mailsuite.model import Address, Delayed, Delivered, Envelope, Hop, Mx, Outcome, Recipient, Status, TlsLevel
from mailsuite.net.certificate import make_self_signed
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings, tcp_endpoints
from mailsuite.net.tls import TLSContexts
from mailsuite.offload import Inline
from mailsuite.routing.cache import Believe
from mailsuite.routing.resolver import DnsResolver, ResolverSettings
from mailsuite.routing.router import Identity, MxRouter
from mailsuite.routing.security import SecuredRouter, no_policy
from mailsuite.testing.peer import EXTENSIONS, ScriptedPeer
from mailsuite.testing.stages import ReactorThread

MADE = make_self_signed(["mx.signed.test"], 2, time.time())
_KEY = x509.load_pem_x509_certificate(MADE.certificate).public_key()
RIGHT = hashlib.sha256(_KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
WRONG = "ab" * 32


class World(msgspec.Struct, frozen=True):
    """``resolver`` asks Unbound; hosts of the zones have a mail server at ``port``."""

    resolver: DnsResolver
    port: int
    dns_port: int
    peer: ScriptedPeer
    reactor_thread: ReactorThread

    def hops(self, domain: str) -> tuple[Hop, ...]:
        usual = MxRouter(self.resolver, Identity(frozenset()), random.Random(1), self.port)
        found: tuple[Hop, ...] = self.reactor_thread.call(
            SecuredRouter(usual, self.resolver, (), True, no_policy).route, domain
        )
        return found

    def send(self, domain: str) -> Outcome:
        reactor, to = self.reactor_thread.reactor, (Recipient(Address("bob", domain)),)
        contexts = TLSContexts("", "", time.time)
        courier = Courier(CourierSettings("us.test"), tcp_endpoints(reactor, 5.0), contexts, reactor, Inline())
        envelope = Envelope("m1", Address("al", "a.test"), to, 0.0)
        (hop,) = self.hops(domain)
        (outcome,) = self.reactor_thread.call(
            courier.deliver, hop, envelope, to, OctetsBody(b"Subject: x\r\n\r\ny\r\n")
        )
        self.reactor_thread.call(courier.close)
        return outcome


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str], reactor_thread: ReactorThread
) -> Iterator[World]:
    need(program)
    here: Path = tmp_path_factory.mktemp("dns")
    file = here / "both.pem"
    file.write_bytes(MADE.key + MADE.certificate + MADE.ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    peer = ScriptedPeer(extensions=(*(one for one in EXTENSIONS if not one.startswith("SIZE")), "STARTTLS"))
    with peer.serve(tls=context) as port:
        records = {
            "signed.test": f"@ MX 10 mx\nmx A 127.0.0.1\n_{port}._tcp.mx TLSA 3 1 1 {RIGHT}\n"
            f"forged MX 10 mx2\nmx2 A 127.0.0.1\n_{port}._tcp.mx2 TLSA 3 1 1 {WRONG}\n"
            "cname MX 10 other\nother CNAME mx\n"
            "none MX 10 mx3\nmx3 A 127.0.0.1\nnull MX 0 .\nalias CNAME signed.test.\n",
            "bogus.test": "@ MX 10 mx\nmx A 127.0.0.1\n",
            "plain.test": f"@ MX 10 mx\nmx A 127.0.0.1\n_{port}._tcp.mx TLSA 3 1 1 {WRONG}\n",
        }
        with (
            knot(here, program, records) as (source, anchor, wrong),
            unbound(here, program, source, anchor, wrong) as at,
        ):
            resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", at)], ResolverSettings(lifetime=10.0))
            yield World(resolver, port, at, peer, reactor_thread)


def test_records_come_as_they_stand_in_the_zone(world: World) -> None:
    ask = world.reactor_thread.call
    assert ask(world.resolver.mx, "signed.test") == (Mx(10, "mx.signed.test"),)
    assert ask(world.resolver.mx, "alias.signed.test") == (Mx(10, "mx.signed.test"),)
    assert ask(world.resolver.mx, "null.signed.test") == (Mx(0, ""),)
    assert ask(world.resolver.addresses, "mx.signed.test") == ("127.0.0.1",)
    assert [one.data.hex() for one in ask(world.resolver.tlsa, f"_{world.port}._tcp.mx.signed.test")] == [RIGHT]


@pytest.mark.parametrize("name", ["nowhere.signed.test", "nowhere.plain.test"])
def test_a_name_that_does_not_exist(world: World, name: str) -> None:
    with pytest.raises(NotFound):
        world.reactor_thread.call(world.resolver.mx, name)


def test_an_answer_whose_signature_is_wrong_is_no_answer(world: World) -> None:
    with pytest.raises(Temporary):
        world.reactor_thread.call(world.resolver.mx, "bogus.test")


@pytest.mark.parametrize(("name", "secure"), [("signed.test", True), ("none.signed.test", True), ("plain.test", False)])
def test_what_was_validated_is_known(world: World, name: str, secure: bool) -> None:
    assert world.reactor_thread.call(world.resolver.is_secure, name, "MX") is secure


def test_a_name_server_that_is_not_believed_validates_nothing(world: World) -> None:
    settings = ResolverSettings(believe=Believe.NOBODY)
    doubting = DnsResolver(world.reactor_thread.reactor, [("127.0.0.1", world.dns_port)], settings)
    assert world.reactor_thread.call(doubting.is_secure, "signed.test", "MX") is False


@pytest.mark.parametrize(
    ("domain", "level", "certain"),
    [
        ("signed.test", TlsLevel.DANE, True),
        ("forged.signed.test", TlsLevel.DANE, True),
        ("cname.signed.test", TlsLevel.DANE, True),
        ("none.signed.test", TlsLevel.USUAL, True),
        ("plain.test", TlsLevel.USUAL, False),
    ],
)
def test_what_is_asked_of_each_host(world: World, domain: str, level: TlsLevel, certain: bool) -> None:
    (hop,) = world.hops(domain)
    assert (hop.security.level, hop.certain) == (level, certain)


@pytest.mark.parametrize("domain", ["signed.test", "cname.signed.test", "none.signed.test", "plain.test"])
def test_mail_goes_where_the_zone_allows_it(world: World, domain: str) -> None:
    assert isinstance(world.send(domain), Delivered)
    assert world.peer.sessions[-1].secure


def test_mail_waits_where_the_certificate_is_not_that_of_the_zone(world: World) -> None:
    sent = len(world.peer.messages)
    outcome = world.send("forged.signed.test")
    assert isinstance(outcome, Delayed)
    assert outcome.status == Status(4, 7, 5)
    assert len(world.peer.messages) == sent
