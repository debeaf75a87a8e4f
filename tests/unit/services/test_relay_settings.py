from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite.config.option import TlsMode
from mailsuite.config.relay import Dns, Relay, RelayTls, Smarthost, TlsPolicy, Transport, Way
from mailsuite.config.retry import Retry
from mailsuite.config.retry import Schedule as Own
from mailsuite.config.schema import EVERYWHERE, Limits, Listener, Service, Settings
from mailsuite.disk.body import OctetsBody
from mailsuite.errors import NoRoute, OnHold
from mailsuite.model import NULL_SENDER, Address, Delivered, Envelope, Hop, Recipient, TlsLevel
from mailsuite.net.smtp_client_settings import Tls
from mailsuite.net.tls import TLSContexts
from mailsuite.offload import Inline
from mailsuite.queue.schedule import Schedule
from mailsuite.routing.mta_sts import NO_POLICY
from mailsuite.routing.router import SmarthostRouter
from mailsuite.routing.security import SecuredRouter
from mailsuite.services import relay
from mailsuite.services.mta_sts import MtaSts
from mailsuite.testing.dns import FakeDNS, Zones
from mailsuite.testing.results import failure_of, result_of

INTERFACES = (
    ipaddress.IPv4Interface("127.0.0.1/8"),
    ipaddress.IPv4Interface("192.0.2.7/24"),
    ipaddress.IPv6Interface("::1/128"),
    ipaddress.IPv6Interface("2001:db8::7/64"),
)


def settings(address: str = "192.0.2.7", port: int = 25, **changes: Any) -> Settings:
    made = Settings("Mail.A.test", (Listener(Service.SMTP, address, port),))
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("address", "port", "relay_port", "own"),
    [
        ("192.0.2.7", 25, 25, {"192.0.2.7"}),
        ("0.0.0.0", 25, 25, {"127.0.0.1", "192.0.2.7"}),
        ("::", 25, 25, {"::1", "2001:db8::7"}),
        (EVERYWHERE, 25, 25, {"127.0.0.1", "192.0.2.7", "::1", "2001:db8::7"}),
        ("2001:DB8:0::7", 25, 25, {"2001:db8::7"}),
        ("127.0.0.1", 2025, 25, set()),
        ("127.0.0.1", 2025, 2026, set()),
        ("127.0.0.1", 2025, 2025, {"127.0.0.1"}),
    ],
)
def test_mail_must_not_come_back_to_where_we_listen(address: str, port: int, relay_port: int, own: set[str]) -> None:
    found = relay.identity(settings(address, port, relay=Relay(port=relay_port)), INTERFACES)
    assert found.addresses == own
    assert found.names == {"mail.a.test"}


