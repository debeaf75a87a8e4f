"""What there is to find in an account's messages, in SQLite beside its index: texts, trigrams of most of them, and what
SORT and THREAD compare.

A cache of a cache: it can be deleted while the server is down, is made piece by piece when it is needed or nothing else
is to be done, and may lack any message.  A file that SQLite cannot read is removed and begun anew.  Messages are keyed
by the UIDVALIDITY and the UID in one number, which never mean another message, so that nothing needs to be told of
mailboxes that are renamed, or of an index that is begun anew.  Thread-safe; ``sqlite3.Error`` escapes from every
method.  While SQLite searches, Python's interpreter lock is free.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from twisted.logger import Logger

from mailsuite.disk.findable import Findable
from mailsuite.mime.header_text import field_start
from mailsuite.query import SortBy, SortKey

_VERSION = 5
#: Fields in which people look: only these are indexed by their runs of three characters.  The others, ids and
#: signatures, are made of a great many, which took four fifths of the time that the index took; a look through
#: all of their text takes 2 microseconds a message.
_PEOPLE = ("from", "to", "cc", "bcc", "reply-to", "sender", "subject")
#: FTS5 finds rows by the runs of three characters that they hold; detail=none keeps which rows, not where in them, and
#: without content the texts are not kept twice.
_GRAMS = "fts5(text, content='', columnsize=0, detail=none, tokenize='trigram case_sensitive 1')"
_SCHEMA = f"""
CREATE TABLE known (key INTEGER PRIMARY KEY, level INTEGER NOT NULL);
CREATE TABLE ordering (
    key INTEGER PRIMARY KEY, sent REAL NOT NULL, day INTEGER, arrived REAL NOT NULL, size INTEGER NOT NULL,
    subject TEXT NOT NULL, sender TEXT NOT NULL, "to" TEXT NOT NULL, cc TEXT NOT NULL, shown_sender TEXT NOT NULL,
    shown_to TEXT NOT NULL);
CREATE TABLE threading (
    key INTEGER PRIMARY KEY, sent REAL NOT NULL, subject TEXT NOT NULL, reply INTEGER NOT NULL, id TEXT NOT NULL,
    refs TEXT NOT NULL);
