"""What every ICourier does: the double with its answers, and SMTP to peers that behave as told."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.directory.address_map import parse
from mailsuite.interfaces import ICourier
from mailsuite.model import Address, Delayed, Delivered, Envelope, Failed, Hop, Outcome, Recipient, Status
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings
from mailsuite.offload import Inline
from mailsuite.services.couriers import Couriers
from mailsuite.services.generic import GenericCourier
from mailsuite.testing.courier import Answer, ScriptedCourier, accept, unreachable
from mailsuite.testing.memory_body import MemoryBody
from mailsuite.testing.network import MemoryNetwork, Site
from mailsuite.testing.peer import CLOSE, SILENCE, ScriptedPeer
from mailsuite.testing.results import result_of, unfired
from mailsuite.testing.tls import ReadyTLS

BOB, EVE = Address("bob", "b.test"), Address("eve", "b.test")
CROWD = tuple(Address(f"user{n}", "b.test") for n in range(250))
MESSAGE = b"Subject: hi\r\n\r\n.dot\r\nbye\r\n"


def refuse(hop: Hop, recipient: Address) -> Outcome:
    return Failed(recipient, Status(5, 1, 1), "no such user", hop.host, "550 5.1.1 no such user")


def refuse_eve(hop: Hop, recipient: Address) -> Outcome:
    return refuse(hop, recipient) if recipient == EVE else accept(hop, recipient)


def later(hop: Hop, recipient: Address) -> Outcome:
    return Delayed(recipient, Status(4, 2, 0), "450 4.2.0 wait", hop.host)


def broken(hop: Hop, recipient: Address) -> Outcome:
    return Delayed(recipient, Status(4, 4, 2), f"{hop.host}: connection lost")


#: What the double answers, and how a peer must behave for the same.
HOSTS: Mapping[str, tuple[Answer, Mapping[str, Any] | None]] = {
    "good.test": (accept, {}),
    "refusing.test": (refuse, {"RCPT": "550 5.1.1 no such user"}),
    "half.test": (refuse_eve, {"RCPT eve@b.test": "550 5.1.1 no such user"}),
    "busy.test": (later, {"RCPT": "450 4.2.0 wait"}),
    "broken.test": (broken, {"MAIL": CLOSE}),
    "dead.test": (unreachable, None),
}
#: Each has two addresses where it behaves alike.
HOPS = {name: Hop(name, (f"192.0.2.{n}", f"2001:db8::{n}")) for n, name in enumerate(HOSTS)}
#: Takes a while.
SILENT = Hop("silent.test", ("192.0.2.99", "2001:db8::99"))


class World(Protocol):
    courier: Any

    def hold(self) -> None:
        """Deliveries wait from now on, until ``settle``."""

    def stall(self) -> None:
        """A delivery to SILENT comes as far as it can."""

    def settle(self) -> None: ...


class Scripted:
    def __init__(self) -> None:
        self.courier = ScriptedCourier({name: answer for name, (answer, _) in HOSTS.items()})

    def hold(self) -> None:
        self.courier.paused = True

    def stall(self) -> None:
        """It waits already."""

    def settle(self) -> None:
        self.courier.resume()


class Smtp:
    def __init__(self) -> None:
        sites: dict[str, Site] = {}
        for name, (_, script) in HOSTS.items():
            if script is not None:
                sites |= {f"{address}:25": ScriptedPeer(script) for address in HOPS[name].addresses}
        sites |= {f"{address}:25": ScriptedPeer({"DATA": SILENCE}) for address in SILENT.addresses}
        self.network = MemoryNetwork(sites)
        self.courier = Courier(CourierSettings("us.test"), self.network.endpoint, ReadyTLS(), Clock(), Inline())

    def hold(self) -> None:
        """Nothing moves before ``settle`` anyway."""

    def stall(self) -> None:
        self.network.settle()

    def settle(self) -> None:
        self.network.settle()


class Chosen(Smtp):
    def __init__(self) -> None:
        super().__init__()
        self.courier = Couriers({"": self.courier})


class Renaming(Smtp):
    """Under addresses that the other side knows, which are not those of the caller."""

    def __init__(self) -> None:
        super().__init__()
        table = parse("al@a.test me@isp.test\n", "/t", ["a.test"], generic=True)
        self.courier = GenericCourier(lambda: table, self.courier)


@pytest.fixture(params=[Scripted, Smtp, Chosen, Renaming])
def world(request: pytest.FixtureRequest) -> World:
    return request.param()


def start(world: World, host: str | Hop, *to: Address, body: Any = None) -> Deferred[Sequence[Outcome]]:
    everyone = tuple(map(Recipient, to))
    sent = Envelope("m1", Address("al", "a.test"), everyone, 0.0)
    hop = host if isinstance(host, Hop) else HOPS[host]
    return world.courier.deliver(hop, sent, everyone, body or MemoryBody(MESSAGE))


def send(world: World, host: str, *to: Address) -> Sequence[Outcome]:
    answer = start(world, host, *to)
    world.settle()
    return result_of(answer)


def test_it_is_a_courier(world: World) -> None:
    assert verifyObject(ICourier, world.courier)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("to", [(), (BOB,), (EVE, BOB), CROWD], ids=len)
def test_everyone_gets_an_outcome_in_order_whatever_the_host_does(
    world: World, host: str, to: tuple[Address, ...]
) -> None:
    assert [outcome.recipient for outcome in send(world, host, *to)] == list(to)


@pytest.mark.parametrize(
    ("host", "kinds"),
    [
        ("good.test", [Delivered, Delivered]),
        ("refusing.test", [Failed, Failed]),
        ("half.test", [Delivered, Failed]),
        ("busy.test", [Delayed, Delayed]),
        ("broken.test", [Delayed, Delayed]),
        ("dead.test", [Delayed, Delayed]),
    ],
)
def test_what_the_host_does_decides(world: World, host: str, kinds: list[type]) -> None:
    assert [type(outcome) for outcome in send(world, host, BOB, EVE)] == kinds


@pytest.mark.parametrize("host", ["good.test", "refusing.test", "half.test", "busy.test"])
def test_who_was_decided_about_has_the_name_of_the_host(world: World, host: str) -> None:
    assert {outcome.host for outcome in send(world, host, BOB, EVE)} == {host}


@pytest.mark.parametrize(("host", "status"), [("dead.test", "4.4.1"), ("broken.test", "4.4.2")])
def test_where_nobody_decided_the_next_hop_may_be_tried(world: World, host: str, status: str) -> None:
    for outcome in send(world, host, BOB, EVE):
        assert isinstance(outcome, Delayed)
        assert (outcome.host, str(outcome.status)) == ("", status)
        assert outcome.text


def test_a_failure_has_a_permanent_status_and_the_words_of_the_host(world: World) -> None:
    (outcome,) = send(world, "refusing.test", BOB)
    assert isinstance(outcome, Failed)
    assert outcome.status == Status(5, 1, 1)
    assert outcome.reply == "550 5.1.1 no such user"


def test_deliveries_side_by_side_do_not_mix(world: World) -> None:
    world.hold()
    answers = [start(world, "good.test", BOB), start(world, "refusing.test", EVE), start(world, "good.test", EVE)]
    assert all(map(unfired, answers))
    world.settle()
    assert [[(type(one), one.recipient) for one in result_of(answer)] for answer in answers] == [
        [(Delivered, BOB)],
        [(Failed, EVE)],
        [(Delivered, EVE)],
    ]


def test_the_body_stays_the_callers(world: World) -> None:
    body = MemoryBody(MESSAGE)
    for host in HOSTS:
        answer = start(world, host, BOB, body=body)
        world.settle()
        result_of(answer)
    assert not body.closed


@pytest.mark.parametrize("begun", [False, True])
def test_a_cancelled_delivery_ends_at_once_and_harms_no_other(world: World, begun: bool) -> None:
    world.hold()
    cancelled = start(world, SILENT, BOB)
    if begun:
        world.stall()
    other = start(world, "good.test", EVE)
    assert unfired(cancelled)
    cancelled.cancel()
    assert not unfired(cancelled)
    with contextlib.suppress(CancelledError):
        assert [type(outcome) for outcome in result_of(cancelled)] == [Delayed]
    world.settle()
    assert [type(outcome) for outcome in result_of(other)] == [Delivered]