@pytest.mark.parametrize(
    ("port", "relay_port", "ours"), [(25, 25, True), (2025, 25, True), (2025, 2025, True), (2025, 2026, False)]
)
def test_loopback_is_ours_on_port_25_and_where_we_listen(port: int, relay_port: int, ours: bool) -> None:
    made = relay.identity(settings("192.0.2.7", port, relay=Relay(port=relay_port)), INTERFACES)
    for address in ("127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "::1", "::", "::ffff:127.0.0.9"):
        assert made.owns(address) is ours, address
    assert not made.owns("192.0.2.8")
    assert not made.owns("2001:db8::8")


def test_what_leads_here_from_outside_is_told_by_the_settings() -> None:
    """Behind NAT neither name nor address of an MX record is one of this machine's own."""
    made = settings(port=2025, relay=Relay(own_hosts=("MX2.a.test.", "198.51.100.7", "2001:DB8:0::9")))
    zones: Zones = {
        "b.test": {"MX": ["10 mx.b.test", "20 mx2.a.test", "30 worse.test"]},
        "c.test": {"MX": ["10 mx.b.test", "20 other.test", "30 worse.test"]},
        **{name: {"A": ["192.0.2.1"]} for name in ("mx.b.test", "mx2.a.test", "worse.test")},
        "other.test": {"A": ["198.51.100.7"]},
    }
    for domain in ("b.test", "c.test"):
        hops = result_of(relay.router(made, FakeDNS(zones), INTERFACES).route(domain))
        assert [hop.host for hop in hops] == ["mx.b.test"]
    assert relay.identity(made, INTERFACES).owns("2001:db8::9")


def test_submission_port_is_no_way_for_mail_to_come_back() -> None:
    made = Settings("mail.a.test", (Listener(Service.SUBMISSION, "192.0.2.7", 25),))
    assert relay.identity(made, INTERFACES).addresses == frozenset()


def test_mail_goes_by_mx_or_to_the_smarthost() -> None:
    dns = FakeDNS({})
    assert isinstance(relay.router(settings(), dns, INTERFACES), SecuredRouter)
    by_smarthost = relay.router(settings(smarthost=Smarthost("192.0.2.1", 2525)), dns, INTERFACES)
    assert isinstance(by_smarthost, SmarthostRouter)
    assert result_of(by_smarthost.route("b.test")) == (
        Hop("192.0.2.1", ("192.0.2.1",), 2525, certain=True, transport="smarthost"),
    )
    (by_hand,) = result_of(by_smarthost.by_hand("192.0.2.9"))
    assert by_hand.transport == "", "the smarthost's password is for the smarthost"


@pytest.mark.parametrize("mode", RelayTls)
def test_every_word_for_tls_is_the_couriers_own(mode: RelayTls) -> None:
    assert relay._by_mx(settings(relay=Relay(tls=mode))).tls.value == mode.value


@pytest.mark.parametrize(
    ("mode", "tls", "implicit", "in_clear"),
    [
        (TlsMode.STARTTLS, Tls.VERIFY, False, False),
        (TlsMode.IMPLICIT, Tls.VERIFY, True, False),
        (TlsMode.NONE, Tls.NEVER, False, True),
    ],
)
def test_smarthost_is_given_the_password_only_as_was_said(
    tmp_path: Path, mode: TlsMode, tls: Tls, implicit: bool, in_clear: bool
) -> None:
    (tmp_path / "password").write_text("secret word\nignored\n")
    own = Smarthost("relay.test", tls=mode, user="me", password_file=str(tmp_path / "password"))
    made = relay._smarthost(settings(smarthost=own))
    assert (made.tls, made.implicit_tls, made.login_in_clear) == (tls, implicit, in_clear)
    assert made.login is not None
    assert (made.login.user, made.login.password) == ("me", "secret word")
    assert "secret" not in repr(made)


TABLE = (
    Transport(Way.USUAL, domains=("X.b.test",)),
    Transport(Way.HOST, domains=(".B.test",), host="192.0.2.5", port=587, tls=RelayTls.VERIFY, user="me"),
    Transport(Way.LMTP, domains=("l.test",), host="192.0.2.6", port=24),
    Transport(Way.ERROR, senders=("@C.test",), text="5.1.8 c.test is closed"),
    Transport(Way.ERROR, senders=("@d.test",), text="no"),
    Transport(Way.DISCARD, senders=("@e.test",)),
    Transport(Way.HOLD, domains=("h.test",), text="ask first"),
    Transport(Way.HOLD, domains=("i.test",)),
)


def test_international_domains_in_tables_are_those_of_envelopes(tmp_path: Path) -> None:
    tables = (
        Transport(Way.ERROR, domains=(".Bücher.test",), text="by domain"),
        Transport(Way.ERROR, senders=("@bücher.test",), text="by sender"),
        Transport(Way.HOST, domains=("host.test",), host="mx.bücher.test"),
    )
    dns = FakeDNS({"mx.xn--bcher-kva.test": {"A": ["192.0.2.3"]}})
    router = relay.router(settings(transports=tables), dns, INTERFACES)
    assert str(failure_of(router.route("x.xn--bcher-kva.test"), NoRoute)) == "by domain"
    sender = Address("u", "xn--bcher-kva.test")
    assert str(failure_of(router.route("z.test", sender), NoRoute)) == "by sender"
    (hop,) = result_of(router.route("host.test"))
    assert (hop.host, hop.addresses) == ("mx.xn--bcher-kva.test", ("192.0.2.3",))
    rule = relay._tls_rule(TlsPolicy(("bücher.test",), RelayTls.VERIFY, ("mx.bücher.test",)))
    assert rule.domains == ("xn--bcher-kva.test",)
    assert rule.security.names == ("mx.xn--bcher-kva.test",)


def test_the_transport_table_comes_first(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    table = tuple(msgspec.structs.replace(one, password_file=str(tmp_path / "password")) for one in TABLE)
    own = settings(transports=table, smarthost=Smarthost("192.0.2.1", 2525))
    router = relay.router(own, FakeDNS({}), INTERFACES)
    (there,) = result_of(router.route("sub.b.test"))
    assert (there.host, there.port, there.transport) == ("192.0.2.5", 587, "transport 1")
    assert result_of(router.route("l.test"))[0].port == 24
    assert result_of(router.route("x.b.test"))[0].transport == "smarthost"
    refused = failure_of(router.route("z.test", Address("u", "c.test")), NoRoute)
    assert (str(refused), refused.status) == ("c.test is closed", "5.1.8")  # type: ignore[attr-defined]
    assert failure_of(router.route("z.test", Address("u", "d.test")), NoRoute).status == "5.7.1"  # type: ignore[attr-defined]
    assert str(failure_of(router.route("h.test"), OnHold)) == "ask first"
    assert str(failure_of(router.route("i.test"), OnHold)) == "on hold by [[transport]] no. 8"
    (nowhere,) = result_of(router.route("z.test", Address("u", "e.test")))
    clock = Clock()
    courier = relay.courier(own, TLSContexts("", "", clock.seconds), clock, Inline())
    envelope = Envelope("m1", Address("u", "e.test"), (Recipient(Address("b", "z.test")),), 0.0)
    (outcome,) = result_of(courier.deliver(nowhere, envelope, envelope.recipients, OctetsBody(b"x\r\n")))
    assert outcome == Delivered(Address("b", "z.test"), "discarded here", "discarded", dsn=True)
    courier.close()


def test_schedule_and_bounds_are_those_of_the_file() -> None:
    own = settings(retry=Retry((1.0, 2.0), lifetime=60.0), relay=Relay(at_once=3))
    made = relay.schedules(own)
    assert isinstance(made, Schedule)
    assert (made.waits, made.lifetime) == ((1.0, 2.0), 60.0)
    assert relay.runner_settings(own).at_once == 3


def test_parts_can_be_made_of_any_settings() -> None:
    clock = Clock()
    own = settings(dns=Dns(("127.0.0.1:5353", "[::1]:53")), limits=Limits(threads=2))
    relay.resolver(own, clock)
    relay.courier(own, TLSContexts("", "", clock.seconds), clock, Inline())


@pytest.mark.parametrize(
    ("tls", "domain", "level"),
    [
        ("may", "bank.test", TlsLevel.VERIFY),
        ("may", "b.test", TlsLevel.DANE),
        ("never", "b.test", TlsLevel.USUAL),
    ],
)
def test_tls_by_domain(tls: str, domain: str, level: TlsLevel) -> None:
    zones = {
        "bank.test": {"MX": ["10 mx.b.test"]},
        "b.test": {"MX": ["10 mx.b.test"]},
        "mx.b.test": {"A": ["192.0.2.1"]},
        "_25._tcp.mx.b.test": {"TLSA": ["3 1 1 " + "ab" * 32]},
    }
    policy = TlsPolicy(("bank.test",), RelayTls.VERIFY, ("MX.bank.test",))
    own = settings(relay=Relay(tls=RelayTls(tls)), tls_policies=(policy,))
    (hop,) = result_of(relay.router(own, FakeDNS(zones, ("b.test",)), INTERFACES).route(domain))
    assert hop.security.level is level
    if level is TlsLevel.VERIFY:
        assert hop.security.names == ("mx.bank.test",)


@pytest.mark.parametrize("what", ["tls", "mta_sts", "smarthost", "nothing"])
def test_mta_sts_is_asked_for_where_it_can_count(what: str, tmp_path: Path) -> None:
    own = {
        "tls": settings(relay=Relay(tls=RelayTls.NEVER)),
        "mta_sts": settings(relay=Relay(mta_sts=False)),
        "smarthost": settings(smarthost=Smarthost("smart.test")),
        "nothing": settings(relay=Relay(mta_sts_folder=str(tmp_path / "mta-sts"))),
    }[what]
    dns, clock = FakeDNS({}), Clock()
    sts = MtaSts(own, dns, clock, Inline())
    result_of(Deferred.fromCoroutine(sts.open()))
    assert result_of(sts.policy_of("b.test")) == NO_POLICY
    assert dns.asked == ([("TXT", "_mta-sts.b.test")] if what == "nothing" else [])
    assert bool(clock.getDelayedCalls()) == (what == "nothing")
    sts.close()
    assert not clock.getDelayedCalls()


@pytest.mark.parametrize(
    ("sender", "recipients", "lifetime"),
    [
        (Address("codes", "a.test"), ["u@b.test"], 900.0),
        (Address("Codes", "a.test"), ["u@b.test"], 900.0),
        (Address("ann", "a.test"), ["u@b.test"], 3600.0),
        (Address("ann", "a.test"), ["u@slow.test", "u@x.slow.test"], 7200.0),
        (Address("ann", "a.test"), ["u@slow.test", "u@b.test"], 3600.0),
        (NULL_SENDER, ["u@b.test"], 60.0),
        # The first one decides.
        (Address("codes", "a.test"), ["u@slow.test"], 900.0),
    ],
)
def test_some_mail_has_a_schedule_of_its_own(sender: Address, recipients: list[str], lifetime: float) -> None:
    own = settings(
        retry=Retry(lifetime=3600.0, jitter=0.5),
        schedules=(
            Own(senders=("codes@A.test",), lifetime=900.0, waits=(30.0,), delay_notice=0.0),
            Own(domains=(".slow.test",), lifetime=7200.0),
            Own(senders=("<>",), lifetime=60.0),
        ),
    )
    to = tuple(Recipient(Address(*one.split("@"))) for one in recipients)
    found = relay.schedules(own).of(Envelope("m", sender, to, 0.0))
    assert (found.lifetime, found.jitter) == (lifetime, 0.5)
