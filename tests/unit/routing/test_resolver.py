"""What the resolver remembers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock

from mailsuite.errors import Temporary
from mailsuite.routing.cache import Answer
from mailsuite.routing.resolver import DnsResolver, ResolverSettings
from mailsuite.testing.results import failure_of, result_of


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: int = 100) -> None:
        self.clock = Clock()
        self.asked: list[str] = []
        self.failing = False
        self.resolver = DnsResolver(self.clock, [("127.0.0.1", 53)], ResolverSettings(cache=cache))  # type: ignore[arg-type]
        monkeypatch.setattr(self.resolver, "_look_up", self._look_up)

    async def _look_up(self, name: str, kind: Any) -> tuple[Answer, float]:
        self.asked.append(name)
        if self.failing:
            raise Temporary("no answer")
        return Answer((SimpleNamespace(strings=[b"v", b"1"]),)), 60


def test_what_was_answered_is_not_looked_up_again_before_its_ttl_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    for name in ("b.test", "B.test", "c.test"):
        assert result_of(world.resolver.txt(name)) == (b"v1",)
    assert world.asked == ["b.test", "c.test"]
    world.clock.advance(60)
    result_of(world.resolver.txt("b.test"))
    assert world.asked == ["b.test", "c.test", "b.test"]


def test_failures_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.failing = True
    failure_of(world.resolver.txt("b.test"), Temporary)
    world.failing = False
    assert result_of(world.resolver.txt("b.test")) == (b"v1",)


def test_not_more_is_remembered_than_was_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, cache=2)
    for name in ("a.test", "b.test", "c.test", "c.test", "a.test"):
        result_of(world.resolver.txt(name))
    assert world.asked == ["a.test", "b.test", "c.test", "a.test"]


@pytest.mark.parametrize(
    ("server", "believed"), [("127.0.0.53", True), ("::1", True), ("192.0.2.1", False), ("fe80::1%eth0", False)]
)
def test_only_a_name_server_on_this_machine_is_believed(server: str, believed: bool) -> None:
    resolver = DnsResolver(Clock(), [(server.partition("%")[0], 53)], ResolverSettings())  # type: ignore[arg-type]
    assert resolver._believes(server) is believed
