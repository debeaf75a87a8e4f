"""The MX algorithm as RFC 5321 §5.1 and RFC 7505 tell it, and the router around it."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from mailsuite.errors import NoRoute, Temporary
from mailsuite.interfaces import IRouter
from mailsuite.model import Hop, Mx
from mailsuite.routing.mx import EXCHANGE_LIMIT, in_order, is_null
from mailsuite.routing.router import Identity, MxRouter, SmarthostRouter
from mailsuite.testing.dns import FakeDNS, Trouble, Zones
from mailsuite.testing.results import failure_of, result_of

ME = Identity(frozenset({"us.test"}), frozenset({"192.0.2.99", "2001:db8::99"}))
ADDRESSES = {
    "mx1.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "mx2.test": {"A": ["192.0.2.2"]},
    "mx3.test": {"A": ["192.0.2.3"]},
    "us.test": {"A": ["192.0.2.99"]},
    "also-us.test": {"A": ["192.0.2.98", "192.0.2.99"]},
    "empty.test": {"TXT": ["no address"]},
    "broken.test": Trouble.SERVFAIL,
}


def router(zones: Zones, port: int = 25) -> MxRouter:
    return MxRouter(FakeDNS({**ADDRESSES, **zones}), ME, random.Random(1), port)


def hosts(domain: str, zones: Zones) -> list[str]:
    return [hop.host for hop in result_of(router(zones).route(domain))]


def refused(domain: str, zones: Zones) -> str:
    error = failure_of(router(zones).route(domain), NoRoute)
    assert isinstance(error, NoRoute)
    return error.status


def test_they_are_routers() -> None:
    assert verifyObject(IRouter, router({}))
    assert verifyObject(IRouter, SmarthostRouter(FakeDNS({}), "smart.test", 587))


@pytest.mark.parametrize(
    ("records", "order"),
    [
        (["10 mx1.test"], ["mx1.test"]),
        (["20 mx2.test", "10 mx1.test", "30 mx3.test"], ["mx1.test", "mx2.test", "mx3.test"]),
        # This host: it and everything that is not better is dropped.
        (["10 mx1.test", "20 us.test", "30 mx3.test"], ["mx1.test"]),
        (["10 mx1.test", "20 us.test", "20 mx2.test"], ["mx1.test"]),
        (["10 mx1.test", "20 also-us.test", "30 mx3.test"], ["mx1.test"]),
        (["10 mx1.test", "15 mx2.test", "20 also-us.test", "20 mx3.test"], ["mx1.test", "mx2.test"]),
        # An exchange without an address, or that does not exist or cannot be looked up, is passed over.
        (["10 empty.test", "20 mx2.test"], ["mx2.test"]),
        (["10 nowhere.test", "20 mx2.test"], ["mx2.test"]),
        (["10 broken.test", "20 mx2.test"], ["mx2.test"]),
        # A null MX beside others is a mistake and is passed over.
        (["0 .", "10 mx1.test"], ["mx1.test"]),
    ],
)
def test_the_order_of_exchanges(records: list[str], order: list[str]) -> None:
    assert hosts("b.test", {"b.test": {"MX": records}}) == order


@pytest.mark.parametrize(
    ("zone", "status"),
    [
        ({"MX": ["0 ."]}, "5.1.10"),
        ({"MX": ["10 us.test"]}, "5.4.6"),
        ({"MX": ["10 us.test", "20 mx1.test"]}, "5.4.6"),
        ({"MX": ["10 mx1.test", "10 us.test"]}, "5.4.6"),
        ({"MX": ["10 also-us.test"]}, "5.4.6"),
        ({"A": ["192.0.2.99"]}, "5.4.6"),
        ({"MX": ["10 empty.test", "20 nowhere.test"]}, "5.4.4"),
        ({"TXT": ["nothing else"]}, "5.1.2"),
        (None, "5.1.2"),
    ],
)
def test_where_mail_can_never_go(zone: dict[str, list[str]] | None, status: str) -> None:
    assert refused("b.test", {"b.test": zone} if zone else {}) == status


@pytest.mark.parametrize(
    "zones",
    [
        {"b.test": Trouble.SERVFAIL},
        {"b.test": Trouble.SILENCE},
        {"b.test": {"MX": ["10 broken.test"]}},
        {"b.test": {"MX": ["10 broken.test", "20 empty.test"]}},
        # The better one may exist: nothing is final, least of all "loops back to myself".
        {"b.test": {"MX": ["10 broken.test", "20 also-us.test"]}},
    ],
)
def test_what_dns_could_not_say_is_temporary(zones: Zones) -> None:
    failure_of(router(zones).route("b.test"), Temporary)


def test_without_mx_the_domain_itself_is_the_exchange() -> None:
    (hop,) = result_of(router({"b.test": {"A": ["192.0.2.7"], "AAAA": ["2001:db8::7"]}}).route("b.test"))
    assert hop == Hop("b.test", ("2001:db8::7", "192.0.2.7"), 25, certain=True)


def test_with_mx_the_addresses_of_the_domain_are_not_used() -> None:
    assert refused("b.test", {"b.test": {"MX": ["10 empty.test"], "A": ["192.0.2.7"]}}) == "5.4.4"


@pytest.mark.parametrize(
    ("zones", "order"),
    [
        # RFC 5321 §5.1: an alias is looked through, and what it leads to is treated as the domain.
        ({"b.test": {"CNAME": ["real.test"]}, "real.test": {"MX": ["10 mx1.test"]}}, ["mx1.test"]),
        ({"b.test": {"CNAME": ["real.test"]}, "real.test": {"A": ["192.0.2.7"]}}, ["b.test"]),
        # An exchange that is an alias, which RFC 2181 §10.3 forbids and people have.
        ({"b.test": {"MX": ["10 alias.test"]}, "alias.test": {"CNAME": ["mx1.test"]}}, ["alias.test"]),
        # §5.2: either family alone is enough.
        ({"b.test": {"MX": ["10 six.test"]}, "six.test": {"AAAA": ["2001:db8::6"]}}, ["six.test"]),
        ({"b.test": {"AAAA": ["2001:db8::6"]}}, ["b.test"]),
        # Case and final dots mean nothing, in our own name neither.
        ({"b.test": {"MX": ["10 MX1.test.", "20 US.test."]}}, ["mx1.test"]),
    ],
)
def test_aliases_families_and_spelling(zones: Zones, order: list[str]) -> None:
    assert hosts("b.test", zones) == order


@pytest.mark.parametrize(
    "zones",
    [
        {"b.test": {"CNAME": ["gone.test"]}},
        {"b.test": {"CNAME": ["null.test"]}, "null.test": {"MX": ["0 ."]}},
    ],
)
def test_an_alias_to_nowhere_is_final(zones: Zones) -> None:
    assert refused("b.test", zones) == ("5.1.10" if "null.test" in zones else "5.1.2")


def test_an_alias_in_a_circle_may_be_put_right() -> None:
    failure_of(router({"b.test": {"CNAME": ["b.test"]}}).route("b.test"), Temporary)


def test_equals_are_tried_in_random_order() -> None:
    records = [Mx(10, "a"), Mx(10, "b"), Mx(10, "c"), Mx(5, "first"), Mx(20, "last")]
    rng = random.Random(7)
    orders = [[mx.exchange for mx in in_order("d", records, (), rng)] for _ in range(600)]
    assert all(order[0] == "first" and order[-1] == "last" for order in orders)
    seconds = Counter(order[1] for order in orders)
    assert all(140 < seconds[name] < 260 for name in "abc")


def test_an_endless_list_of_exchanges_is_cut() -> None:
    records = [Mx(n, f"mx{n}") for n in range(100)]
    assert len(in_order("d", records, (), random.Random(1))) == EXCHANGE_LIMIT


@pytest.mark.parametrize(
    ("six", "four", "left"), [(2, 1, (2, 1)), (12, 0, (10, 0)), (0, 12, (0, 10)), (12, 1, (9, 1)), (30, 30, (5, 5))]
)
def test_a_host_with_many_addresses_is_reached_by_either_family(six: int, four: int, left: tuple[int, int]) -> None:
    sixes, fours = [f"2001:db8::{n + 1}" for n in range(six)], [f"192.0.2.{n + 1}" for n in range(four)]
    zones: Zones = {"big.test": {"AAAA": sixes, "A": fours}}
    wanted = tuple(sixes[: left[0]] + fours[: left[1]])
    (by_mx,) = result_of(router(zones).route("big.test"))
    (smart,) = result_of(SmarthostRouter(FakeDNS(zones), "big.test", 587).route("b.test"))
    assert (by_mx.addresses, smart.addresses) == (wanted, wanted)


@pytest.mark.parametrize(
    ("domain", "hop"),
    [
        ("[192.0.2.5]", Hop("[192.0.2.5]", ("192.0.2.5",), 25)),
        ("[ipv6:2001:db8::5]", Hop("[ipv6:2001:db8::5]", ("2001:db8::5",), 25)),
    ],
)
def test_an_address_literal_is_its_own_hop(domain: str, hop: Hop) -> None:
    assert result_of(router({}).route(domain)) == (hop,)


@pytest.mark.parametrize("domain", ["[192.0.2.99]", "[IPv6:2001:db8::99]"])
def test_our_own_address_as_a_literal_is_a_loop(domain: str) -> None:
    assert refused(domain, {}) == "5.4.6"


@pytest.mark.parametrize("domain", ["[x25:1]", "[192.0.2]", "[", "a..b", "", "x" * 64 + ".test", "xn--\u2603.\u200b"])
def test_what_is_no_domain_has_no_route(domain: str) -> None:
    assert refused(domain, {}) == "5.1.2"


def test_an_international_domain_is_asked_for_in_its_ascii_form() -> None:
    assert hosts("BÜCHER.test.", {"xn--bcher-kva.test": {"MX": ["10 mx1.test"]}}) == ["mx1.test"]


def test_the_port_is_that_of_the_router() -> None:
    (hop,) = result_of(router({"b.test": {"A": ["192.0.2.7"]}}, port=2525).route("b.test"))
    assert hop.port == 2525


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", "c", "me", ""])), max_size=8),
    st.integers(0, 1000),
)
def test_what_is_left_is_better_than_us_and_in_order(records: list[tuple[int, str]], seed: int) -> None:
    mx = [Mx(*record) for record in records]
    own = min((preference for preference, name in records if name == "me"), default=99)
    better = sorted(one for one in mx if one.exchange and one.preference < own)
    if is_null(mx) or (own < 99 and not better):
        with pytest.raises(NoRoute):
            in_order("d", mx, {"me"}, random.Random(seed))
        return
    left = in_order("d", mx, {"me"}, random.Random(seed))
    assert [one.preference for one in left] == sorted(one.preference for one in left)
    assert sorted(left) == better


# -- smarthost ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "addresses"),
    [("mx1.test", ("2001:db8::1", "192.0.2.1")), ("192.0.2.8", ("192.0.2.8",)), ("2001:db8::8", ("2001:db8::8",))],
)
def test_a_smarthost_takes_every_domain(host: str, addresses: tuple[str, ...]) -> None:
    dns = FakeDNS(ADDRESSES)
    smart = SmarthostRouter(dns, host, 587)
    for domain in ("b.test", "nowhere.test"):
        assert result_of(smart.route(domain)) == (Hop(host, addresses, 587, certain=True),)
    assert not any(kind == "MX" for kind, _ in dns.asked)


@pytest.mark.parametrize("host", ["nowhere.test", "empty.test", "broken.test", "no name"])
def test_a_smarthost_that_cannot_be_found_is_not_the_senders_fault(host: str) -> None:
    failure_of(SmarthostRouter(FakeDNS(ADDRESSES), host, 587).route("b.test"), Temporary)


@pytest.mark.parametrize(
    "literal", ["127.0.0.2", "0.0.0.0", "IPv6:::1", "IPv6:::", "IPv6:::ffff:127.0.0.3", "IPv6:::ffff:192.0.2.99"]
)
def test_mail_for_a_literal_of_this_machine_loops(literal: str) -> None:
    mine = MxRouter(FakeDNS({}), Identity(ME.names, ME.addresses, loopback=True))
    error = failure_of(mine.route(f"[{literal}]"), NoRoute)
    assert isinstance(error, NoRoute)
    assert error.status == "5.4.6"


def test_an_exchange_on_loopback_is_this_host() -> None:
    zones: Zones = {
        "odd.test": {"MX": ["10 mx1.test", "20 local.test", "30 mx3.test"]},
        "only.test": {"MX": ["10 local.test"]},
        "local.test": {"A": ["127.0.0.1"]},
    }
    mine = MxRouter(FakeDNS({**ADDRESSES, **zones}), Identity(ME.names, loopback=True), random.Random(1))
    assert [hop.host for hop in result_of(mine.route("odd.test"))] == ["mx1.test"]
    assert failure_of(mine.route("only.test"), NoRoute)
    elsewhere = MxRouter(FakeDNS({**ADDRESSES, **zones}), ME, random.Random(1), 2525)
    assert [hop.host for hop in result_of(elsewhere.route("only.test"))] == ["local.test"]


@pytest.mark.parametrize(
    ("via", "hop"),
    [
        ("mx1.test", Hop("mx1.test", ("2001:db8::1", "192.0.2.1"), 25, certain=True)),
        ("mx1.test:2525", Hop("mx1.test", ("2001:db8::1", "192.0.2.1"), 2525, certain=True)),
        ("192.0.2.8:26", Hop("192.0.2.8", ("192.0.2.8",), 26, certain=True)),
        ("[2001:db8::8]", Hop("2001:db8::8", ("2001:db8::8",), 25, certain=True)),
        ("[2001:db8::8]:26", Hop("2001:db8::8", ("2001:db8::8",), 26, certain=True)),
    ],
)
def test_a_host_can_be_chosen_by_hand(via: str, hop: Hop) -> None:
    for one in (router(ADDRESSES), SmarthostRouter(FakeDNS(ADDRESSES), "192.0.2.9", 587)):
        assert result_of(one.by_hand(via)) == (hop,)


def test_a_host_chosen_by_hand_that_is_not_there_may_be_put_right() -> None:
    failure_of(router(ADDRESSES).by_hand("nowhere.test"), Temporary)
