"""How the process ends: SIGTERM and SIGINT stop it in order with exit status 0, a failed start with 1.

twistd alone would end a process that was told to stop by the signal itself, and one that failed after it began to
run with 0; service supervisors want it the other way.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from types import FrameType

from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorCore, IReactorFromThreads


class Reactor(IReactorCore, IReactorFromThreads):
    """What stopping needs of a reactor."""


def stop_on_signals(reactor: Reactor) -> None:
    """From now on, and again once the reactor has put in its own handlers."""
    _take_signals(reactor)
    reactor.callWhenRunning(_take_signals, reactor)


def _take_signals(reactor: Reactor) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        reactor.callFromThread(stop_once, reactor)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def stop_once(reactor: Reactor) -> None:
    """Begin to stop; nothing if that has begun."""
    with contextlib.suppress(ReactorNotRunning):
        reactor.stop()


def fail_at_exit() -> None:
    """Let the exit status be 1 when all else is done."""
    atexit.register(_exit_1)


def _exit_1() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
