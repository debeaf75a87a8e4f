"""services.running: sessions that do not end in time are cut."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger

from mailsuite.services.running import Running
from mailsuite.testing.results import result_of, unfired


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
