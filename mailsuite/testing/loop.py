"""A reactor of one's own, run by hand, for the few tests that need real sockets.

``Loop().wait(deferred)`` turns the reactor until it has fired.  It is never installed, so the tests of one process
need not share the global one.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

from mailsuite.testing.results import result_of

_T = TypeVar("_T")


class Loop:
    """``reactor`` is a real one that moves only inside ``wait`` and ``turn``."""

    def __init__(self) -> None:
        self.reactor: Any = SelectReactor()

    def wait(self, answer: Deferred[_T], seconds: float = 10.0) -> _T:
        """What the Deferred gives or raises; AssertionError if it has not fired in time."""
        end = time.monotonic() + seconds
        while not answer.called or answer.paused:
            if time.monotonic() > end:
                raise AssertionError(f"the Deferred has not fired in {seconds} s")
            self.reactor.iterate(0.02)
        return result_of(answer)

    def turn(self, times: int = 5) -> None:
        """Let what is due happen."""
        for _ in range(times):
            self.reactor.iterate(0.01)

    def close(self) -> None:
        """Close what is still open."""
        for each in self.reactor.removeAll():
            each.connectionLost(Failure(ConnectionLost()))
        self.turn(1)
