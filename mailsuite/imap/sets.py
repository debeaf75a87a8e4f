"""Sequence sets, RFC 3501 section 9 ``sequence-set``: text to ranges, numbers to the shortest text."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from mailsuite.query import SAVED, STAR, Ranges

#: The largest UID or sequence number, RFC 3501 section 9: nz-number is an unsigned 32-bit integer.
MAX_NUMBER = 0xFFFFFFFF

# seq-number = nz-number / "*"
# seq-range = seq-number ":" seq-number
# sequence-set = (seq-number / seq-range) *("," sequence-set) / "$" ; RFC 5182 §3
SEQUENCE_SET = re.compile(
    rb"\$|(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?"
    rb"(?:,(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?)*"
)


def parse(text: bytes) -> Ranges:
    """``b"4:2,7,9:*"`` -> ``((2, 4), (7, 7), (9, STAR))``.  Only for what ``SEQUENCE_SET`` matched whole; ValueError
    for a number above 32 bits.  ``STAR`` is always the second of a pair but in ``(STAR, STAR)``."""
    if text == b"$":
        return SAVED
    ranges = []
    for piece in text.split(b","):
        low, _, high = piece.partition(b":")
        first = _number(low)
        last = _number(high) if high else first
        if first == STAR or (last != STAR and last < first):
            first, last = last, first
        ranges.append((first, last))
    return tuple(ranges)


def _number(text: bytes) -> int:
    if text == b"*":
        return STAR
    number = int(text)
    if number > MAX_NUMBER:
        raise ValueError("a number in the set is above 4294967295")
    return number


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """``[1, 2, 3, 7]`` -> ``((1, 3), (7, 7))``, in the order given."""
    ranges: list[tuple[int, int]] = []
    first = last = -1
    for number in numbers:
        if number != last + 1 or first < 0:
            if first >= 0:
                ranges.append((first, last))
            first = number
        last = number
    if first >= 0:
        ranges.append((first, last))
    return tuple(ranges)


def compress(numbers: Iterable[int]) -> bytes:
    """``[1, 2, 3, 7]`` -> ``b"1:3,7"``, in the order given; RFC 4315 section 3 wants sets, never ``*``."""
    return text(ranges_of(numbers))


def text(ranges: Ranges) -> bytes:
    """``((1, 3), (7, 7))`` -> ``b"1:3,7"``; without ``STAR``."""
    return ",".join(f"{low}:{high}" if high > low else str(low) for low, high in ranges).encode()


def common(one: Ranges, other: Ranges) -> Ranges:
    """What is in both, ascending; without ``STAR``.  ``other`` ascends and does not overlap."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(one):
        if found:
            low = max(low, found[-1][1] + 1)  # noqa: PLW2901
        if low > high:
            continue
        first = bisect_left(other, low, key=lambda each: each[1])
        last = bisect_right(other, high, key=lambda each: each[0])
        found += [(max(low, start), min(high, end)) for start, end in other[first:last]]
    return tuple(found)
