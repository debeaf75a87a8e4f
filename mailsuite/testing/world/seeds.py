"""Which seeds a run tries: ``make simulate SEEDS=n FIRST=m`` (docs/simulation.md).  What is no number is an error, for
a run that tries nothing would look like one that found nothing."""

from __future__ import annotations

from collections.abc import Mapping

#: In the environment: how many, and the first of them.
SEEDS, FIRST = "MAILSUITE_WORLD_SEEDS", "MAILSUITE_WORLD_FIRST"
#: How many where nobody says it, and at most.
NORMAL, MOST = 200, 1_000_000
#: The highest there is; a time in seconds since the epoch may be one.
HIGHEST = 10**12


def seed(text: str) -> int:
    """Raises ValueError, whose words are for people."""
    return _number(text, "a seed", 0, HIGHEST)


def asked_for(environment: Mapping[str, str]) -> range:
    """Those to try.  Raises ValueError, whose words are for people."""
    count = _number(environment.get(SEEDS, str(NORMAL)), "SEEDS", 1, MOST)
    first = _number(environment.get(FIRST, "0"), "FIRST", 0, HIGHEST)
    return range(first, first + count)


def _number(text: str, name: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and lowest <= int(text) <= highest):
        raise ValueError(f"{name} is a whole number from {lowest} to {highest}, not {text!r}")
    return int(text)
