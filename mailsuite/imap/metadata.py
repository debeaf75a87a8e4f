"""Which annotations GETMETADATA tells, RFC 5464 section 4.2."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mailsuite.imap.items import Depth


class Chosen(msgspec.Struct, frozen=True):
    """Entries to be told, None for NIL; ``longest``: octets of the largest value that was too large, or 0."""

    entries: dict[str, bytes | None]
    longest: int


def chosen(wanted: tuple[str, ...], depth: Depth, largest: int, held: Mapping[str, bytes]) -> Chosen:
    """Of the annotations ``held``; what was asked for by name and is not there is NIL, but not where entries below it
    are told instead (the example of §4.2.2)."""
    entries: dict[str, bytes | None] = {}
    longest = 0
    for name in wanted:
        below = sorted(each for each in held if _is_below(name, depth, each))
        for entry in below if below and name not in held else [name, *below]:
            value = held.get(entry)
            if value is not None and len(value) > largest:
                longest = max(longest, len(value))
            else:
                entries[entry] = value
    return Chosen(entries, longest)


def _is_below(name: str, depth: Depth, other: str) -> bool:
    """§4.2.2."""
    if depth is Depth.ZERO or not other.startswith(name + "/"):
        return False
    return depth is Depth.INFINITY or "/" not in other[len(name) + 1 :]
