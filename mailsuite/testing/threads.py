"""The reactor's side of a thread pool, turned by hand: for tests of work in threads without a reactor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

from mailsuite.testing.results import unfired

#: Seconds that a thread may take before the test fails.
PATIENCE = 5.0


@implementer(IReactorFromThreads)
class ReactorByHand:
    """Collects what threads ask the reactor to do; ``turn`` does it, in this thread."""

    def __init__(self) -> None:
        self._asked: list[Callable[[], None]] = []
        self._rang = threading.Event()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        self._asked.append(lambda: callable(*args, **kwargs))
        self._rang.set()

    def turn(self) -> int:
        """Do what was asked; how many wake-ups that were."""
        count = 0
        while self._asked:
            self._rang.clear()
            self._asked.pop(0)()
            count += 1
        return count

    def until(self, *waited: Deferred[Any]) -> None:
        """Turn until all of these have fired."""
        while any(unfired(each) for each in waited):
            assert self._rang.wait(PATIENCE), "the threads have nothing more to say"
            self.turn()
