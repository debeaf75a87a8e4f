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
    """``gone``: UIDs; ``moved``: (UID, base, letters as indexed); ``fresh``: bases nobody knew; ``twice``: (name in
    ``new``, name in ``cur``) of what has one base in both."""

    gone: list[int]
    moved: list[tuple[int, str, str]]
    fresh: list[str]
    twice: list[tuple[str, str]]


def canonical_name(base: str, letters: str, recent: bool) -> str:
    """How a message's file is called: in ``new`` without flags, in ``cur`` with them."""
    return base if recent else in_cur(base, letters)


def listing(folder: str, recent: bool) -> Listing:
    """One folder; hidden files are no messages."""
    names = (filename for filename in os.listdir(folder) if not filename.startswith("."))
    return {split(filename)[0]: (recent, filename) for filename in names}


def compare(known: Iterable[tuple[int, str, int, str]], in_new: Listing, in_cur: Listing) -> Difference:
    """``known`` rows are (UID, base, recent, letters)."""
    gone, moved = [], []
    left = in_new | in_cur
    for uid, base, recent, letters in known:
        there = left.pop(base, None)
        if there is None:
            gone.append(uid)
        elif there[0] != bool(recent) or there[1] != canonical_name(base, letters, there[0]):
            moved.append((uid, base, letters))
    twice = [(in_new[base][1], in_cur[base][1]) for base in in_new.keys() & in_cur.keys()]
    return Difference(gone, moved, list(left), twice)


def look(new: str, cur: str, known: Callable[[], Iterable[tuple[int, str, int, str]]]) -> tuple[Listing, Difference]:
    """List, compare, and look again for what seems to be gone."""
    in_new, in_cur = listing(new, True), listing(cur, False)
    difference = compare(known(), in_new, in_cur)
    if difference.gone:
        in_new |= listing(new, True)
        in_cur |= listing(cur, False)
        difference = compare(known(), in_new, in_cur)
    return in_new | in_cur, difference
