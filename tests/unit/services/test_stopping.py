"""services.running: sessions that do not end in time are cut."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger

from mailsuite.errors import Temporary
from mailsuite.offload import Inline
from mailsuite.services.parts import PLACING, Parts
from mailsuite.services.running import Running
from mailsuite.testing.results import failure_of, result_of, unfired


class Factory:
    """Its sessions never end by themselves."""

    def __init__(self) -> None:
        self.was_cut = False

    def shut_down(self) -> Deferred[None]:
        return Deferred()

    def cut(self) -> None:
        self.was_cut = True


def test_sessions_that_take_too_long_are_cut() -> None:
    clock, factory = Clock(), Factory()
    timeouts = SimpleNamespace(timeouts=SimpleNamespace(shutdown=10.0))
    server: Any = SimpleNamespace(_settings=timeouts, _reactor=clock, log=Logger())
    server._cut = lambda failure, which: Running._cut(server, failure, which)
    ending = Running._end_sessions(server, factory)  # type: ignore[arg-type]
    clock.advance(9.0)
    unfired(ending)
    clock.advance(1.0)
    result_of(ending)
    assert factory.was_cut


def test_a_disk_that_takes_nothing_more_keeps_no_thread() -> None:
    def broken() -> None:
        raise Temporary("the journal takes nothing")

    done: list[str] = []
    failure_of(Parts.close(parts_that_tell(done, broken)), Temporary)
    assert done == ["deliveries", "stores", "recorder", "directory", "quotas", "threads"]


def parts_that_tell(done: list[str], close_disk: Callable[[], None]) -> Any:
    """Of a server, each telling when it is closed."""

    def closed(name: str) -> Any:
        return SimpleNamespace(close=lambda: succeed(done.append(name)))

    parts: Any = SimpleNamespace(
        _delivery=closed("deliveries"),
        _stores=closed("stores"),
        _disk=SimpleNamespace(close=close_disk),
        _recorder=closed("recorder"),
        _directory=closed("directory"),
        _quotas=SimpleNamespace(close=lambda: done.append("quotas")),
        _offload=SimpleNamespace(run=Inline().run, stop=lambda: done.append("threads")),
        shared=SimpleNamespace(clock=Clock()),
        log=Logger(),
    )
    parts._last_deliveries = lambda: Parts._last_deliveries(parts)
    return parts


def test_deliveries_that_take_too_long_are_the_next_starts() -> None:
    done: list[str] = []
    parts = parts_that_tell(done, lambda: done.append("disk"))
    parts._delivery = SimpleNamespace(close=Deferred)
    closing = Deferred.fromCoroutine(Parts.close(parts))
    parts.shared.clock.advance(PLACING - 1)
    assert done == []
    parts.shared.clock.advance(1)
    result_of(closing)
    assert done == ["stores", "disk", "recorder", "directory", "quotas", "threads"]
