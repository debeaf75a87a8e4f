"""When a server is at rest: what it does behind an answer is no part of the next one's time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from bench.abuse.memory import family

#: Seconds that are looked at, and the share of one processor that a server at rest may use in them.
WINDOW, SHARE = 0.3, 0.05
#: Seconds for which it is waited at most; behind them it is measured as it is.
PATIENCE = 60.0


def seconds(pid: int) -> float:
    """Of a processor, so far."""
    used = 0
    for one in family(pid):
        with contextlib.suppress(OSError):  # it has just ended
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


def until_at_rest(
    pid: int, used: Callable[[int], float] = seconds, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Until the process and those that it began do next to nothing."""
    end = time.monotonic() + PATIENCE
    before = used(pid)
    while time.monotonic() < end:
        sleep(WINDOW)
        now = used(pid)
        if now - before <= SHARE * WINDOW:
            return
        before = now
