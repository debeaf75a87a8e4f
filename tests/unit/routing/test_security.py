"""What is asked of TLS at each hop: by the table, DANE (RFC 7672) and MTA-STS (RFC 8461), case by case."""

from __future__ import annotations

import random

import pytest
from twisted.internet.defer import Deferred, succeed
from zope.interface.verify import verifyObject

from mailsuite.errors import OnHold, Temporary
from mailsuite.interfaces import IRouter
from mailsuite.model import Hop, Security, Tlsa, TlsLevel
from mailsuite.routing.dane import usable
from mailsuite.routing.mta_sts import NO_POLICY, Mode, Policy
from mailsuite.routing.router import Identity, MxRouter
from mailsuite.routing.security import SecuredRouter, TlsRule
from mailsuite.testing.dns import FakeDNS, Trouble
from mailsuite.testing.queue import TableRouter
from mailsuite.testing.results import failure_of, result_of

EE, TA, PKIX = "3 1 1 " + "ab" * 32, "2 0 1 " + "cd" * 32, "1 1 1 " + "ab" * 32
ZONES: dict[str, object] = {
    "b.test": {"MX": ["10 mx1.b.test", "20 mx2.b.test"]},
    "mx1.b.test": {"A": ["192.0.2.1"]},
    "mx2.b.test": {"A": ["192.0.2.2"]},
    "out.test": {"MX": ["10 mx1.b.test", "20 mx.away.test"]},
    "mx.away.test": {"A": ["192.0.2.3"]},
    "implicit.b.test": {"A": ["192.0.2.4"]},
}
SIGNED = ("b.test", "out.test")
RULES = (
    TlsRule(("out.test",), Security(TlsLevel.NEVER, source="table")),
    TlsRule((".bank.test",), Security(TlsLevel.VERIFY, ("mx.bank.test",), source="table")),
)


def tlsa(**hosts: str) -> dict[str, object]:
    return {f"_25._tcp.{host}.b.test": {"TLSA": [value]} for host, value in hosts.items()}


def router(
    zones: dict[str, object] | None = None,
    signed: tuple[str, ...] = SIGNED,
    policy: Policy = NO_POLICY,
    rules: tuple[TlsRule, ...] = (),
    dane: bool = True,
) -> SecuredRouter:
    dns = FakeDNS({**ZONES, **(zones or {})}, signed)  # type: ignore[dict-item]
    usual = MxRouter(dns, Identity(frozenset()), random.Random(1))

    def policy_of(domain: str) -> Deferred[Policy]:
        return succeed(policy)

    return SecuredRouter(usual, dns, rules, dane, policy_of)


def seen(one: SecuredRouter, domain: str = "b.test") -> list[tuple[str, bool, str, int]]:
    """Host, certain, level, records of each hop."""
    return [
        (hop.host.partition(".")[0], hop.certain, hop.security.level.value, len(hop.security.tlsa))
        for hop in result_of(one.route(domain))
    ]


def test_it_is_a_router() -> None:
    assert verifyObject(IRouter, router())


@pytest.mark.parametrize(
    ("zones", "signed", "hops"),
    [
        # No TLSA records: TLS as usual, to a host whose name is certain.
        ({}, SIGNED, [("mx1", True, "usual", 0), ("mx2", True, "usual", 0)]),
        (tlsa(mx1=EE), SIGNED, [("mx1", True, "dane", 1), ("mx2", True, "usual", 0)]),
        (tlsa(mx1=EE, mx2=TA), SIGNED, [("mx1", True, "dane", 1), ("mx2", True, "dane", 1)]),
        # Nothing usable among them: TLS with any certificate.
        (tlsa(mx1=PKIX), SIGNED, [("mx1", True, "require", 0), ("mx2", True, "usual", 0)]),
        # Nobody vouches for the records, the addresses or the MX records.
        (tlsa(mx1=EE), (), [("mx1", False, "usual", 0), ("mx2", False, "usual", 0)]),
        # TLSA records that cannot be had: not that host.
        ({"_25._tcp.mx1.b.test": Trouble.SERVFAIL}, SIGNED, [("mx2", True, "usual", 0)]),
    ],
)
def test_dane(zones: dict[str, object], signed: tuple[str, ...], hops: list[tuple[str, bool, str, int]]) -> None:
    assert seen(router(zones, signed)) == hops


