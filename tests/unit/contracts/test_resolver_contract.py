"""What every IResolver does: the double from memory, and dnspython against a real server on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from zope.interface.verify import verifyObject

from mailsuite.errors import NotFound, Temporary
from mailsuite.interfaces import IResolver
from mailsuite.model import Mx, Tlsa
from mailsuite.routing.cache import AnswerCache, Believe
from mailsuite.routing.resolver import DnsResolver, ResolverSettings
from mailsuite.services.noted_dns import NotedResolver
from mailsuite.testing.dns import NEGATIVE_TTL, TTL, DNSServer, FakeDNS, Trouble
from mailsuite.testing.results import result_of
from mailsuite.testing.stages import ReactorThread

LONG = [f"{n} " + "x" * 200 for n in range(7)]
ZONES = {
    "b.test": {"MX": ["20 mx2.b.test", "10 MX1.b.test"], "TXT": ["v=spf1 -all", 'say "hi"']},
    "mx1.b.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "mx2.b.test": {"A": ["192.0.2.2", "192.0.2.3"]},
    "alias.test": {"CNAME": ["b.test"]},
    "dangling.test": {"CNAME": ["gone.test"]},
    "circle.test": {"CNAME": ["circle.test"]},
    "inside.signed.test": {"CNAME": ["signed.test"]},
    "twice.signed.test": {"CNAME": ["inside.signed.test"]},
    "out.signed.test": {"CNAME": ["b.test"]},
    "in.b.test": {"CNAME": ["signed.test"]},
    "signed.test": {"MX": ["10 mx.signed.test"]},
    "_25._tcp.mx.signed.test": {"TLSA": ["3 1 1 " + "ab" * 32]},
    "null.test": {"MX": ["0 ."]},
    "bad.test": Trouble.SERVFAIL,
    "refused.test": Trouble.REFUSED,
    "silent.test": Trouble.SILENCE,
    "garbage.test": Trouble.GARBAGE,
    "crowd.test": {"MX": [f"{n} mx{n}.{'a' * 40}.crowd.test" for n in range(60)]},
    "long.test": {"TXT": LONG},
}
SIGNED = ("signed.test",)
Ask = Callable[..., Any]


@pytest.fixture(params=["memory", "noted", "dnspython"])
def world(request: pytest.FixtureRequest, reactor_thread: ReactorThread) -> Iterator[tuple[IResolver, Ask]]:
    if request.param != "dnspython":
        memory = FakeDNS(ZONES, SIGNED)
        noted = request.param == "noted"
        yield NotedResolver(memory) if noted else memory, lambda ask, *about: result_of(ask(*about))
        return
    with DNSServer(ZONES, signed=SIGNED) as server:
        settings = ResolverSettings(timeout=0.1, lifetime=0.3)
        yield DnsResolver(reactor_thread.reactor, [("127.0.0.1", server.port)], settings), reactor_thread.call


def test_it_is_a_resolver(world: tuple[IResolver, Ask]) -> None:
    assert verifyObject(IResolver, world[0])


def test_mx_records_are_lower_case_without_final_dots(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    assert sorted(ask(resolver.mx, "B.test")) == [Mx(10, "mx1.b.test"), Mx(20, "mx2.b.test")]


def test_addresses_come_from_both_families_ipv6_first(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    assert ask(resolver.addresses, "mx1.b.test") == ("2001:db8::1", "192.0.2.1")
    assert set(ask(resolver.addresses, "mx2.b.test")) == {"192.0.2.2", "192.0.2.3"}


def test_strings_of_a_txt_record_are_joined(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    assert set(ask(resolver.txt, "b.test")) == {b"v=spf1 -all", b'say "hi"'}


def test_tlsa_records_come_with_their_three_numbers(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    assert ask(resolver.tlsa, "_25._tcp.mx.signed.test") == (Tlsa(3, 1, 1, b"\xab" * 32),)


@pytest.mark.parametrize(
    ("name", "secure"), [("signed.test", True), ("_25._tcp.mx.signed.test", True), ("b.test", False)]
)
def test_it_is_told_which_answers_were_validated(world: tuple[IResolver, Ask], name: str, secure: bool) -> None:
    resolver, ask = world
    assert ask(resolver.is_secure, name, "MX") is secure


@pytest.mark.parametrize(
    ("name", "kind", "secure"),
    [
        ("inside.signed.test", "MX", True),
        ("out.signed.test", "MX", False),
        ("out.signed.test", "CNAME", True),
        ("in.b.test", "MX", False),
    ],
)
def test_an_answer_over_cnames_is_as_good_as_the_worst_of_them(
    world: tuple[IResolver, Ask], name: str, kind: str, secure: bool
) -> None:
    resolver, ask = world
    assert ask(resolver.is_secure, name, kind) is secure


@pytest.mark.parametrize(
    ("name", "kind", "end"),
    [
        ("alias.test", "MX", "b.test"),
        ("Twice.signed.test", "MX", "signed.test"),
        ("b.test", "A", "b.test"),
        ("alias.test", "A", "b.test"),
    ],
)
def test_it_is_known_where_cnames_lead(world: tuple[IResolver, Ask], name: str, kind: str, end: str) -> None:
    resolver, ask = world
    assert ask(resolver.canonical, name, kind) == end


def test_cnames_that_lead_nowhere_are_not_found(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    with pytest.raises(NotFound):
        ask(resolver.canonical, "dangling.test", "MX")


def test_whether_trouble_was_validated_is_not_known(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    with pytest.raises(Temporary):
        ask(resolver.is_secure, "bad.test", "MX")


@pytest.mark.parametrize("believe", Believe)
def test_a_name_server_is_believed_as_it_was_chosen(reactor_thread: ReactorThread, believe: Believe) -> None:
    with DNSServer(ZONES, signed=SIGNED) as server:
        settings = ResolverSettings(believe=believe)
        resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", server.port)], settings)
        assert reactor_thread.call(resolver.is_secure, "signed.test", "MX") is (believe is not Believe.NOBODY)


@pytest.mark.parametrize("name", ["gone.test", "b.test"])
def test_absence_is_remembered_too(reactor_thread: ReactorThread, name: str) -> None:
    with DNSServer(ZONES) as server:
        resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", server.port)])
        for _ in range(2):
            with contextlib.suppress(NotFound):
                assert reactor_thread.call(resolver.tlsa, name) == ()
        assert server.asked == [("UDP", "TLSA", name)]


def test_an_answer_and_absence_are_remembered_for_their_time(
    reactor_thread: ReactorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 2308 §5: absence for as long as the SOA says, be it of the records or of the name."""
    times: list[float] = []
    monkeypatch.setattr(AnswerCache, "keep", lambda cache, question, answer, ttl: times.append(ttl))
    with DNSServer(ZONES) as server:
        resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", server.port)])
        for name in ("b.test", "gone.test"):
            for ask in (resolver.mx, resolver.tlsa):
                with contextlib.suppress(NotFound):
                    reactor_thread.call(ask, name)
    assert times == [TTL, *[NEGATIVE_TTL] * 3]


