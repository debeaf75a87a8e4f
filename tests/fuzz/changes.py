"""Octets with a few of them changed, which come further than octets made up."""

from __future__ import annotations

from collections.abc import Sequence


def changed(data: bytes, start: int, changes: Sequence[tuple[int, int]]) -> bytes:
    """Each (place, octet) put in, at that place or, past the end, as often around as it takes; never before
    ``start``."""
    octets = bytearray(data)
    for at, octet in changes:
        place = start + at % max(len(octets) - start, 1)
        octets[place : place + 1] = bytes((octet,))
    return bytes(octets)
