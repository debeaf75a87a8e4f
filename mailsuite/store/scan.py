"""What lies in the ``new`` and ``cur`` of a folder, and how that differs from what the index says.

Two listings and no look at any file.  ``new`` is listed first, so a message that another program moves meanwhile is
seen twice rather than not at all; what seems to be missing is looked for once more, since a listing may miss a file
that is being renamed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec

from mailsuite.store.filename import in_cur, split

#: Base -> (whether it lies in ``new``, its file's name).
Listing: TypeAlias = dict[str, tuple[bool, str]]


class Difference(msgspec.Struct, frozen=True):
    """``gone``: UIDs; ``moved``: (UID, base, letters as indexed); ``fresh``: bases nobody knew."""

    gone: list[int]
    moved: list[tuple[int, str, str]]
    fresh: list[str]


def canonical_name(base: str, letters: str, recent: bool) -> str:
    """How a message's file is called: in ``new`` without flags, in ``cur`` with them."""
    return base if recent else in_cur(base, letters)


def listing(new: str, cur: str) -> Listing:
    """Both folders; hidden files are no messages."""
    found: Listing = {}
    for folder, recent in ((new, True), (cur, False)):
        for filename in os.listdir(folder):
            if not filename.startswith("."):
                found[split(filename)[0]] = (recent, filename)
    return found


def compare(known: Iterable[tuple[int, str, int, str]], found: Listing) -> Difference:
    """``known`` rows are (UID, base, recent, letters)."""
    gone, moved = [], []
    left = dict(found)
    for uid, base, recent, letters in known:
        there = left.pop(base, None)
        if there is None:
            gone.append(uid)
        elif there[0] != bool(recent) or there[1] != canonical_name(base, letters, there[0]):
            moved.append((uid, base, letters))
    return Difference(gone, moved, list(left))


def look(new: str, cur: str, known: Callable[[], Iterable[tuple[int, str, int, str]]]) -> tuple[Listing, Difference]:
    """List, compare, and look again for what seems to be gone."""
    found = listing(new, cur)
    difference = compare(known(), found)
    if difference.gone:
        found |= listing(new, cur)
        difference = compare(known(), found)
    return found, difference
