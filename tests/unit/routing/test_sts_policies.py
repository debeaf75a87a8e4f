"""MTA-STS policies as time goes by: fetched once, kept over restarts, held to when DNS or the web are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mailsuite.errors import Temporary
from mailsuite.offload import Inline
from mailsuite.routing import sts_policies
from mailsuite.routing.mta_sts import Mode
from mailsuite.routing.sts_policies import PATIENCE, REFRESHED, UNUSED, StsPolicies
from mailsuite.testing.dns import FakeDNS, Trouble
from mailsuite.testing.results import result_of

WEEK = 604_800


def text(mode: str = "enforce", age: int = WEEK) -> bytes:
    return f"version: STSv1\nmode: {mode}\nmx: mx.b.test\nmax_age: {age}\n".encode()


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.dns = FakeDNS({"_mta-sts.b.test": {"TXT": ["v=STSv1; id=1"]}})
        self.web: bytes | None = text()
        self.fetched: list[str] = []
        self.restart()

    def restart(self) -> None:
        self.policies = StsPolicies(self.dns, self.fetch, str(self.folder), Inline(), self.clock.seconds)
        result_of(self.policies.open())

    def fetch(self, url: str) -> Deferred[bytes]:
        self.fetched.append(url)
        return fail(Temporary("no web server")) if self.web is None else succeed(self.web)

    def id(self, id: str) -> None:
        self.dns.zones = {"_mta-sts.b.test": {"TXT": [f"v=STSv1; id={id}"]}} if id else {}

    def mode(self, after: float = 0, domain: str = "b.test") -> str:
        self.clock.advance(after)
        return result_of(self.policies.policy_of(domain)).mode.value

    def refresh(self, after: float) -> None:
        self.clock.advance(after)
        result_of(Deferred.fromCoroutine(self.policies.refresh()))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "mta-sts")


def test_a_policy_is_fetched_once_and_kept_over_a_restart(world: World) -> None:
    assert [world.mode(60), world.mode(60)] == ["enforce", "enforce"]
    world.restart()
    world.web = None
    assert world.mode(60) == "enforce"
    assert world.fetched == ["https://mta-sts.b.test/.well-known/mta-sts.txt"]


def test_without_a_record_nothing_is_fetched(world: World) -> None:
    assert world.mode(domain="c.test") == "none"
    assert world.fetched == []


@pytest.mark.parametrize("trouble", [{}, {"_mta-sts.b.test": Trouble.SERVFAIL}])
def test_what_is_kept_holds_when_dns_is_silenced(world: World, trouble: dict[str, Trouble]) -> None:
    assert world.mode() == "enforce"
    world.dns.zones = trouble
    assert world.mode(WEEK - 10) == "enforce"
    assert world.mode(10) == "none"


def test_a_new_id_brings_the_new_policy(world: World) -> None:
    assert world.mode() == "enforce"
    world.id("2")
    world.web = text("testing")
    assert world.mode() == "testing"
    assert len(world.fetched) == 2


def test_a_new_policy_that_cannot_be_had_leaves_the_old_one(world: World) -> None:
    assert world.mode() == "enforce"
    world.id("2")
    world.web = None
    assert world.mode() == "enforce"
    world.web = b"<html>"
    assert world.mode(PATIENCE) == "enforce"
    assert len(world.fetched) == 3


def test_a_first_fetch_that_fails_means_no_policy_for_a_while(world: World) -> None:
    world.web = None
    assert [world.mode(), world.mode(PATIENCE - 1)] == ["none", "none"]
    assert len(world.fetched) == 1
    world.web = text()
    assert world.mode(1) == "enforce"


def test_a_policy_is_refreshed_before_it_expires(world: World) -> None:
    assert world.mode() == "enforce"
    world.refresh(REFRESHED - 1)
    assert len(world.fetched) == 1
    world.refresh(2)
    assert len(world.fetched) == 2
    world.id("")
    assert world.mode(WEEK - 10) == "enforce"


def test_what_has_expired_or_is_not_used_is_forgotten(world: World) -> None:
    world.web = text(age=4 * WEEK * 4)
    assert world.mode() == "enforce"
    assert [path.name for path in world.folder.iterdir()] == ["b.test"]
    world.refresh(UNUSED + 1)
    assert list(world.folder.iterdir()) == []
    world.web = text(age=100)
    assert world.mode() == "enforce"
    world.refresh(101)
    assert list(world.folder.iterdir()) == []


def test_broken_files_are_fetched_again(world: World) -> None:
    assert world.mode() == "enforce"
    (world.folder / "b.test").write_bytes(b"\xff{")
    (world.folder / "x~").write_text("{}")
    world.restart()
    assert world.mode() == "enforce"
    assert len(world.fetched) == 2


def test_many_who_ask_at_once_cause_one_fetch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    coming: Deferred[bytes] = Deferred()
    monkeypatch.setattr(world.policies, "_fetch", lambda url: world.fetched.append(url) or coming)
    asked = [world.policies.policy_of("b.test") for _ in range(3)]
    coming.callback(text())
    assert [result_of(one).mode for one in asked] == [Mode.ENFORCE] * 3
    assert len(world.fetched) == 1


def test_not_more_is_kept_than_is_allowed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts_policies, "MOST", 2)
    for name in "abc":
        world.dns.zones = {f"_mta-sts.{name}.test": {"TXT": ["v=STSv1; id=1"]}}
        assert world.mode(1, f"{name}.test") == "enforce"
    assert sorted(path.name for path in world.folder.iterdir()) == ["b.test", "c.test"]
