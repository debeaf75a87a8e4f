"""Names for messages: in the log, in Received, as the queue's file names."""

from __future__ import annotations

import random
from collections.abc import Callable

#: No vowels, so no words; lower case, so file systems without case keep them apart.
_DIGITS = "0123456789bcdfghjklmnpqrstvwxyz"
_TIME_PLACES, _CHANCE_PLACES = 9, 7
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)


def message_ids(seconds: Callable[[], float], rng: random.Random) -> Callable[[], str]:
    """Each call gives a new id: milliseconds since the epoch, then chance, so ids sort by time and two processes
    do not meet.  Letters and digits only."""

    def fresh() -> str:
        return _spelled(int(seconds() * 1000), _TIME_PLACES) + _spelled(rng.getrandbits(34), _CHANCE_PLACES)

    return fresh


def _spelled(number: int, places: int) -> str:
    """The last ``places`` digits; two at a time, since every message has a name."""
    text = ""
    for _ in range((places + 1) // 2):
        number, pair = divmod(number, len(_PAIRS))
        text = _PAIRS[pair] + text
    return text[-places:]
