"""What every IRouter does: the table, the MX records of a domain, and the smarthost for everything."""

from __future__ import annotations

import random

import msgspec
import pytest
from zope.interface.verify import verifyObject

from mailsuite.errors import NoRoute, Temporary
from mailsuite.interfaces import IRouter
from mailsuite.model import Hop, Status
from mailsuite.routing.router import Identity, MxRouter, SmarthostRouter
from mailsuite.routing.transports import Refusal, Rule, ToHost, TransportRouter
from mailsuite.testing.dns import FakeDNS, Trouble
from mailsuite.testing.queue import TableRouter
from mailsuite.testing.results import failure_of, result_of

ZONES = {
    "b.test": {"MX": ["20 mx2.test", "10 mx1.test"]},
    "plain.test": {"A": ["192.0.2.7"]},
    "null.test": {"MX": ["0 ."]},
    "unsure.test": Trouble.SERVFAIL,
    "lost.test": {"MX": ["10 unsure.test", "20 nowhere.test"]},
    "mx1.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "mx2.test": {"A": ["192.0.2.2"]},
}
MX1, MX2 = Hop("mx1.test", ("2001:db8::1", "192.0.2.1")), Hop("mx2.test", ("192.0.2.2",))
PLAIN = Hop("plain.test", ("192.0.2.7",), certain=True)
FIXED = msgspec.structs.replace(MX1, certain=True)


class Case(msgspec.Struct, frozen=True):
    """A router, where it leads to, where it never does, and where it cannot say."""

    router: IRouter
    routes: dict[str, tuple[Hop, ...]]
    never: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


def table() -> Case:
    routes = {"b.test": (MX1, MX2), "plain.test": (PLAIN,)}
    refusals = {"null.test": NoRoute("5.1.10", "no mail here"), "unsure.test": Temporary("no answer")}
    return Case(TableRouter({**routes, **refusals}), routes, ("null.test", "nowhere.test"), ("unsure.test",))


def by_mx() -> Case:
    router = MxRouter(FakeDNS(ZONES), Identity(frozenset({"us.test"})), random.Random(1))
    routes = {"b.test": (MX1, MX2), "plain.test": (PLAIN,)}
    return Case(router, routes, ("null.test", "nowhere.test", "no domain"), ("unsure.test", "lost.test"))


def by_smarthost() -> Case:
    return Case(SmarthostRouter(FakeDNS(ZONES), "mx1.test", 25), dict.fromkeys(("b.test", "nowhere.test"), (FIXED,)))


def by_lost_smarthost() -> Case:
    return Case(SmarthostRouter(FakeDNS(ZONES), "nowhere.test", 25), {}, (), ("b.test", "nowhere.test"))


def by_transports() -> Case:
    """A table before the MX records."""
    usual, rules = (
        by_mx(),
        (Rule(Refusal("5.7.1", "no"), ("null.test",)), Rule(ToHost("mx1.test", 25, ""), ("f.test",))),
    )
    router = TransportRouter(rules, FakeDNS(ZONES), usual.router)
    return msgspec.structs.replace(usual, router=router, routes={**usual.routes, "f.test": (FIXED,)})


@pytest.fixture(params=[table, by_mx, by_smarthost, by_lost_smarthost, by_transports])
def case(request: pytest.FixtureRequest) -> Case:
    return request.param()


def test_it_is_a_router(case: Case) -> None:
    assert verifyObject(IRouter, case.router)


def test_hops_come_in_the_order_to_try_as_often_as_asked(case: Case) -> None:
    for domain, hops in (*case.routes.items(), *case.routes.items()):
        assert result_of(case.router.route(domain)) == hops


def test_where_mail_can_never_go_has_a_permanent_status(case: Case) -> None:
    for domain in case.never:
        error = failure_of(case.router.route(domain), NoRoute)
        assert isinstance(error, NoRoute)
        assert Status.parse(error.status).klass == 5
        assert str(error)


def test_what_is_not_known_now_is_temporary(case: Case) -> None:
    for domain in case.unsure:
        failure_of(case.router.route(domain), Temporary)


def test_the_double_has_no_empty_routes() -> None:
    with pytest.raises(AssertionError, match="never empty"):
        TableRouter({"b.test": ()}).route("b.test")
