"""How the process ends: SIGTERM and SIGINT stop it in order with exit status 0, a failed start with 1.

twistd alone would end a process that was told to stop by the signal itself, and one that failed after it began to
run with 0; service supervisors want it the other way.  A thread that hangs (a dead disk) cannot be ended and would keep
the process for ever: ``LastResort`` ends it with status 1, which costs nothing that a power cut would not.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorCore, IReactorFromThreads
from twisted.logger import Logger


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


def tell(error: object) -> None:
    """One line where a person sees it who started the server in the foreground; a daemon's goes nowhere, and is in
    its log.  (``sys.stderr`` is twistd's log by now.)"""
    if sys.__stderr__ is not None:
        with contextlib.suppress(OSError):
            sys.__stderr__.write(f"mailsuite: cannot start: {error}\n")
            sys.__stderr__.flush()


def stop_once(reactor: Reactor) -> None:
    """Begin to stop; nothing if that has begun."""
    with contextlib.suppress(ReactorNotRunning):
        reactor.stop()


class LastResort:
    """Ends the process ``seconds`` from now, unless ``cancel`` comes first.

    In a thread of its own, since the reactor's may be what waits.  ``at_work`` tells what still runs, for the log."""

    log = Logger()

    def __init__(self, seconds: float, at_work: Callable[[], list[str]]) -> None:
        self._seconds = seconds
        self._at_work = at_work
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        try:
            self.log.critical(
                "not stopped within {seconds} s, ended with this still running: {running}",
                seconds=self._seconds,
                running=", ".join(self._at_work()) or "no thread of ours",
            )
        finally:
            _exit_1()


def fail_at_exit() -> None:
    """Let the exit status be 1 when all else is done."""
    atexit.register(_exit_1)


def _exit_1() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
