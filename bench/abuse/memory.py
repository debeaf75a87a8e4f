"""What a process and its children hold at most, from /proc."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path


def family(pid: int) -> Iterator[int]:
    """The process, its children, and theirs."""
    yield pid
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from family(int(child))


def forget_peak(pid: int) -> None:
    """From now on ``peak`` counts anew."""
    for one in family(pid):
        with contextlib.suppress(OSError):  # it has just ended
            Path(f"/proc/{one}/clear_refs").write_text("5")


def peak(pid: int) -> int:
    """Octets resident at most, of the process and its children together."""
    return sum(_number(one, "VmHWM") for one in family(pid))


def resident(pid: int) -> int:
    """Octets resident now, together."""
    return sum(_number(one, "VmRSS") for one in family(pid))


def _number(pid: int, key: str) -> int:
    with contextlib.suppress(OSError):
        found = re.search(rf"^{key}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
        return int(found[1]) * 1024 if found else 0
    return 0
