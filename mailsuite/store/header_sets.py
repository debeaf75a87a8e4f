"""Header fields that clients ask of whole mailboxes, ready to be sent: a part of the index.

A client asks for the same fields of every message, whenever it lists a mailbox.  The sets that were asked of many
messages at a time are remembered for the account, ``MAX_SETS`` of them; past that one that was not asked for longest
goes.  What of each message is in a set is kept, and made with ENVELOPE for new mail (``reading``).  ``COMMON`` is there
from the beginning.  A message's octets never change, so nothing here grows stale; it goes with its message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias, cast

from mailsuite.store import columns
from mailsuite.store.columns import Kind

SCHEMA = """
CREATE TABLE header_set (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE, asked INTEGER NOT NULL);
CREATE TABLE header_fields (
    header_set INTEGER NOT NULL, key INTEGER NOT NULL, block BLOB NOT NULL,
    PRIMARY KEY (header_set, key)) WITHOUT ROWID;
"""
#: Sets that are kept for an account.
MAX_SETS = 6

#: Names of fields in lower case and alphabetical order, with a space between them.
Names: TypeAlias = str

#: What Thunderbird asks for.
COMMON: Names = (
    "bcc cc content-type date from in-reply-to message-id newsgroups priority references reply-to subject to x-priority"
)


class HeaderSets:
    """In the index ``db``.  Not thread-safe, as the index."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._ids: dict[Names, int] = dict(db.execute("SELECT names, id FROM header_set ORDER BY asked"))
        if not self._ids:
            self.learn(COMMON)

    @property
    def known(self) -> Sequence[Names]:
        """What new mail is to be looked through for."""
        return tuple(self._ids)

    def learn(self, names: Names) -> None:
        """It was asked of many messages."""
        if names in self._ids and names == next(reversed(self._ids)):
            return
        id = self._ids.pop(names, 0)
        if not id and len(self._ids) >= MAX_SETS:
            self._forget(next(iter(self._ids)))
        id = id or max(self._ids.values(), default=0) + 1
        self._ids[names] = id
        self._db.execute(
            "INSERT OR REPLACE INTO header_set SELECT ?, ?, coalesce(max(asked), 0) + 1 FROM header_set", (id, names)
        )

    def _forget(self, names: Names) -> None:
        id = self._ids.pop(names)
        self._db.execute("DELETE FROM header_fields WHERE header_set = ?", (id,))
        self._db.execute("DELETE FROM header_set WHERE id = ?", (id,))

    def read(self, names: Names, mailbox: int, uids: Collection[int]) -> tuple[list[int], Sequence[bytes]]:
        """(UIDs, blocks in step) of those of ``uids``, ascending, of which it is known."""
        if names not in self._ids:
            return [], ()
        table = f"header_fields WHERE header_set = {self._ids[names]} AND"
        there, [blocks] = columns.read(self._db, table, [("block", Kind.OCTETS)], mailbox, uids)
        return there, cast(Sequence[bytes], blocks)

    def keep(self, names: Names, mailbox: int, blocks: Iterable[tuple[int, bytes]]) -> None:
        """(UID, block); nothing for a set that is not known any more."""
        if id := self._ids.get(names):
            values = ((id, mailbox << 32 | uid, block) for uid, block in blocks)
            self._db.executemany("INSERT OR REPLACE INTO header_fields VALUES (?, ?, ?)", values)

    def delete(self, condition: str, values: Sequence[object]) -> None:
        """The messages of which this is so are gone (``among``)."""
        for id in self._ids.values():
            self._db.execute(f"DELETE FROM header_fields WHERE header_set = ? AND {condition}", (id, *values))  # noqa: S608

    def drop(self, first: int, last: int) -> None:
        """All between two keys are gone."""
        for id in self._ids.values():
            self._db.execute(
                "DELETE FROM header_fields WHERE header_set = ? AND key BETWEEN ? AND ?", (id, first, last)
            )

    def copy(self, first: int, last: int, onward: int) -> None:
        """What is known of the messages between two keys is so of those with keys greater by that much."""
        for id in self._ids.values():
            self._db.execute(
                "INSERT OR REPLACE INTO header_fields SELECT header_set, key + ?, block FROM header_fields"
                " WHERE header_set = ? AND key BETWEEN ? AND ?",
                (onward, id, first, last),
            )
