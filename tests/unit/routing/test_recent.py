"""Routes of the last moment."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.errors import NoRoute, Temporary
from mailsuite.interfaces import IRouter
from mailsuite.model import Hop
from mailsuite.routing import recent
from mailsuite.routing.recent import MOMENT, RecentRouter
from mailsuite.testing.queue import TableRouter
from mailsuite.testing.results import failure_of, result_of

ONE, TWO = (Hop("mx1.b.test", ("192.0.2.1",)),), (Hop("mx2.b.test", ("192.0.2.2",)),)


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.usual = TableRouter({"b.test": ONE, "mx9.test": TWO})
        self.router = RecentRouter(self.usual, self.clock.seconds)

    def ask(self, domain: str = "b.test") -> tuple[Hop, ...]:
        return result_of(self.router.route(domain))


@pytest.fixture
def world() -> World:
    return World()


def test_it_is_a_router(world: World) -> None:
    assert verifyObject(IRouter, world.router)


def test_many_messages_share_what_was_found_for_the_first(world: World) -> None:
    assert [world.ask() for _ in range(5)] == [ONE] * 5
    assert world.usual.asked == ["b.test"]


def test_it_is_found_anew_after_a_moment(world: World) -> None:
    world.ask()
    world.usual.table = {"b.test": TWO}
    world.clock.advance(MOMENT / 2)
    assert world.ask() == ONE
    world.clock.advance(MOMENT / 2)
    assert world.ask() == TWO


@pytest.mark.parametrize("error", [Temporary("no answer"), NoRoute("5.1.2", "no such domain")])
def test_a_failure_is_not_remembered(world: World, error: Temporary | NoRoute) -> None:
    world.usual.table = {"b.test": error}
    failure_of(world.router.route("b.test"), type(error))
    world.usual.table = {"b.test": ONE}
    assert world.ask() == ONE


def test_no_more_than_so_many_are_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "REMEMBERED", 2)
    world.usual.table = {f"d{number}.test": ONE for number in range(3)}
    for number in (0, 1, 2, 2, 1, 0):
        world.ask(f"d{number}.test")
    assert world.usual.asked == ["d0.test", "d1.test", "d2.test", "d0.test"]


def test_a_way_by_hand_is_not_remembered(world: World) -> None:
    for _ in range(2):
        assert result_of(world.router.by_hand("mx9.test")) == TWO
    assert world.usual.asked == ["mx9.test"] * 2
