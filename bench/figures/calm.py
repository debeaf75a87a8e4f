"""Whether the machine is calm: what is measured while others use it, or while the part before is still being written to
the disk, says little.  The load average would not do: it tells of the last minutes, and so of our own parts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

#: Of all processors; what one program does now and then is less.
BUSY = 0.1
#: Seconds that are looked at.
WINDOW = 2.0


def _ticks() -> tuple[int, int]:
    """Of all processors since the start: all, and those that were idle and waited for no disk."""
    counts = [int(word) for word in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return sum(counts), counts[3]


def busy(seconds: float = WINDOW) -> float:
    """The share of processor time that was used, or waited for a disk, in the next seconds."""
    before, idle_before = _ticks()
    time.sleep(seconds)
    after, idle_after = _ticks()
    return 1 - (idle_after - idle_before) / max(1, after - before)


def wait(patience: float, used: Callable[[], float] = busy, now: Callable[[], float] = time.monotonic) -> str:
    """Until the machine is calm, ``patience`` seconds at most; what it was like, in words for the page."""
    end = now() + patience
    while (share := used()) > BUSY:
        if now() >= end:
            return f"the machine was never calm in {patience:g} s before: {share:.0%} of its processors were busy"
    return f"{share:.0%} of the processors busy before"
