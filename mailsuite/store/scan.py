"""What lies in the ``new`` and ``cur`` of a folder, and how that differs from what the index says.

Two listings and no look at any file beyond its kind: only regular files are messages, and a link or a pipe that
somebody put there is never opened.  ``new`` is listed first, so a message that another program moves meanwhile is seen
twice rather than not at all; what seems to be missing is looked for once more, since a listing may miss a file that is
being renamed.
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
    ``new``, name in ``cur``) of what has one base in both; ``strange``: paths of what is no regular file."""

    gone: list[int]
    moved: list[tuple[int, str, str]]
    fresh: list[str]
    twice: list[tuple[str, str]]
    strange: list[str]


def canonical_name(base: str, letters: str, recent: bool) -> str:
    """How a message's file is called: in ``new`` without flags, in ``cur`` with them."""
    return base if recent else in_cur(base, letters)


def listing(folder: str, recent: bool, strange: list[str]) -> Listing:
    """One folder; hidden files are no messages, nor is what goes into ``strange``."""
    found: Listing = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_file(follow_symlinks=False):
                found[split(entry.name)[0]] = (recent, entry.name)
            else:
                strange.append(entry.path)
    return found


def compare(
    known: Iterable[tuple[int, str, int, str]], in_new: Listing, in_cur: Listing, strange: list[str]
) -> Difference:
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
    return Difference(gone, moved, list(left), twice, strange)


def look(new: str, cur: str, known: Callable[[], Iterable[tuple[int, str, int, str]]]) -> tuple[Listing, Difference]:
    """List, compare, and look again for what seems to be gone."""
    strange: list[str] = []
    in_new, in_cur = listing(new, True, strange), listing(cur, False, strange)
    difference = compare(known(), in_new, in_cur, strange)
    if difference.gone:
        strange = []
        in_new |= listing(new, True, strange)
        in_cur |= listing(cur, False, strange)
        difference = compare(known(), in_new, in_cur, strange)
    return in_new | in_cur, difference
