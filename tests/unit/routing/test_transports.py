"""The transport table: which rule holds, and where it leads."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from mailsuite.errors import NoRoute, OnHold, Temporary
from mailsuite.interfaces import IRouter
from mailsuite.model import NULL_SENDER, Address, Hop
from mailsuite.routing.transports import DISCARDED, Discard, Keep, Refusal, Rule, ToHost, TransportRouter, Usual
from mailsuite.testing.dns import FakeDNS
from mailsuite.testing.queue import TableRouter
from mailsuite.testing.results import failure_of, result_of

AL = Address("al", "a.test")
USUAL = Hop("mx.b.test", ("192.0.2.1",))
GATE = ToHost("gate.test", 2525, "transport 0")
THERE = Hop("gate.test", ("192.0.2.9",), 2525, certain=True, transport="transport 0")
DNS = {"gate.test": {"A": ["192.0.2.9"]}}


def router(*rules: Rule) -> TransportRouter:
    usual = TableRouter(dict.fromkeys(("b.test", "x.b.test", "notb.test", "hand.test"), (USUAL,)))
    return TransportRouter(rules, FakeDNS(DNS), usual)


def test_it_is_a_router() -> None:
    assert verifyObject(IRouter, router())


@pytest.mark.parametrize(
    ("rule", "domain", "sender", "holds"),
    [
        (Rule(GATE), "b.test", AL, True),
        (Rule(GATE, domains=("b.test",)), "b.test", AL, True),
        (Rule(GATE, domains=("b.test",)), "B.TEST", AL, True),
        (Rule(GATE, domains=("b.test",)), "x.b.test", AL, False),
        (Rule(GATE, domains=(".b.test",)), "x.b.test", AL, True),
        (Rule(GATE, domains=(".b.test",)), "b.test", AL, True),
        (Rule(GATE, domains=(".b.test",)), "notb.test", AL, False),
        (Rule(GATE, senders=("al@a.test",)), "b.test", AL, True),
        (Rule(GATE, senders=("@a.test",)), "b.test", AL, True),
        (Rule(GATE, senders=("@test",)), "b.test", AL, False),
        (Rule(GATE, senders=("<>",)), "b.test", NULL_SENDER, True),
        (Rule(GATE, senders=("<>",)), "b.test", AL, False),
        (Rule(GATE, domains=("b.test",), senders=("@c.test",)), "b.test", AL, False),
        (Rule(GATE, domains=("c.test", "b.test"), senders=("<>", "@a.test")), "b.test", AL, True),
    ],
)
def test_a_rule_holds_for_its_domains_and_senders(rule: Rule, domain: str, sender: Address, holds: bool) -> None:
    assert result_of(router(rule).route(domain, sender)) == ((THERE if holds else USUAL),)


def test_the_first_rule_that_holds_decides() -> None:
    table = router(Rule(Usual(), domains=("x.b.test",)), Rule(Discard(), domains=(".b.test",)), Rule(GATE))
    assert result_of(table.route("x.b.test", AL)) == (USUAL,)
    assert result_of(table.route("b.test", AL)) == (DISCARDED,)
    assert result_of(table.route("elsewhere.test", AL)) == (THERE,)


def test_mail_can_be_sent_back() -> None:
    error = failure_of(router(Rule(Refusal("5.7.1", "not from here"))).route("b.test", AL), NoRoute)
    assert (str(error), error.status) == ("not from here", "5.7.1")  # type: ignore[attr-defined]


def test_mail_can_be_kept_until_somebody_releases_it() -> None:
    table = router(Rule(Keep("ask first"), senders=("@a.test",)), Rule(GATE, domains=("b.test",)))
    assert str(failure_of(table.route("b.test", AL), OnHold)) == "ask first"
    assert result_of(table.route("b.test", AL, released=True)) == (THERE,)
    assert result_of(table.route("x.b.test", AL, released=True)) == (USUAL,)
    assert result_of(table.route("b.test", NULL_SENDER)) == (THERE,)


def test_a_host_that_is_not_there_may_be_put_right() -> None:
    failure_of(router(Rule(ToHost("gone.test", 25, "t"))).route("b.test", AL), Temporary)


def test_what_somebody_chose_by_hand_goes_before_the_table() -> None:
    assert result_of(router(Rule(Discard())).by_hand("hand.test")) == (USUAL,)
