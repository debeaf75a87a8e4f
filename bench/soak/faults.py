"""What the server's log says that it should not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from bench.soak.ledger import Accident

#: What a traceback may say of an accident of this kind, while it lasts.
_DATABASE = ("unable to open database file", "disk I/O error")
EXPECTED = {
    "full disk": ("No space left", "disk is full", *_DATABASE),
    "no descriptors": ("Too many open files", *_DATABASE),
}
#: What says without a traceback that promises were broken; no accident excuses it.
BROKEN = ("changes of messages are lost",)
#: What any line of the log says of an accident that met somebody.
_MET = {
    "full disk": ("no space left", "disk is full"),
    "no descriptors": ("too many open files", "emfile"),
}
#: Seconds after an accident in which somebody may still tell of it.
AFTERMATH = 5.0
#: What the times in the log are rounded down to, in seconds.
_ROUNDED = 1.0
_EVENT = re.compile(r"^(?=\d{4}-\d\d-\d\dT)", re.MULTILINE)


def faults(log: str, accidents: Iterable[Accident]) -> tuple[str, ...]:
    """Promises that were broken; tracebacks, by their first line and what came last, but not those that an accident
    of that time explains."""
    happened = list(accidents)
    found = []
    for event in _EVENT.split(log):
        lines = event.strip().splitlines()
        if any(words in event for words in BROKEN):
            found.append(lines[0][:200])
        elif "Traceback" in event and not any(_explains(accident, event) for accident in happened):
            found.append(f"{lines[0][:200]} ... {lines[-1].strip()[:200]}")
    return tuple(found)


def met(log: str, kind: str) -> int:
    """Lines about an accident of this kind: somebody was refused for it."""
    return sum(any(words in line for words in _MET[kind]) for line in log.lower().splitlines())


def _explains(accident: Accident, event: str) -> bool:
    if not any(words in event for words in EXPECTED.get(accident.kind, ())):
        return False
    at = _time(event)
    return accident.begun - _ROUNDED < at <= accident.over + AFTERMATH


def _time(event: str) -> float:
    """Nowhere near any accident if it tells no time."""
    try:
        return datetime.fromisoformat(event.split(maxsplit=1)[0]).timestamp()
    except ValueError:
        return 0.0