CREATE TABLE fields (key INTEGER PRIMARY KEY, text TEXT NOT NULL, whole INTEGER NOT NULL);
CREATE TABLE body (key INTEGER PRIMARY KEY, text TEXT NOT NULL, whole INTEGER NOT NULL);
CREATE INDEX fields_cut ON fields (key) WHERE NOT whole;
CREATE INDEX body_cut ON body (key) WHERE NOT whole;
CREATE VIRTUAL TABLE people_grams USING {_GRAMS};
CREATE VIRTUAL TABLE body_grams USING {_GRAMS};
"""
#: What is known of a message: its header, its body too.
HEADER, BODY = 1, 2
#: Runs of three characters of one text that are looked for.
MAX_GRAMS = 64
#: Messages that are looked for one by one, more in all of the mailbox.
FEW = 1000
#: The table of relevancies, of which the greater come first.
_SCORED = (
    "WITH scored (key, relevancy) AS MATERIALIZED"
    " (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
)
_COLUMNS = {
    SortKey.ARRIVAL: "arrived",
    SortKey.CC: "cc",
    SortKey.DATE: "sent",
    SortKey.DISPLAYFROM: "shown_sender",
    SortKey.DISPLAYTO: "shown_to",
    SortKey.FROM: "sender",
    SortKey.RELEVANCY: "relevancy",
    SortKey.SIZE: "size",
    SortKey.SUBJECT: "subject",
    SortKey.TO: '"to"',
}
_PEOPLE_STARTS = frozenset(map(field_start, _PEOPLE))
_PEOPLE_LINES = re.compile("(?:" + "|".join(map(re.escape, _PEOPLE_STARTS)) + r")[^\n]*")
_numbers = msgspec.json.Decoder(list[int]).decode

_log = Logger()


class Known(msgspec.Struct, frozen=True):
    """What is to be kept of a message: ``date`` is the internal date, ``size`` octets as sent."""

    uid: int
    date: float
    size: int
    findable: Findable


class Hits(msgspec.Struct, frozen=True):
    """UIDs of messages whose text holds what was looked for, and of those of which only the beginning is known."""

    found: list[int]
    uncertain: list[int]


class FindIndex:
    """In the file ``path``, opened when it is first used."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None
        self._ended = False
        #: Whether anybody asked it anything since the account was opened.
        self.in_use = False

    @property
    def open(self) -> bool:
        return self._opened is not None

    # -- the file --------------------------------------------------------------------------------------------------

    @property
    def _db(self) -> sqlite3.Connection:
        if self._ended:
            raise sqlite3.OperationalError("the store is closed")
        self.in_use = True
        if self._opened is None:
            try:
                self._opened = self._prepared()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                self._begin_anew(error)
                self._opened = self._prepared()
        return self._opened

    def _prepared(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA page_size=16384")
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA cache_size=-8192")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"it has version {version}, this program writes {_VERSION}")
            if version == 0:
                db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={_VERSION}; COMMIT;")
        except BaseException:
            db.close()
            raise
        return db

    def _begin_anew(self, error: Exception) -> None:
        _log.warn("{path} is removed and made anew: {error}", path=self._path, error=error)
        self.close()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path + suffix)

    def mend(self, error: sqlite3.DatabaseError) -> bool:
        """After an error: begin anew, if the file is damaged; whether it was."""
        if isinstance(error, sqlite3.OperationalError | sqlite3.ProgrammingError):
            return False
        with self._lock:
            self._begin_anew(error)
        return True

    def close(self) -> None:
        """The next use opens it."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def end(self) -> None:
        """Close it for good."""
        with self._lock:
            self.close()
            self._ended = True

    # -- what is known -----------------------------------------------------------------------------------------------

    def known(self, uidvalidity: int, level: int) -> list[int]:
        """UIDs, ascending, of which that much is known."""
        select = "SELECT json_group_array(key & 4294967295) FROM (SELECT key FROM known WHERE key BETWEEN ? AND ?"
        with self._lock:
            found = self._db.execute(f"{select} AND level >= ? ORDER BY key)", (*_range(uidvalidity), level))
            return _numbers(found.fetchone()[0])

    def add(self, uidvalidity: int, found: Iterable[Known], level: int) -> None:
        """Of those that are known already what is new."""
        base = _range(uidvalidity)[0]
        with self._lock:
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                for each in found:
                    _add(db, base | each.uid, each, level)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def forget(self, uidvalidity: int, uids: Iterable[int]) -> None:
        """These are gone."""
        base = _range(uidvalidity)[0]
        with self._lock:
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                for uid in uids:
                    _remove(db, base | uid)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def mailboxes(self) -> list[int]:
        """The UIDVALIDITY of each mailbox of which something is known."""
        found: list[int] = []
        after = -(1 << 63)
        with self._lock:
            while row := self._db.execute("SELECT min(key) FROM known WHERE key >= ?", (after,)).fetchone():
                if row[0] is None:
                    break
                found.append((row[0] >> 32) + (1 << 31))
                after = _range(found[-1])[1] + 1
        return found

    # -- what is found -----------------------------------------------------------------------------------------------

    def holding(self, uidvalidity: int, table: str, text: str) -> Hits:
        """Messages whose ``fields`` or ``body`` (``table``) hold the text, as ``collation.wanted`` makes it."""
        span = _range(uidvalidity)
        like, among = _candidates("body_grams", text, span) if table == "body" else ("", ())
        select = f"SELECT key FROM {table} WHERE key BETWEEN ? AND ?{like} AND instr(text, ?)"  # noqa: S608
        cut = f"SELECT json_group_array(key & 4294967295) FROM {table} WHERE NOT whole AND key BETWEEN ? AND ?"  # noqa: S608
        with self._lock:
            found = self._db.execute(
                f"SELECT json_group_array(key & 4294967295) FROM ({select})",  # noqa: S608
                (*span, *among, text),
            ).fetchone()[0]
            uncertain = self._db.execute(cut, span).fetchone()[0]
        return Hits(_numbers(found), _numbers(uncertain))

    def holding_lines(self, uidvalidity: int, text: str, start: str, holds: Callable[[str], bool]) -> list[int]:
        """UIDs of messages whose ``fields`` hold this text, and somewhere this start of a line, and of which ``holds``
        says so as well."""
        span = _range(uidvalidity)
        like, among = _candidates("people_grams", text, span) if start in _PEOPLE_STARTS else ("", ())
        select = f"SELECT key & 4294967295, text FROM fields WHERE key BETWEEN ? AND ?{like}"  # noqa: S608
        with self._lock:
            found = self._db.execute(f"{select} AND instr(text, ?) AND instr(text, ?)", (*span, *among, text, start))
            return [uid for uid, fields in found if holds(fields)]

    def scores(
        self, uidvalidity: int, table: str, pieces: Sequence[str], score: Callable[[str], int]
    ) -> list[tuple[int, int]]:
        """(UID, score) of messages whose ``fields`` or ``body`` hold one of these, and of which ``score`` is not 0."""
        either = " OR ".join("instr(text, ?)" for _ in pieces)
        select = f"SELECT key & 4294967295, text FROM {table} WHERE key BETWEEN ? AND ? AND ({either})"  # noqa: S608
        with self._lock:
            found = self._db.execute(select, (*_range(uidvalidity), *pieces))
            return [(uid, points) for uid, text in found if (points := score(text))]

    def cut(self, uidvalidity: int, table: str) -> list[int]:
        """UIDs of messages of whose text only the beginning is known."""
        select = f"SELECT key & 4294967295 FROM {table} WHERE NOT whole AND key BETWEEN ? AND ?"  # noqa: S608
        with self._lock:
            return [uid for (uid,) in self._db.execute(select, _range(uidvalidity))]

    def days(self, uidvalidity: int) -> list[tuple[int, int]]:
        """(UID, day of the Date field) of every message that has one."""
        select = "SELECT key & 4294967295, day FROM ordering WHERE day IS NOT NULL AND key BETWEEN ? AND ?"
        with self._lock:
            return self._db.execute(select, _range(uidvalidity)).fetchall()

    def in_order(
        self, uidvalidity: int, uids: Sequence[int], criteria: Sequence[SortBy], relevance: Mapping[int, int]
    ) -> list[int]:
        """Those of these that are known, in that order; ``relevance``: what RELEVANCY compares, by UID."""
        told = [each for each in criteria if relevance or each.key is not SortKey.RELEVANCY]
        by = "".join(f"{_COLUMNS[each.key]}{' DESC' if each.reverse else ''}, " for each in told)
        among, values = self._among(uidvalidity, uids)
        select = f"SELECT ordering.key FROM ordering WHERE {among} ORDER BY {by}ordering.key"  # noqa: S608
        if relevance:
            first = _range(uidvalidity)[0]
            values = (json.dumps([[first | uid, -score] for uid, score in relevance.items()]), *values)
            select = f"{_SCORED} {select.replace('FROM ordering', 'FROM ordering JOIN scored USING (key)')}"
        with self._lock:
            found = self._db.execute(f"SELECT json_group_array(key & 4294967295) FROM ({select})", values)  # noqa: S608
            ordered = _numbers(found.fetchone()[0])
        return _only(ordered, uids)

    def threadable(self, uidvalidity: int, uids: Sequence[int]) -> list[tuple[int, float, str, int, str, str]]:
        """The fields of ``threads.Threadable`` of those of these that are known, ascending."""
        among, values = self._among(uidvalidity, uids)
        select = "SELECT key & 4294967295, sent, subject, reply, id, refs FROM threading"
        with self._lock:
            found = self._db.execute(f"{select} WHERE {among} ORDER BY key", values).fetchall()
        wanted = set(uids)
        return found if len(found) == len(wanted) else [row for row in found if row[0] in wanted]

    @staticmethod
    def _among(uidvalidity: int, uids: Sequence[int]) -> tuple[str, tuple[object, ...]]:
        """A condition that holds for these messages, and where they are many for others too."""
        first, last = _range(uidvalidity)
        if len(uids) <= FEW:
            return "key IN (SELECT ? + value FROM json_each(?))", (first, json.dumps(list(uids)))
        return "key BETWEEN ? AND ?", (first, last)


def _only(found: list[int], uids: Sequence[int]) -> list[int]:
    if len(found) == len(uids):
        return found
    wanted = set(uids)
    return [uid for uid in found if uid in wanted]


def _range(uidvalidity: int) -> tuple[int, int]:
    """The first and the last key of a mailbox: SQLite's numbers have a sign, which spares the highest bit."""
    first = (uidvalidity - (1 << 31)) << 32
    return first, first | 0xFFFFFFFF