def test_a_host_in_a_zone_that_is_not_signed_has_no_dane() -> None:
    zones = {"_25._tcp.mx.away.test": {"TLSA": [EE]}, **tlsa(mx1=EE)}
    assert seen(router(zones), "out.test") == [("mx1", True, "dane", 1), ("mx", True, "usual", 0)]


def test_a_domain_that_is_its_own_exchange_has_dane_too() -> None:
    assert seen(router(tlsa(implicit=EE)), "implicit.b.test") == [("implicit", True, "dane", 1)]


def test_where_no_tlsa_records_can_be_had_nobody_is_asked() -> None:
    zones: dict[str, object] = {f"_25._tcp.mx{n}.b.test": Trouble.SERVFAIL for n in (1, 2)}
    failure_of(router(zones).route("b.test"), Temporary)


def test_an_authority_may_vouch_for_the_host_or_the_domain() -> None:
    first, second = result_of(router(tlsa(mx1=TA, mx2=EE)).route("b.test"))
    assert first.security.names == ("mx1.b.test", "b.test")
    assert second.security.names == ()


ALIASES: dict[str, object] = {
    "e.test": {"MX": ["10 mx.c.test"]},
    "mx.c.test": {"CNAME": ["host.d.test"]},
    "host.d.test": {"A": ["192.0.2.5"]},
}
AT_END = {"_25._tcp.host.d.test": {"TLSA": [EE]}}
AT_START = {"_25._tcp.mx.c.test": {"TLSA": [EE, TA]}}


@pytest.mark.parametrize(
    ("zones", "signed", "records", "server_name"),
    [
        # RFC 7672 §2.2.3: where the CNAME leads, then at its own name
        (AT_END, ("c.test", "d.test"), 1, "host.d.test"),
        (AT_END | AT_START, ("c.test", "d.test"), 1, "host.d.test"),
        (AT_START, ("c.test", "d.test"), 2, ""),
        # It leads to where nobody vouches for anything: only its own name counts.
        (AT_END | AT_START, ("c.test",), 2, ""),
        (AT_END, ("c.test",), 0, ""),
        # The CNAME itself is not signed.
        (AT_END | AT_START, ("d.test",), 0, ""),
    ],
)
def test_tlsa_records_of_a_host_that_is_an_alias(
    zones: dict[str, object], signed: tuple[str, ...], records: int, server_name: str
) -> None:
    (hop,) = result_of(router({**ALIASES, **zones}, ("e.test", *signed)).route("e.test"))
    assert (len(hop.security.tlsa), hop.security.server_name) == (records, server_name)


def test_the_end_of_an_alias_that_cannot_be_asked_for_records_bars_the_host() -> None:
    zones = {**ALIASES, **AT_START, "_25._tcp.host.d.test": Trouble.SERVFAIL}
    failure_of(router(zones, ("e.test", "c.test", "d.test")).route("e.test"), Temporary)


def test_a_domain_that_is_an_alias_has_three_names() -> None:
    zones = {"www.test": {"CNAME": ["e.test"]}, **ALIASES, "_25._tcp.host.d.test": {"TLSA": [TA]}}
    (hop,) = result_of(router(zones, ("www.test", "c.test", "d.test", "e.test")).route("www.test"))
    assert hop.security.names == ("host.d.test", "www.test", "e.test")


def test_what_was_released_is_so_for_whoever_knows_the_way() -> None:
    usual = TableRouter({"b.test": OnHold("ask first")})
    usual.released = (Hop("mx1.b.test", ("192.0.2.1",)),)
    one = SecuredRouter(usual, FakeDNS({}), (), False, lambda domain: succeed(NO_POLICY))
    failure_of(one.route("b.test"), OnHold)
    assert result_of(one.route("b.test", released=True)) == usual.released


