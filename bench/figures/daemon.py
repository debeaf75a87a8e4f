"""A server that puts itself into the background, and that is ended whatever happens here, at whatever moment."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.abuse.memory import family
from mailsuite.testing.children import signals_later

#: Seconds for it to write its id, and to end.
BEGINNING, ENDING = 5.0, 10.0


@contextlib.contextmanager
def daemon(start: Sequence[str], stop: Sequence[str], id_file: Path) -> Iterator[int]:
    """What ``start`` leaves running, by its process id; ``stop`` ends it, and SIGKILL if that does not.
    CalledProcessError if it does not start, TimeoutError if it tells no id."""
    pid = 0
    end = functools.partial(_end, stop)
    try:
        with signals_later():
            _order(start).check_returncode()
            pid = _id_in(id_file)
            end = functools.partial(_end, stop, pid)
            atexit.register(end)
        yield pid
    finally:
        end()
        atexit.unregister(end)


def _order(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """What becomes a daemon keeps what it was given to write to: nothing; and Ctrl-C is not for it."""
    nothing = subprocess.DEVNULL
    return subprocess.run(command, stdout=nothing, stderr=nothing, check=False, start_new_session=True)


def _end(stop: Sequence[str], pid: int = 0) -> None:
    """``pid``: 0 if it is not known."""
    processes = list(family(pid)) if pid else []
    done = _order(stop)
    if done.returncode == 0:
        _wait(pid)
    if runs(pid):
        print(f"{' '.join(stop)} did not end it: killed", file=sys.stderr)
        for each in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        _wait(pid)


def _wait(pid: int) -> None:
    end = time.monotonic() + ENDING
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Not one that ended and waits for somebody to ask.  (That has no command line any more; but one that has just
    begun has none yet.)"""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return bool(pid) and state not in "ZX"


def _id_in(file: Path) -> int:
    """As soon as it is written."""
    end = time.monotonic() + BEGINNING
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError):
            return int(file.read_text())
        time.sleep(0.05)
    raise TimeoutError(f"no process id in {file}")
