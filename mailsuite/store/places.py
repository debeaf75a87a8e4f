"""Where the files of messages lie and what they are called, for what is done to a whole mailbox at once.

In columns, since a row that becomes Python objects costs more than SQLite needs to find it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import compress
from typing import Any

import msgspec

from mailsuite.store import columns
from mailsuite.store.columns import Kind
from mailsuite.store.filename import in_cur

_COLUMNS = [
    ("base", Kind.NAME),
    ("recent", Kind.INTEGER),
    ("letters", Kind.NAME),
    ("wire", Kind.INTEGER),
    ("modseq", Kind.INTEGER),
]


class Places(msgspec.Struct, frozen=True):
    """Of messages, in step: first those in ``new``, where ``recent`` is not 0, and then by UID.  ``sizes``: octets as
    sent."""

    uids: Sequence[int]
    bases: Sequence[str]
    recent: Sequence[int]
    letters: Sequence[str]
    sizes: Sequence[int]
    modseqs: Sequence[int]

    def __len__(self) -> int:
        return len(self.uids)

    def only(self, chosen: Collection[object]) -> Places:
        """Those for which this is true, in step."""
        return self if all(chosen) else Places(*(list(compress(column, chosen)) for column in self._columns()))

    @property
    def in_new(self) -> int:
        """How many lie there."""
        return sum(map(bool, self.recent))

    def names(self) -> list[str]:
        """What the files are called, in the folder where they lie."""
        first = self.in_new
        return [*self.bases[:first], *map(in_cur, self.bases[first:], self.letters[first:])]

    def _columns(self) -> Iterator[Sequence[Any]]:
        return (getattr(self, name) for name in self.__struct_fields__)


def read(db: sqlite3.Connection, id: int, uids: Collection[int]) -> Places:
    """Those of ``uids`` that are there."""
    there, found = columns.read(db, "message WHERE", _COLUMNS, id, sorted(set(uids)))
    rows: list[Sequence[Any]] = [there, *found]
    recent = rows[2]
    if any(recent):
        order = sorted(range(len(there)), key=lambda place: not recent[place])
        rows = [[column[place] for place in order] for column in rows]
    return Places(*rows)
