"""The index of one account: what the file names say, in SQLite, with what clients ask for already rendered.

A cache.  It can be deleted while the server is down: everything is found again in file names and the small files beside
them.  An index that SQLite cannot read, or that has not our tables, is set aside as ``index.sqlite.corrupt-<time>`` and
begun anew.  Rows are keyed by mailbox and UID in one number, so a mailbox is a range.  Not thread-safe: the account's
lock guards it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import cast

import msgspec
from twisted.logger import Logger

from mailsuite.disk.summary import Rendered
from mailsuite.store import columns, header_sets, places
from mailsuite.store.among import among
from mailsuite.store.columns import Columns, Kind
from mailsuite.store.header_sets import HeaderSets, Names
from mailsuite.store.places import Files, Places, Row, Rows

_VERSION = 4
_SCHEMA = f"""
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY, folder TEXT NOT NULL UNIQUE, uidvalidity INTEGER NOT NULL,
    new_mtime INTEGER NOT NULL DEFAULT 0, cur_mtime INTEGER NOT NULL DEFAULT 0);
CREATE TABLE message (
    key INTEGER PRIMARY KEY, base TEXT NOT NULL, recent INTEGER NOT NULL, letters TEXT NOT NULL,
    stored INTEGER NOT NULL, wire INTEGER NOT NULL, date REAL NOT NULL, modseq INTEGER NOT NULL);
CREATE TABLE summary (
    key INTEGER PRIMARY KEY, envelope BLOB NOT NULL, structure BLOB NOT NULL, body BLOB NOT NULL,
    digest BLOB NOT NULL, thread BLOB NOT NULL);