def test_a_cname_is_followed(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    assert len(ask(resolver.mx, "alias.test")) == 2


@pytest.mark.parametrize("name", ["gone.test", "dangling.test", "x.gone.test"])
def test_a_name_that_does_not_exist_is_not_found(world: tuple[IResolver, Ask], name: str) -> None:
    resolver, ask = world
    for question in (resolver.mx, resolver.addresses, resolver.txt):
        with pytest.raises(NotFound):
            ask(question, name)


@pytest.mark.parametrize("name", ["b.test", "crowd.test"])
def test_a_name_without_such_records_gives_nothing(world: tuple[IResolver, Ask], name: str) -> None:
    resolver, ask = world
    assert ask(resolver.addresses, name) == ()


def test_a_name_above_others_exists(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    assert ask(resolver.mx, "test") == ()


@pytest.mark.parametrize("name", ["bad.test", "refused.test", "silent.test", "garbage.test", "circle.test"])
def test_trouble_is_temporary(world: tuple[IResolver, Ask], name: str) -> None:
    resolver, ask = world
    with pytest.raises(Temporary):
        ask(resolver.mx, name)


def test_a_null_mx_has_an_empty_exchange(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    assert ask(resolver.mx, "null.test") == (Mx(0, ""),)


def test_an_answer_too_large_for_a_datagram_comes_whole(world: tuple[IResolver, Ask]) -> None:
    resolver, ask = world
    assert len(ask(resolver.mx, "crowd.test")) == 60
    assert set(ask(resolver.txt, "long.test")) == {text.encode() for text in LONG}


def test_a_second_question_is_answered_from_memory(reactor_thread: ReactorThread) -> None:
    with DNSServer(ZONES) as server:
        resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", server.port)])
        reactor_thread.call(resolver.mx, "b.test")
        reactor_thread.call(resolver.mx, "b.test")
        assert server.asked == [("UDP", "MX", "b.test")]


def test_a_question_under_way_is_not_asked_again(reactor_thread: ReactorThread) -> None:
    with DNSServer(ZONES) as server:
        resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", server.port)])

        def ask() -> Deferred[list[Any]]:
            unwanted = resolver.mx("b.test")
            asked = gatherResults([resolver.mx("b.test"), resolver.mx("B.test"), resolver.mx("b.test")])
            unwanted.addErrback(lambda _: None)
            unwanted.cancel()
            return asked

        assert [len(records) for records in reactor_thread.call(ask)] == [2, 2, 2]
        assert server.asked == [("UDP", "MX", "b.test")]


def test_the_next_server_is_asked_when_one_fails(reactor_thread: ReactorThread) -> None:
    with DNSServer({"b.test": Trouble.SERVFAIL}) as broken, DNSServer(ZONES) as good:
        resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", broken.port), ("127.0.0.1", good.port)])
        assert len(reactor_thread.call(resolver.mx, "b.test")) == 2


def test_truncation_leads_to_tcp(reactor_thread: ReactorThread) -> None:
    with DNSServer(ZONES) as server:
        resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", server.port)])
        reactor_thread.call(resolver.mx, "crowd.test")
        assert [transport for transport, *_ in server.asked] == ["UDP", "TCP"]


def test_no_server_at_all_is_temporary(reactor_thread: ReactorThread) -> None:
    with DNSServer(ZONES) as server:
        port = server.port
    resolver = DnsResolver(reactor_thread.reactor, [("127.0.0.1", port)], ResolverSettings(timeout=0.1, lifetime=0.3))
    with pytest.raises(Temporary):
        reactor_thread.call(resolver.mx, "b.test")
