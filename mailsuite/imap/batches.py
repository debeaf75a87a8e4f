"""Batches of messages as ranges of UIDs, the newest first: RFC 10022."""

from __future__ import annotations

from collections.abc import Sequence


def batches(uids: Sequence[int], size: int, first: int, last: int) -> list[tuple[int, int]]:
    """(Highest, lowest) of the batches ``first`` to ``last``, counted from 1, of ``size`` messages; ``uids`` ascend.
    The ranges leave no gap, and the one with the oldest messages, which may be fewer, goes down to 1."""
    found: list[tuple[int, int]] = []
    for number in range(first, min(last, -(-len(uids) // size)) + 1):
        end = len(uids) - (number - 1) * size
        start = max(end - size, 0)
        high = uids[-1] if number == 1 else uids[end] - 1
        found.append((high, uids[start] if start else 1))
    return found


def response(tag: bytes, ranges: Sequence[tuple[int, int]]) -> bytes:
    """``* UIDBATCHES (TAG "A143") 215295:99696,99695:20351``; no range where there is no such batch."""
    text = ",".join(f"{high}:{low}" for high, low in ranges)
    return b'* UIDBATCHES (TAG "%b")%b\r\n' % (tag, b" " + text.encode() if text else b"")