def _add(db: sqlite3.Connection, key: int, known: Known, level: int) -> None:
    row = db.execute("SELECT level FROM known WHERE key = ?", (key,)).fetchone()
    before = row[0] if row else 0
    found = known.findable
    if before < HEADER:
        _add_header(db, key, known)
        db.execute("INSERT INTO fields VALUES (?, ?, ?)", (key, found.fields, found.fields_whole))
        db.execute("INSERT INTO people_grams (rowid, text) VALUES (?, ?)", (key, _people(found.fields)))
    if before < BODY <= level:
        db.execute("INSERT INTO body VALUES (?, ?, ?)", (key, found.body, found.body_whole))
        db.execute("INSERT INTO body_grams (rowid, text) VALUES (?, ?)", (key, found.body))
    if before < level:
        db.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (key, level))


def _add_header(db: sqlite3.Connection, key: int, known: Known) -> None:
    it = known.findable.ordering
    sent = known.date if it.sent is None else it.sent  # RFC 5256 §2.2
    db.execute(
        "INSERT INTO ordering VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(key, sent, it.day, known.date, known.size),
            *(it.subject, it.sender, it.to, it.cc, it.shown_sender, it.shown_to),
        ),
    )
    db.execute(
        "INSERT INTO threading VALUES (?, ?, ?, ?, ?, ?)",
        (key, sent, it.subject, it.reply, it.id, "\n".join(it.references)),
    )