CREATE TABLE ascii (key INTEGER PRIMARY KEY, size INTEGER NOT NULL);
CREATE TABLE preview (key INTEGER PRIMARY KEY, text TEXT NOT NULL);
{header_sets.SCHEMA.strip()}
"""
#: Pages of the write-ahead log after which SQLite brings it home, for which it waits for the disk twice: more than a
#: command changes of most mailboxes.  Octets that the log keeps then.
WAL_PAGES, WAL_KEPT = 4000, 4 << 20
#: Octets that SQLite takes for all accounts together before each uses its own pages again.
HEAP = 12 << 20
#: Files that were set aside and are kept, the newest.
MAX_SET_ASIDE = 3
_COLUMNS = "key, base, recent, letters, stored, wire, date, modseq"
_PARTS = "envelope, structure, body, digest, thread"
_KINDS = {
    "wire": Kind.INTEGER,
    "modseq": Kind.INTEGER,
    "date": Kind.REAL,
    "cast(date AS INTEGER)": Kind.INTEGER,
    "envelope": Kind.OCTETS,
    "structure": Kind.OCTETS,
    "body": Kind.OCTETS,
    "digest": Kind.OCTETS,
    "thread": Kind.OCTETS,
}
#: What is kept besides ``message``.
_TABLES = ("summary", "ascii", "preview")
_UID = 0xFFFFFFFF
_NUMBERS = msgspec.json.Decoder(tuple[int, ...])
#: A folder's time until the first look at it is over.
_UNKNOWN = -1

_log = Logger()


class Index:
    """An open index.  ``sqlite3.DatabaseError`` escapes from every method; the account sets it aside then."""

    def __init__(self, path: str, now: Callable[[], float]) -> None:
        """``now``: epoch seconds, for the name of what is set aside."""
        self._path = path
        self._now = now
        self._db = self._open()
        self.header_sets = HeaderSets(self._db)

    def _open(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            set_aside(self._path, str(error), self._now())
            return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=64)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")  # no fsync a transaction, no corruption by a power cut either
            db.execute("PRAGMA cache_size=-4096")
            db.execute(f"PRAGMA soft_heap_limit={HEAP}")  # of the process
            db.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
            db.execute(f"PRAGMA journal_size_limit={WAL_KEPT}")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"it has version {version}, this program writes {_VERSION}")
            if version == 0:
                db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={_VERSION}; COMMIT;")
            check_tables(db)
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        self._db.close()

    def checkpoint(self) -> None:
        """Everything so far is durable."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # -- mailboxes -----------------------------------------------------------------------------------------------

    def mailbox(self, folder: str, uidvalidity: int) -> tuple[int, tuple[int, int], bool]:
        """(id, folder times at the last look, whether all of it is known); what has another UIDVALIDITY is dropped."""
        found = self._db.execute(
            "SELECT id, uidvalidity, new_mtime, cur_mtime FROM mailbox WHERE folder = ?", (folder,)
        ).fetchone()
        if found and found[1] == uidvalidity:
            return found[0], (found[2], found[3]), found[2] != _UNKNOWN
        if found:
            self.drop_mailbox(found[0])
        cursor = self._db.execute(
            "INSERT INTO mailbox (folder, uidvalidity, new_mtime) VALUES (?, ?, ?)", (folder, uidvalidity, _UNKNOWN)
        )
        return cursor.lastrowid or 0, (0, 0), False

    def all_known(self, id: int) -> None:
        """Its first look came to its end."""
        self._db.execute("UPDATE mailbox SET new_mtime = 0 WHERE id = ? AND new_mtime = ?", (id, _UNKNOWN))

    def keep_only(self, folders: set[str]) -> None:
        """Drop the mailboxes whose folder is not among these."""
        for id, folder in self._db.execute("SELECT id, folder FROM mailbox").fetchall():
            if folder not in folders:
                self.drop_mailbox(id)

    def highest_modseq(self, folder: str) -> int:
        """Of the messages in the mailbox of that folder; 0 without any."""
        found = self._db.execute("SELECT id FROM mailbox WHERE folder = ?", (folder,)).fetchone()
        select = "SELECT coalesce(max(modseq), 0) FROM message WHERE key BETWEEN ? AND ?"
        return int(self._db.execute(select, _range(found[0])).fetchone()[0]) if found else 0

    def forget_folder(self, folder: str) -> None:
        """Drop the mailbox of that folder."""
        found = self._db.execute("SELECT id FROM mailbox WHERE folder = ?", (folder,)).fetchone()
        if found:
            self.drop_mailbox(found[0])

    def rename_mailbox(self, id: int, folder: str) -> None:
        """What was known of a folder of that name is dropped."""
        stale = self._db.execute("SELECT id FROM mailbox WHERE folder = ?", (folder,)).fetchone()
        if stale:
            self.drop_mailbox(stale[0])
        self._db.execute("UPDATE mailbox SET folder = ? WHERE id = ?", (folder, id))

    def drop_mailbox(self, id: int) -> None:
        with self.transaction():
            for table in ("message", *_TABLES):
                self._db.execute(f"DELETE FROM {table} WHERE key BETWEEN ? AND ?", _range(id))  # noqa: S608
            self.header_sets.drop(*_range(id))
            self._db.execute("DELETE FROM mailbox WHERE id = ?", (id,))

    def saw(self, id: int, times: tuple[int, int]) -> None:
        """The index agrees with folders of these modification times."""
        self._db.execute("UPDATE mailbox SET new_mtime = ?, cur_mtime = ? WHERE id = ?", (*times, id))

    # -- messages ------------------------------------------------------------------------------------------------

    def names(self, id: int) -> Iterator[tuple[int, str, int, str]]:
        """(UID, base, recent, letters) of every message."""
        return self._db.execute(
            "SELECT key & 4294967295, base, recent, letters FROM message WHERE key BETWEEN ? AND ?", _range(id)
        )

    def contents(self, id: int) -> tuple[list[int], list[str], set[int], int]:
        """(UIDs ascending, letters in step, UIDs of those in ``new`` that no session has claimed, octets as sent); one
        step of SQLite, see ``columns``."""
        uids, letters, recent, size = self._db.execute(
            "SELECT json_group_array(key & 4294967295), cast(group_concat(letters, char(0)) AS BLOB),"
            " json_group_array(key & 4294967295) FILTER (WHERE recent = 1), coalesce(sum(wire), 0)"
            " FROM (SELECT key, letters, recent, wire FROM message WHERE key BETWEEN ? AND ? ORDER BY key)",
            _range(id),
        ).fetchone()
        there = list(_NUMBERS.decode(uids))
        return there, letters.decode().split("\0") if there else [], set(_NUMBERS.decode(recent)), size

    def claim(self, id: int) -> None:
        """A session takes what is recent; the files lie in ``new`` until somebody moves them."""
        self._db.execute("UPDATE message SET recent = 2 WHERE key BETWEEN ? AND ? AND recent = 1", _range(id))

    def claim_these(self, id: int, uids: Iterable[int]) -> None:
        """The same for some of them."""
        condition, values = among(id, list(uids))
        self._db.execute(f"UPDATE message SET recent = 2 WHERE recent = 1 AND {condition}", values)  # noqa: S608

    def claimed(self, id: int, limit: int) -> list[tuple[int, str]]:
        """(UID, base) of some that are claimed and still in ``new``."""
        return self._db.execute(
            "SELECT key & 4294967295, base FROM message WHERE key BETWEEN ? AND ? AND recent = 2 LIMIT ?",
            (*_range(id), limit),
        ).fetchall()

    def size(self, id: int) -> tuple[int, int]:
        """(messages, octets as sent)."""
        select = "SELECT count(*), coalesce(sum(wire), 0) FROM message WHERE key BETWEEN ? AND ?"
        return self._db.execute(select, _range(id)).fetchone()

    def usage(self) -> tuple[int, int]:
        """(octets as sent, messages) of all mailboxes."""
        return self._db.execute("SELECT coalesce(sum(wire), 0), count(*) FROM message").fetchone()

    def rows(self, id: int, uids: Collection[int]) -> list[Row]:
        """Those of ``uids`` that are there, ascending."""
        return [_row(found) for found in self._among(f"SELECT {_COLUMNS} FROM message WHERE", id, uids)]  # noqa: S608

    def places(self, id: int, uids: Collection[int]) -> Places:
        """The same for those whose files are to be renamed or removed."""
        return places.read(self._db, id, uids, Places)

    def files(self, id: int, uids: Collection[int]) -> Rows:
        """The same for those that are to be copied."""
        return places.read(self._db, id, uids, Rows)

    def to_read(self, id: int, uids: Collection[int]) -> Files:
        """The same for those whose octets are to be read."""
        return places.read(self._db, id, uids, Files)

    def dates(self, id: int, uids: Collection[int]) -> Sequence[tuple[int, float, int]]:
        """(UID, internal date, octets as sent) of those that are there, ascending."""
        found = self._among("SELECT key & 4294967295, date, wire FROM message WHERE", id, uids)
        return cast(Sequence[tuple[int, float, int]], found)

    def letters(self, id: int, uids: Collection[int]) -> Sequence[tuple[int, str, int]]:
        """(UID, letters, MODSEQ) of those that are there, ascending."""
        found = self._among("SELECT key & 4294967295, letters, modseq FROM message WHERE", id, uids)
        return cast(Sequence[tuple[int, str, int]], found)

    def known(self, id: int) -> Iterator[tuple[int, str, int]]:
        """The same of all messages."""
        select = "SELECT key & 4294967295, letters, modseq FROM message WHERE key BETWEEN ? AND ? ORDER BY key"
        return self._db.execute(select, _range(id))

    def changed_since(self, id: int, modseq: int) -> list[int]:
        """UIDs, ascending, of messages with a MODSEQ above that."""
        select = "SELECT key & 4294967295 FROM message WHERE key BETWEEN ? AND ? AND modseq > ? ORDER BY key"
        return [uid for (uid,) in self._db.execute(select, (*_range(id), modseq))]

    def columns(self, id: int, uids: Collection[int], table: str, names: Sequence[str]) -> Columns:
        """Of those of ``uids``, ascending, that are in the table, these columns."""
        return columns.read(self._db, f"{table} WHERE", [(name, _KINDS[name]) for name in names], id, uids)

    def size_of(self, id: int, uids: Collection[int]) -> tuple[int, int]:
        """(Messages, octets as sent) of those that are there."""
        condition, values = among(id, uids)
        select = f"SELECT count(*), coalesce(sum(wire), 0) FROM message WHERE {condition}"  # noqa: S608
        return self._db.execute(select, values).fetchone()

    def _among(self, select: str, id: int, uids: Collection[int]) -> Sequence[tuple[object, ...]]:
        condition, values = among(id, uids)
        return self._db.execute(f"{select} {condition} ORDER BY key", values).fetchall()

    def insert(self, id: int, rows: Rows) -> None:
        keys = (id << 32 | uid for uid in rows.uids)
        columns = (keys, rows.bases, rows.recent, rows.letters, rows.stored, rows.sizes, rows.dates, rows.modseqs)
        self._db.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)", zip(*columns, strict=True))

    def delete(self, id: int, uids: Collection[int]) -> None:
        """``delete_rendered`` is to follow."""
        condition, values = among(id, uids)
        self._db.execute(f"DELETE FROM message WHERE {condition}", values)  # noqa: S608

    def delete_rendered(self, id: int, uids: Collection[int]) -> None:
        """Messages that were deleted, and whose UIDs nobody gets again."""
        condition, values = among(id, uids)
        with self.transaction():
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table} WHERE {condition}", values)  # noqa: S608
            self.header_sets.delete(condition, values)

    def delete_strays(self, id: int) -> None:
        """The same for what a server that was killed left."""
        strays = "key BETWEEN ? AND ? AND key NOT IN (SELECT key FROM message)"
        with self.transaction():
            for table in _TABLES:
                condition = f"{strays} AND key & {_UID} > 0"  # under 0 stands something else (``ascii_sizes``)
                self._db.execute(f"DELETE FROM {table} WHERE {condition}", _range(id))  # noqa: S608
            self.header_sets.delete(strays, _range(id))

    def set_letters(self, id: int, letters: Mapping[tuple[str, bool], Sequence[int]], modseq: int) -> None:
        """(Letters, whether in ``new``) -> UIDs of those of which that is so now."""
        for (new, recent), uids in letters.items():
            condition, values = among(id, uids)
            update = f"UPDATE message SET letters = ?, modseq = ?, recent = ? WHERE {condition}"  # noqa: S608
            self._db.execute(update, (new, modseq, recent, *values))

    def set_modseqs(self, id: int, modseqs: Mapping[int, int]) -> None:
        """By UID."""
        values = [(modseq, id << 32 | uid) for uid, modseq in modseqs.items()]
        if values:
            with self.transaction():
                self._db.executemany("UPDATE message SET modseq = ? WHERE key = ?", values)

    def set_recent(self, id: int, places: Iterable[tuple[int, bool]]) -> None:
        """(UID, whether in ``new``)."""
        values = [(recent, id << 32 | uid) for uid, recent in places]
        if values:
            with self.transaction():
                self._db.executemany("UPDATE message SET recent = ? WHERE key = ?", values)

    # -- what is sent --------------------------------------------------------------------------------------------

    def rendered(self, id: int, uids: Collection[int]) -> set[int]:
        """Those of these of which it was made already."""
        found = self._among("SELECT key & 4294967295 FROM summary WHERE", id, uids)
        return {cast(int, uid) for (uid,) in found}

    def identities(self, id: int, uids: Collection[int]) -> dict[int, tuple[bytes, bytes]]:
        """By UID, the digests of content and thread, where they were made already."""
        found = self._among("SELECT key, digest, thread FROM summary WHERE", id, uids)
        return {key & _UID: digests for key, *digests in found}  # type: ignore[misc,operator]

    def keep_rendered(self, id: int, rendered: Sequence[tuple[int, Rendered]], sets: Sequence[Names]) -> None:
        """By UID; ``sets`` are those that their header fields were looked through for."""
        values = ((id << 32 | uid, *parts[:5]) for uid, parts in rendered)
        self._db.executemany("INSERT OR REPLACE INTO summary VALUES (?, ?, ?, ?, ?, ?)", values)
        with_fields = [(uid, parts[5]) for uid, parts in rendered if parts[5]]
        for place, names in enumerate(sets):
            self.header_sets.keep(names, id, [(uid, blocks[place]) for uid, blocks in with_fields])

    def previews(self, id: int, uids: Collection[int]) -> dict[int, str]:
        """By UID, where it was made already."""
        found = self._among("SELECT key, text FROM preview WHERE", id, uids)
        return {cast(int, key) & _UID: cast(str, text) for key, text in found}

    def keep_previews(self, id: int, previews: Mapping[int, str]) -> None:
        values = ((id << 32 | uid, text) for uid, text in previews.items())
        self._db.executemany("INSERT OR REPLACE INTO preview VALUES (?, ?)", values)

    def copy_rendered(self, source: int, sources: Sequence[int], target: int, targets: Sequence[int]) -> int:
        """UIDs in ``source``, and in step UIDs in ``target``, of messages that were copied, both ascending; of how many
        it was made already."""
        copied = 0
        with self.transaction():
            for start, end in _runs(sources, targets):
                low, high = source << 32 | sources[start], source << 32 | sources[end - 1]
                onward = (target << 32 | targets[start]) - low
                copied += self._db.execute(
                    f"INSERT OR REPLACE INTO summary SELECT key + ?, {_PARTS} FROM summary"  # noqa: S608
                    " WHERE key BETWEEN ? AND ?",
                    (onward, low, high),
                ).rowcount
                self.header_sets.copy(low, high, onward)
        return copied

    # -- what POP3 lists -----------------------------------------------------------------------------------------

    def sizes(self, id: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """UIDs of every message, ascending, and octets as sent in step.  JSON, because a row an object takes thrice
        the time of all the rest."""
        uids, sizes = self._db.execute(
            "SELECT json_group_array(key & 4294967295), json_group_array(wire) FROM"
            " (SELECT key, wire FROM message WHERE key BETWEEN ? AND ? ORDER BY key)",
            _range(id),
        ).fetchone()
        return _NUMBERS.decode(uids), _NUMBERS.decode(sizes)

    def ascii_sizes(self, id: int) -> dict[int, int]:
        """By UID, the size of the downgraded form of those that have one; under 0 the UID up to which that is known."""
        return dict(
            self._db.execute(
                "SELECT key & 4294967295, size FROM ascii WHERE key BETWEEN ? AND ?", _range(id)
            ).fetchall()
        )

    def next_rows(self, id: int, after: int, limit: int) -> list[Row]:
        """The first ``limit`` messages behind the UID ``after``."""
        select = f"SELECT {_COLUMNS} FROM message WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"  # noqa: S608
        first, last = _range(id)
        return [_row(found) for found in self._db.execute(select, (first + after + 1, last, limit))]

    def keep_ascii_sizes(self, id: int, sizes: dict[int, int]) -> None:
        """See ``ascii_sizes``."""
        values = ((id << 32 | uid, size) for uid, size in sizes.items())
        self._db.executemany("INSERT OR REPLACE INTO ascii VALUES (?, ?)", values)


def _runs(sources: Sequence[int], targets: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Parts, from one place to another, in which both go on by one."""
    start = 0
    for end in range(1, len(sources) + 1):
        if end == len(sources) or sources[end] - sources[end - 1] != 1 or targets[end] - targets[end - 1] != 1:
            yield start, end
            start = end


def _range(id: int) -> tuple[int, int]:
    return id << 32, id << 32 | _UID


def _row(found: Sequence[object]) -> Row:
    key, base, recent, letters, stored, wire, date, modseq = found
    return Row(key & _UID, base, bool(recent), letters, stored, wire, date, modseq)  # type: ignore[operator,arg-type]


def rows_of(db: sqlite3.Connection, id: int) -> list[Row]:
    """All of a mailbox, ascending, from an index that somebody else may be writing to."""
    select = f"SELECT {_COLUMNS} FROM message WHERE key BETWEEN ? AND ? ORDER BY key"  # noqa: S608
    return [_row(found) for found in db.execute(select, _range(id))]


def check_tables(db: sqlite3.Connection) -> None:
    """``sqlite3.DatabaseError`` if these are not the tables that this program makes."""
    made = {" ".join(statement.split()) for statement in _SCHEMA.split(";") if statement.strip()}
    found = {" ".join(sql.split()) for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    if found != made:
        raise sqlite3.DatabaseError("it has other tables than this program makes")


def set_aside(path: str, reason: str, now: float) -> None:
    """Move an unreadable index out of the way, for whoever wants to look at it; older ones are removed."""
    _log.error("index {path} is set aside and begun anew: {reason}", path=path, reason=reason)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, f"{path}.corrupt-{int(now)}")
    folder, name = os.path.split(path)
    aside = sorted(each for each in os.listdir(folder) if each.startswith(f"{name}.corrupt-"))
    for old in aside[:-MAX_SET_ASIDE]:
        os.unlink(os.path.join(folder, old))
