"""What the resolver remembers beside dnspython's own cache."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock

from mailsuite.errors import Temporary
from mailsuite.routing.resolver import JUST_NOW, DnsResolver, ResolverSettings
from mailsuite.testing.results import failure_of, result_of


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, cache: int = 100) -> None:
        self.clock = Clock()
        self.asked: list[str] = []
        self.failing = False
        self.resolver = DnsResolver(self.clock, [("127.0.0.1", 53)], ResolverSettings(cache=cache))  # type: ignore[arg-type]
        monkeypatch.setattr(self.resolver, "_look_up", self._look_up)

    async def _look_up(self, name: str, kind: Any) -> list[object]:
        self.asked.append(name)
        if self.failing:
            raise Temporary("no answer")
        return [SimpleNamespace(strings=[b"v", b"1"])]


def test_what_was_answered_just_now_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    for name in ("b.test", "B.test", "c.test"):
        assert result_of(world.resolver.txt(name)) == (b"v1",)
    assert world.asked == ["b.test", "c.test"]
    world.clock.advance(JUST_NOW)
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