def _remove(db: sqlite3.Connection, key: int) -> None:
    for table, grams, indexed in (("fields", "people_grams", _people), ("body", "body_grams", str)):
        for (text,) in db.execute(f"SELECT text FROM {table} WHERE key = ?", (key,)).fetchall():  # noqa: S608
            db.execute(  # a row without content is removed by naming what it was
                f"INSERT INTO {grams} ({grams}, rowid, text) VALUES ('delete', ?, ?)",  # noqa: S608
                (key, indexed(text)),
            )
    for table in ("known", "ordering", "threading", "fields", "body"):
        db.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608


def _people(fields: str) -> str:
    """The lines of the fields in which people look."""
    return "".join(_PEOPLE_LINES.findall(fields))


def _candidates(grams_table: str, text: str, span: tuple[int, int]) -> tuple[str, tuple[object, ...]]:
    """A condition that leaves out what cannot hold the text, and its values; none for a text that is too short."""
    grams = list(dict.fromkeys(text[at : at + 3] for at in range(len(text) - 2)))
    if not grams:
        return "", ()
    step = -(-len(grams) // MAX_GRAMS)
    words = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in grams[::step])
    select = f"SELECT rowid FROM {grams_table} WHERE {grams_table} MATCH ? AND rowid BETWEEN ? AND ?"  # noqa: S608
    return f" AND key IN ({select})", (words, *span)
