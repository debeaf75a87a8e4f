"""What a client that comes back may know, against what is there now: RFC 7162 §3.2.5 and §3.2.6.

``present`` are the UIDs of all messages that the session was told of, ascending; message 1 is the first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mailsuite.imap.sets import MAX_NUMBER
from mailsuite.query import STAR, Ranges


def absent(present: Sequence[int], ranges: Ranges) -> Ranges:
    """UIDs among these, which ascend, of no such message: what VANISHED (EARLIER) may name."""
    found: list[tuple[int, int]] = []
    for low, high in ranges:
        inside = present[bisect_left(present, low) : bisect_right(present, high)]
        edges = (low - 1, *inside, high + 1)
        found += [(before + 1, after - 1) for before, after in pairwise(edges) if before + 1 < after]
    return tuple(found)


def matched(present: Sequence[int], numbers: Ranges, uids: Ranges) -> int:
    """§3.2.5.2: the last of ``uids`` up to which they are in step with their sequence ``numbers``, 0 for none: the
    client knows what is gone up to there."""
    last = 0
    for number, uid in zip(_each(numbers), _each(uids), strict=True):
        if number > len(present) or present[number - 1] != uid:
            break
        last = uid
    return last


def past(ranges: Ranges) -> Ranges:
    """The same without ``*``, which here is no message that is there, but the last that ever was."""
    return tuple((low, MAX_NUMBER if high == STAR else high) for low, high in ranges if low != STAR)


def _each(ranges: Ranges) -> Iterator[int]:
    return (number for low, high in ranges for number in range(low, high + 1))
