"""Rates of messages and recipients by account and by client network."""

from __future__ import annotations

from collections import Counter

import pytest
from twisted.internet.task import Clock

from mailsuite.model import NULL_SENDER, Address, Client, Later, Local, Verdict
from mailsuite.policy.ordered import OrderedPolicy
from mailsuite.policy.rates import Buckets, RateLimits, Rates
from mailsuite.testing.results import result_of

STRANGER = Client("192.0.2.1", 4000, "smtp")
NEIGHBOUR = Client("192.0.2.200", 4000, "smtp")
TRUSTED = Client("192.0.2.1", 4000, "smtp", trusted=True)
USER = Client("192.0.2.1", 4000, "submission", account="alice@here.test", trusted=True)
ELSEWHERE = Client("198.51.100.1", 4000, "submission", account="alice@here.test")
BOB = Address("bob", "here.test")


class World:
    def __init__(self, **limits: int) -> None:
        self.clock, self.hits = Clock(), Counter[str]()
        network = lambda address: address.rpartition(".")[0]  # noqa: E731
        self.policy = OrderedPolicy([Rates(RateLimits(**limits), network, self.clock, self.hits)])

    def message(self, client: Client) -> str:
        return said(result_of(self.policy.at_sender(client, NULL_SENDER, 0)))

    def recipient(self, client: Client) -> str:
        return said(result_of(self.policy.at_recipient(client, NULL_SENDER, BOB, Local("bob@here.test"), 0)))


def said(verdict: Verdict) -> str:
    return f"{verdict.status} {verdict.text}" if isinstance(verdict, Later) else ""


def test_an_hours_worth_may_come_at_once_and_then_flows() -> None:
    world = World(address_messages=6)
    assert [world.message(STRANGER) for _ in range(6)] == [""] * 6
    assert world.message(STRANGER) == (
        "4.7.1 Too many messages from your address in the last hour; try again in 11 minutes"
    )
    world.clock.advance(599)
    assert world.message(STRANGER).endswith("try again in 2 seconds")
    world.clock.advance(2)
    assert world.message(STRANGER) == ""
    assert world.message(STRANGER).endswith("try again in 10 minutes")
    world.clock.advance(3600)
    assert [world.message(STRANGER) for _ in range(7)].count("") == 6
    assert world.hits == {"rates.address_messages": 4}


def test_who_comes_when_told_is_let_in() -> None:
    world = World(address_messages=7)
    for _ in range(7):
        world.message(STRANGER)
    amount, unit = world.message(STRANGER).split()[-2:]
    world.clock.advance(float(amount) * (60 if unit == "minutes" else 1))
    assert world.message(STRANGER) == ""


def test_addresses_of_one_network_share() -> None:
    world = World(address_messages=1)
    assert world.message(STRANGER) == ""
    assert world.message(NEIGHBOUR) != ""


def test_an_account_is_counted_wherever_it_is_and_never_by_address() -> None:
    world = World(account_messages=2, address_messages=1)
    assert [world.message(USER), world.message(ELSEWHERE)] == ["", ""]
    assert "from your account" in world.message(USER)
    assert world.message(STRANGER) == ""
    assert world.hits == {"rates.account_messages": 1}


def test_trusted_networks_have_no_limit_without_login() -> None:
    world = World(address_messages=1, address_recipients=1)
    assert [world.message(TRUSTED) for _ in range(5)] == [""] * 5
    assert [world.recipient(TRUSTED) for _ in range(5)] == [""] * 5


def test_recipients_are_counted_apart() -> None:
    world = World(account_recipients=3, address_recipients=2)
    assert [world.recipient(USER) for _ in range(4)].count("") == 3
    assert [world.recipient(STRANGER) for _ in range(4)].count("") == 2
    assert [world.message(USER), world.message(STRANGER)] == ["", ""]
    assert world.recipient(STRANGER).startswith("4.7.1 Too many recipients from your address")


def test_without_limits_nothing_is_kept() -> None:
    world = World()
    for client in (STRANGER, USER, TRUSTED):
        assert [world.message(client), world.recipient(client)] == ["", ""]


def test_memory_is_bounded_and_the_longest_unseen_is_forgotten() -> None:
    buckets = Buckets(1, 3)
    for key in "abc":
        assert buckets.take(key, 0.0) == 0.0
    assert buckets.take("a", 1.0) == pytest.approx(3599.0)
    assert buckets.take("d", 1.0) == 0.0
    assert len(buckets) == 3
    assert buckets.take("b", 1.0) > 0 or buckets.take("c", 1.0) > 0
    assert buckets.take("a", 1.0) == 0.0, "forgotten: the oldest that was let in"


@pytest.mark.parametrize("back", [3700, 90_000])
def test_a_clock_that_is_set_back_shuts_nobody_out(back: float) -> None:
    world = World(account_messages=10)
    world.clock.advance(100_000)
    assert world.message(USER) == ""
    world.clock.rightNow -= back
    assert [world.message(USER) for _ in range(11)].count("") == 10
