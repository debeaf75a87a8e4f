"""Looks at one account on disk and says in plain words where its mailboxes and their index disagree.

Reads only, and may do so beside a running server: what is found at a first look and not at a second was on its way.
Sizes are compared with the file's; ``deep`` reads every message and counts its octets as sent too.  Blocking.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import quote

import msgspec

from mailsuite.disk.body import measure
from mailsuite.errors import Corrupt, InvalidName, Temporary
from mailsuite.interfaces import IDisk
from mailsuite.store import keywords, scan
from mailsuite.store.counters import FILE as COUNTERS_FILE
from mailsuite.store.counters import Counters
from mailsuite.store.filename import Sizes, read_base
from mailsuite.store.index import check_tables, rows_of
from mailsuite.store.leftovers import STALE
from mailsuite.store.names import from_folder
from mailsuite.store.places import Row

#: Names in one finding.
EXAMPLES = 3


class Finding(msgspec.Struct, frozen=True):
    """``kind`` is a word for programs; ``mailbox`` is empty for what concerns the whole account."""

    account: str
    mailbox: str
    kind: str
    text: str
    repaired: bool = False


class Survey(msgspec.Struct):
    """What was looked at, and what was found."""

    mailboxes: int = 0
    messages: int = 0
    findings: list[Finding] = []


class Surveyor:
    """For the account ``name`` in the folder ``home``; ``passed`` hears of each mailbox and its count of messages."""

    def __init__(
        self, disk: IDisk, name: str, home: str, now: float, deep: bool, passed: Callable[[str, int], object]
    ) -> None:
        self._disk = disk
        self._name = name
        self._home = home
        self._maildir = os.path.join(home, "Maildir")
        self._now = now
        self._deep = deep
        self._passed = passed

    def survey(self) -> Survey:
        """``Temporary`` for what cannot be read."""
        found = Survey()
        try:
            with self._index(found) as db:
                self._survey(found, db)
        except OSError as error:
            raise Temporary(f"{error.filename or self._home}: {error.strerror}") from error
        return found

    def _survey(self, found: Survey, db: sqlite3.Connection | None) -> None:
        octets = 0
        folders = {}
        for folder in ("", *sorted(os.listdir(self._maildir))):
            if not os.path.isdir(os.path.join(self._maildir, folder, "cur")) or (folder and folder[0] != "."):
                continue
            try:
                folders[folder] = from_folder(folder)
            except InvalidName:
                self._say(
                    found, "", "name", f"the folder {folder!r} is not shown: no mailbox name leads to it; rename it"
                )
        for folder, mailbox in folders.items():
            messages, size = self._mailbox(found, db, folder, mailbox)
            found.mailboxes += 1
            found.messages += messages
            octets += size
            self._passed(mailbox, messages)
        if db is not None:
            self._usage(found, db, set(folders), octets)

    def _say(self, found: Survey, mailbox: str, kind: str, text: str) -> None:
        found.findings.append(Finding(self._name, mailbox, kind, text))

    # -- the account -----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _index(self, found: Survey) -> Iterator[sqlite3.Connection | None]:
        """The index for reading; None if there is none, or none that can be read."""
        path = os.path.join(self._home, "index.sqlite")
        if not os.path.exists(path):  # that is no fault
            yield None
            return
        db = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
        with contextlib.closing(db):
            yield db if self._is_whole(found, db) else None

    def _is_whole(self, found: Survey, db: sqlite3.Connection) -> bool:
        try:
            check_tables(db)
            [(answer,), *_] = db.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.DatabaseError as error:
            answer = str(error)
        if answer != "ok":
            self._say(found, "", "index", f"the index cannot be read: {answer}")
        return bool(answer == "ok")

    def _usage(self, found: Survey, db: sqlite3.Connection, folders: set[str], octets: int) -> None:
        known = {folder for (folder,) in db.execute("SELECT folder FROM mailbox")}
        for folder in sorted(known - folders):
            self._say(found, "", "index", f"the index knows the folder {folder!r}, which is not there")
        counted = db.execute("SELECT coalesce(sum(wire), 0), count(*) FROM message").fetchone()
        if known == folders and counted != (octets, found.messages):
            text = f"quota counts {counted[1]} messages of {counted[0]} octets, there are {found.messages} of {octets}"
            self._say(found, "", "quota", text)

    # -- a mailbox -------------------------------------------------------------------------------------------------

    def _mailbox(self, found: Survey, db: sqlite3.Connection | None, folder: str, mailbox: str) -> tuple[int, int]:
        """(Messages, their octets as the names say)."""

        def say(kind: str, text: str) -> None:
            self._say(found, mailbox, kind, text)

        path = os.path.join(self._maildir, folder)
        new, cur = os.path.join(path, "new"), os.path.join(path, "cur")
        counters = self._counters(path, say)
        indexed = _indexed(db, folder)
        rows: Sequence[Row] = ()
        files, difference = scan.look(new, cur, lambda: _names(indexed.rows()) if indexed else ())
        _tell(say, "twice", "file(s) both in new and in cur", [in_new for in_new, _ in difference.twice])
        _tell(say, "strange", "thing(s) that are no regular file", map(os.path.basename, difference.strange))
        if indexed:
            rows = indexed.rows()
            _tell(say, "file", "file(s) that the index does not know", difference.fresh)
            _tell(say, "row", "message(s) in the index without a file", [f"UID {uid}" for uid in difference.gone])
            _tell(
                say,
                "flags",
                "file(s) elsewhere or flagged otherwise than the index says",
                [b for _, b, _ in difference.moved],
            )
            wrong = [row.base for row in rows if read_base(row.base) != Sizes(row.stored, row.wire, row.uid)]
            _tell(say, "numbers", "message(s) in the index with other numbers than the file's name", wrong)
        self._names(say, new, cur, files)
        self._counts(say, counters, files, rows, indexed.uidvalidity if indexed else 0)
        self._tmp(say, os.path.join(path, "tmp"))
        return len(files), sum(read_base(base).wire for base in files)

    def _counters(self, path: str, say: Callable[[str, str], None]) -> Counters | None:
        try:
            keywords.Keywords.parse(self._read(path, keywords.FILE), os.path.join(path, keywords.FILE))
            keywords.More.parse(self._read(path, keywords.MORE_FILE), os.path.join(path, keywords.MORE_FILE))
            return Counters.load(self._disk, os.path.join(path, COUNTERS_FILE))
        except Corrupt as error:
            say("corrupt", str(error))
            return None

    def _read(self, path: str, name: str) -> bytes:
        try:
            return self._disk.read(os.path.join(path, name))
        except FileNotFoundError:
            return b""

    def _names(self, say: Callable[[str, str], None], new: str, cur: str, files: scan.Listing) -> None:
        """What the names say, against each other and against the files."""
        uses = Counter(read_base(base).uid for base in files)
        _tell(say, "uid", "UID(s) that more than one file has", [f"UID {uid}" for uid in uses if uid and uses[uid] > 1])
        wrong = [
            base for base, (recent, name) in files.items() if not self._sizes_agree(new if recent else cur, base, name)
        ]
        _tell(say, "size", "file(s) of another size than the name says", wrong)

    def _sizes_agree(self, folder: str, base: str, filename: str) -> bool:
        sizes = read_base(base)
        path = os.path.join(folder, filename)
        try:
            if sizes.stored and os.stat(path).st_size != sizes.stored:
                return False
            return not (self._deep and sizes.wire) or measure(path) == (sizes.stored, sizes.wire)
        except FileNotFoundError:  # gone meanwhile
            return True

    def _counts(
        self,
        say: Callable[[str, str], None],
        counters: Counters | None,
        files: scan.Listing,
        rows: Sequence[Row],
        uidvalidity: int,
    ) -> None:
        if counters is None:
            return
        last = max((read_base(base).uid for base in files), default=0)
        if rows and counters.uidnext <= max(last, rows[-1].uid):
            say("counters", f"the next UID would be {counters.uidnext}, {max(last, rows[-1].uid)} is used already")
        modseq = max((row.modseq for row in rows), default=0)
        if counters.modseq < modseq:
            say("counters", f"the highest MODSEQ is given as {counters.modseq}, {modseq} is used already")
        if uidvalidity not in (0, counters.uidvalidity):
            say("uidvalidity", f"UIDVALIDITY is {counters.uidvalidity}, and {uidvalidity} in the index")

    def _tmp(self, say: Callable[[str, str], None], tmp: str) -> None:
        stale = []
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(tmp):
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat().st_mtime < self._now - STALE:
                        stale.append(entry.name)
        _tell(say, "tmp", "file(s) left in tmp by deliveries that died", stale)


class _Indexed:
    """A mailbox in the index."""

    def __init__(self, db: sqlite3.Connection, id: int, uidvalidity: int) -> None:
        self._db = db
        self._id = id
        self.uidvalidity = uidvalidity

    def rows(self) -> Sequence[Row]:
        """As they are now, ascending."""
        return rows_of(self._db, self._id)


def _indexed(db: sqlite3.Connection | None, folder: str) -> _Indexed | None:
    """None if nobody looked at it yet."""
    found = db and db.execute("SELECT id, uidvalidity FROM mailbox WHERE folder = ?", (folder,)).fetchone()
    return _Indexed(db, *found) if db and found else None


def _names(rows: Sequence[Row]) -> list[tuple[int, str, int, str]]:
    return [(row.uid, row.base, row.recent, row.letters) for row in rows]


def _tell(say: Callable[[str, str], None], kind: str, what: str, names: Iterable[str]) -> None:
    """One finding for all of them."""
    ordered = sorted(names)
    if ordered:
        shown = ", ".join(ordered[:EXAMPLES]) + (", ..." if len(ordered) > EXAMPLES else "")
        say(kind, f"{len(ordered)} {what}: {shown}")
