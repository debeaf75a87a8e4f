"""services.running: sessions that do not end in time are cut."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger

from mailsuite.errors import Temporary
from mailsuite.offload import Inline
from mailsuite.services.parts import Parts
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
    parts: Any = SimpleNamespace(
        _stores=SimpleNamespace(close=lambda: succeed(None)),
        _batches=SimpleNamespace(close=lambda: None),
        _disk=SimpleNamespace(close=broken),
        _recorder=SimpleNamespace(close=lambda: succeed(done.append("recorder"))),
        _directory=SimpleNamespace(close=lambda: succeed(done.append("directory"))),
        _quotas=SimpleNamespace(close=lambda: done.append("quotas")),
        _offload=SimpleNamespace(run=Inline().run, stop=lambda: done.append("threads")),
    )
    failure_of(Parts.close(parts), Temporary)
    assert done == ["recorder", "directory", "quotas", "threads"]
