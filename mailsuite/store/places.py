"""Where the files of messages lie and what they are called, for what is done to a whole mailbox at once.

In columns, since a row that becomes Python objects costs more than SQLite needs to find it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import compress
from typing import Any, Self, TypeVar

import msgspec

from mailsuite.store import columns
from mailsuite.store.columns import Kind
from mailsuite.store.filename import all_in_cur

#: By field.
_COLUMNS = {
    "bases": ("base", Kind.NAME),
    "recent": ("recent", Kind.INTEGER),
    "letters": ("letters", Kind.NAME),
    "modseqs": ("modseq", Kind.INTEGER),
    "stored": ("stored", Kind.INTEGER),
    "sizes": ("wire", Kind.INTEGER),
    "dates": ("date", Kind.REAL),
}


class Row(msgspec.Struct, frozen=True):
    """One message.  ``recent`` means its file is in ``new`` (in the column: 1 unclaimed, 2 claimed by a session);
    ``date`` is the internal date in epoch seconds."""

    uid: int
    base: str
    recent: bool
    letters: str
    stored: int
    wire: int
    date: float
    modseq: int


class Places(msgspec.Struct, frozen=True):
    """Of messages, in step; ``recent`` is not 0 where the file lies in ``new``."""

    uids: Sequence[int]
    bases: Sequence[str]
    recent: Sequence[int]
    letters: Sequence[str]
    modseqs: Sequence[int]

    def __len__(self) -> int:
        return len(self.uids)

    def only(self, chosen: Collection[object]) -> Self:
        """Those for which this is true, in step."""
        return self if all(chosen) else type(self)(*(list(compress(column, chosen)) for column in self._columns()))

    def new_first(self) -> Self:
        """First those in ``new``."""
        if not any(self.recent):
            return self
        order = sorted(range(len(self)), key=lambda place: not self.recent[place])
        return type(self)(*([column[place] for place in order] for column in self._columns()))

    @property
    def in_new(self) -> int:
        """How many lie there."""
        return sum(map(bool, self.recent))

    def names(self) -> list[str]:
        """What the files are called, in the folder where they lie; of messages that come ``new_first``."""
        first = self.in_new
        return [*self.bases[:first], *all_in_cur(self.bases[first:], self.letters[first:])]

    def _columns(self) -> Iterator[Sequence[Any]]:
        return (getattr(self, name) for name in self.__struct_fields__)


class Rows(Places, frozen=True):
    """All that the index says of messages themselves; see ``Row``."""

    stored: Sequence[int]
    sizes: Sequence[int]
    dates: Sequence[float]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        found = [(r.uid, r.base, r.recent, r.letters, r.modseq, r.stored, r.wire, r.date) for r in rows]
        return cls(*zip(*found, strict=True)) if found else cls((), (), (), (), (), (), (), ())


class Files(Places, frozen=True):
    """Those whose octets are to be read; sizes as stored and as sent."""

    stored: Sequence[int]
    sizes: Sequence[int]


_Kind = TypeVar("_Kind", bound=Places)


def read(db: sqlite3.Connection, id: int, uids: Collection[int], kind: type[_Kind]) -> _Kind:
    """Those of ``uids`` that are there, ascending."""
    wanted = [_COLUMNS[field] for field in kind.__struct_fields__[1:]]
    there, found = columns.read(db, "message WHERE", wanted, id, sorted(set(uids)))
    rows: list[Any] = [there, *found]
    return kind(*rows)
