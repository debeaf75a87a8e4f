"""Processes that tests and benchmarks start, and that end with them, at whatever moment SIGINT, SIGTERM or
SIGHUP comes.

Between the start of a process and the line that keeps its id a signal would leave it behind: ``signals_later`` moves
the signal behind that line.  What is registered with ``atexit`` there ends even if no ``finally`` was reached yet.
Nothing here can help against SIGKILL of the caller.
"""

from __future__ import annotations

import atexit
import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from types import FrameType

#: Seconds from SIGTERM to SIGKILL.
PATIENCE = 10.0


@contextlib.contextmanager
def signals_later() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP that come in this block come at its end.  Where they are ignored they still are, and
    outside of the main thread, which alone takes signals, this does nothing."""
    came: list[int] = []
    before = {}

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    before[number] = signal.signal(number, note)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in dict.fromkeys(came):
            signal.raise_signal(late)


@contextlib.contextmanager
def child(start: Callable[[], subprocess.Popen[bytes]]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended on leaving; killed if it does not take SIGTERM in time."""
    process = None
    try:
        with signals_later():
            process = start()
            atexit.register(process.kill)
        yield process
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(PATIENCE)
            atexit.unregister(process.kill)