def test_dane_can_be_off() -> None:
    assert seen(router(tlsa(mx1=EE), dane=False)) == [("mx1", False, "usual", 0), ("mx2", False, "usual", 0)]


@pytest.mark.parametrize(
    ("record", "is_usable"),
    [
        (Tlsa(3, 1, 1, b"x"), True),
        (Tlsa(2, 0, 0, b"x"), True),
        (Tlsa(0, 1, 1, b"x"), False),
        (Tlsa(1, 1, 1, b"x"), False),
        (Tlsa(3, 2, 1, b"x"), False),
        (Tlsa(3, 1, 3, b"x"), False),
    ],
)
def test_which_records_mean_something(record: Tlsa, is_usable: bool) -> None:
    assert usable([record]) == ((record,) if is_usable else ())


def test_of_hashes_of_the_same_thing_the_strongest_counts() -> None:
    strong, weak, whole = Tlsa(3, 1, 2, b"x"), Tlsa(3, 1, 1, b"y"), Tlsa(3, 1, 0, b"z")
    other = Tlsa(2, 1, 1, b"y")
    assert usable([weak, other, strong, whole]) == (other, strong, whole)
    assert usable([weak, whole]) == (weak, whole)


@pytest.mark.parametrize(
    ("mode", "hosts", "hops"),
    [
        (Mode.ENFORCE, ("mx1.b.test", "mx2.b.test"), [("mx1", True, "verify", 0), ("mx2", True, "verify", 0)]),
        (Mode.ENFORCE, ("*.b.test",), [("mx1", True, "verify", 0), ("mx2", True, "verify", 0)]),
        (Mode.ENFORCE, ("mx2.b.test",), [("mx2", True, "verify", 0)]),
        (Mode.TESTING, ("mx2.b.test",), [("mx1", False, "usual", 0), ("mx2", False, "usual", 0)]),
        (Mode.NONE, (), [("mx1", False, "usual", 0), ("mx2", False, "usual", 0)]),
    ],
)
def test_mta_sts(mode: Mode, hosts: tuple[str, ...], hops: list[tuple[str, bool, str, int]]) -> None:
    assert seen(router(signed=(), policy=Policy(mode, hosts, 60))) == hops


def test_a_policy_that_has_none_of_the_hosts_delays_the_mail() -> None:
    error = failure_of(router(signed=(), policy=Policy(Mode.ENFORCE, ("mx.evil.test",), 60)).route("b.test"), Temporary)
    assert "mx1.b.test, mx2.b.test" in str(error)


def test_nothing_overrides_dane() -> None:
    policy = Policy(Mode.ENFORCE, ("mx2.b.test",), 60)
    assert seen(router(tlsa(mx1=EE), policy=policy)) == [("mx1", True, "dane", 1), ("mx2", True, "verify", 0)]


@pytest.mark.parametrize(
    ("domain", "level", "certain"),
    [("out.test", "never", False), ("x.bank.test", "verify", True), ("bank.test", "verify", True)],
)
def test_the_table_is_the_last_word(domain: str, level: str, certain: bool) -> None:
    """A certificate for a name in the table is as good as a name that DNSSEC vouches for (RFC 8689 §4.2.1)."""
    zones = {name: {"MX": ["10 mx1.b.test"]} for name in ("x.bank.test", "bank.test")}
    one = router({**zones, **tlsa(mx1=EE)}, policy=Policy(Mode.ENFORCE, ("*.b.test",), 60), rules=RULES)
    assert {(hop[1], hop[2]) for hop in seen(one, domain)} == {(certain, level)}


def test_address_literals_have_no_policies() -> None:
    assert result_of(router().route("[192.0.2.9]")) == (Hop("[192.0.2.9]", ("192.0.2.9",)),)
