"""One mailbox on disk: its files, its rows in the index, its counters, keywords and change feed.

Every method blocks and needs the account's lock.  Files are changed first and made durable, then the index follows; if
that goes wrong in between, the folder's times no longer agree with what was seen last and the next look puts it right.
The same look finds what other programs did.  Times are coarse, so a look that came within ``TICK`` seconds of a
change is repeated once things are quiet.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from mailsuite.errors import NotFound
from mailsuite.model import (
    Arrived,
    Change,
    FlagOp,
    Flags,
    FlagsChanged,
    Gone,
    MailboxStatus,
    Overflow,
    Snapshot,
    Vanished,
)
from mailsuite.steps import Rename, Unlink
from mailsuite.store import flags as flag_sets
from mailsuite.store import foreign, scan, takeover
from mailsuite.store import keywords as keyword_files
from mailsuite.store.counters import FILE as COUNTERS_FILE
from mailsuite.store.counters import Counters
from mailsuite.store.feed import Feed
from mailsuite.store.filename import in_cur
from mailsuite.store.foreign import Trust
from mailsuite.store.index import Row
from mailsuite.store.keywords import FORWARDED, Keywords, More

if TYPE_CHECKING:
    from mailsuite.store.account import AccountMail

#: Seconds within which two changes of a folder may get the same time.
TICK = 2.0
#: Messages that one job moves from ``new`` to ``cur``.
MOVE_SLICE = 500
#: Seconds after which a file in ``tmp`` belongs to a delivery that died.
STALE = 36 * 3600.0

_log = Logger()


def _changed(entry: os.DirEntry[str]) -> float:
    return entry.stat(follow_symlinks=False).st_mtime


class Folder:
    """A mailbox of ``account`` called ``name``, in ``folder`` (``""`` is INBOX) of its Maildir."""

    def __init__(self, account: AccountMail, name: str, folder: str) -> None:
        self.account = account
        self.feed = Feed()
        self.gone = False
        self._call(name, folder)
        disk = account.resources.disk
        for inside in (self.new, self.cur, self.tmp):
            disk.make_folder(inside)
        file = os.path.join(self.path, COUNTERS_FILE)
        counters, trust = Counters.load(disk, file), Trust.ISSUED
        if counters is None:  # a new folder, or one that came from elsewhere
            counters, trust = takeover.first_counters(account, self.path, file)
        self.counters = counters
        self.keywords = Keywords.parse(self._read(keyword_files.FILE), self.path)
        self._more = More.parse(self._read(keyword_files.MORE_FILE), self.path)
        self._unannounced: list[tuple[int, Flags]] = []
        self._strange: frozenset[str] = frozenset()
        self._remove_stale()
        self.attach(trust)

    def move_to(self, name: str, folder: str) -> None:
        """It is called like this from now on."""
        self._call(name, folder)
        self.counters.path = os.path.join(self.path, COUNTERS_FILE)

    def _call(self, name: str, folder: str) -> None:
        self.name = name
        self.folder = folder
        self.path = os.path.join(self.account.maildir, folder) if folder else self.account.maildir
        self.new = os.path.join(self.path, "new")
        self.cur = os.path.join(self.path, "cur")
        self.tmp = os.path.join(self.path, "tmp")

    def _read(self, file: str) -> bytes:
        try:
            return self.account.resources.disk.read(os.path.join(self.path, file))
        except FileNotFoundError:
            return b""

    def _remove_stale(self) -> None:
        before = self.account.resources.now() - STALE
        with os.scandir(self.tmp) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if not entry.is_dir(follow_symlinks=False) and _changed(entry) < before:
                        self.account.resources.disk.unlink(entry.path)

    def attach(self, trust: Trust) -> None:
        """Connect with the index, which may know nothing, and bring both in step.  ``trust``: what UIDs in names are
        worth if it does not know all."""
        uidvalidity = self.counters.uidvalidity
        self.id, self._seen, known = self.account.index.mailbox(self.folder, uidvalidity)
        self._doubtful = False
        self._rebuilding = not known
        self._trust = Trust.NONE if known and self.counters.exact else trust
        self.look()
        self.account.index.all_known(self.id)
        self._rebuilding, self._trust = False, Trust.NONE

    # -- looking -------------------------------------------------------------------------------------------------

    def must_be_there(self) -> None:
        if self.gone:
            raise NotFound(f"no mailbox {self.name}")

    def _times(self) -> tuple[int, int]:
        try:
            return os.stat(self.new).st_mtime_ns, os.stat(self.cur).st_mtime_ns
        except FileNotFoundError:
            raise NotFound(f"no mailbox {self.name}") from None

    def look(self, force: bool = False) -> None:
        """See what other programs did; cheap when the folders' times are known."""
        self.must_be_there()
        if claims := self.feed.take_claims():
            self.account.index.claim_these(self.id, claims)
        times = self._times()
        age = self.account.resources.now() - max(times) / 1e9
        if times != self._seen or force or (self._doubtful and age > TICK):
            found, difference = scan.look(self.new, self.cur, lambda: self.account.index.names(self.id))
            self._seen = times
            self._warn_of(difference.strange)
            with self.own_change():
                self._resume_moves(difference.twice)
                foreign.follow(self, found, difference, self._trust, self._rebuilding)
            self._doubtful = age <= TICK
            if not self._doubtful:
                self.account.index.saw(self.id, self._seen)
        self.announce()

    def _warn_of(self, strange: Sequence[str]) -> None:
        for path in set(strange).difference(self._strange):
            _log.warn("{path} is no regular file and is left alone", path=path)
        self._strange = frozenset(strange)

    def _resume_moves(self, twice: Sequence[tuple[str, str]]) -> None:
        """Of two names of one file, which another program left when it was broken off, one is to go."""
        both = [(os.path.join(self.new, in_new), os.path.join(self.cur, inside)) for in_new, inside in twice]
        if again := [Unlink(old) for old, moved in both if _same(old, moved)]:
            self.account.resources.disk.commit(again)

    @contextlib.contextmanager
    def own_change(self) -> Iterator[None]:
        """What changes inside is known; if nobody else changed anything since the last look, none is needed."""
        before = self._times()
        try:
            yield
        except BaseException:
            self.doubt()
            raise
        if before == self._seen:
            self._seen = self._times()
            self._doubtful = self._doubtful or self._seen != before

    def doubt(self) -> None:
        """The index may not agree with the disk: the next look is a thorough one."""
        self._seen = (0, 0)

    # -- rows and the feed ---------------------------------------------------------------------------------------

    def add(self, rows: Sequence[Row]) -> None:
        """Messages whose files are there; announced with the next ``announce``."""
        index = self.account.index
        with index.transaction():
            index.insert(self.id, rows)
        self.account.count(sum(row.wire for row in rows), len(rows))
        if not self._rebuilding:
            self.account.render_soon(self, [row.uid for row in rows])
            self._unannounced += [(row.uid, self.flags_of(row.uid, row.letters)) for row in rows]

    def announce(self) -> None:
        """Let the feed have what arrived, in the order of the UIDs."""
        if self._unannounced:
            arrived, self._unannounced = sorted(self._unannounced), []
            self._tell(Arrived(tuple(uid for uid, _ in arrived), tuple(flags for _, flags in arrived)))

    def _tell(self, change: Change) -> None:
        self.feed.publish(change)
        self.account.stirred.append(self.feed)

    def forget(self, uids: Sequence[int]) -> None:
        """These are gone from the disk."""
        self.announce()
        index = self.account.index
        rows = index.rows(self.id, uids)
        with index.transaction():
            index.delete(self.id, uids)
        self.account.count(-sum(row.wire for row in rows), -len(rows))
        self._put_more((uid, frozenset()) for uid in uids)
        self._tell(Vanished(tuple(sorted(uids)), self.counters.next_modseq()))

    def note_letters(self, letters: Sequence[tuple[int, str, bool]]) -> None:
        """(UID, letters, whether in ``new``) of files that changed."""
        self.announce()
        modseq = self.counters.next_modseq()
        with self.account.index.transaction():
            self.account.index.set_letters(self.id, letters, modseq)
        ordered = sorted(letters)
        flags = tuple(self.flags_of(uid, each) for uid, each, _ in ordered)
        self._tell(FlagsChanged(tuple(uid for uid, _, _ in ordered), flags, modseq))

    def flags_of(self, uid: int, letters: str) -> Flags:
        flags = self.keywords.flags(letters)
        return flags | self._more.by_uid[uid] if uid in self._more.by_uid else flags

    def _put_more(self, keywords: Iterable[tuple[int, Flags]]) -> None:
        changed = [self._more.put(uid, names) for uid, names in keywords]
        if any(changed):
            path = os.path.join(self.path, keyword_files.MORE_FILE)
            self.account.resources.disk.replace(path, self._more.dump())

    def letters_for(self, uid: int, flags: Flags) -> str:
        """The letters for a file's name; what has none is written down."""
        if self.keywords.learn(flags):
            path = os.path.join(self.path, keyword_files.FILE)
            self.account.resources.disk.replace(path, self.keywords.dump())
        letters, more = self.keywords.letters(flags)
        self._put_more([(uid, more)])
        return letters

    # -- reading -------------------------------------------------------------------------------------------------

    def path_of(self, row: Row) -> str:
        return self.place(row.base, row.letters, row.recent)

    def place(self, base: str, letters: str, recent: bool) -> str:
        """Where the file of such a message lies."""
        return os.path.join(self.new if recent else self.cur, scan.canonical_name(base, letters, recent))

    def status(self) -> MailboxStatus:
        messages, recent, unseen, deleted, size = self.account.index.counts(self.id)
        counters = self.counters
        return MailboxStatus(
            messages, recent, unseen, deleted, counters.uidnext, counters.uidvalidity, counters.modseq, size
        )

    def snapshot(self, take_recent: bool) -> Snapshot:
        self.look()
        index = self.account.index
        found = index.flags(self.id)
        recent = index.recent(self.id)
        if take_recent:
            self.feed.claim_all()
            if recent:
                index.claim(self.id)
        uids, letters = zip(*found, strict=True) if found else ((), ())
        flags = tuple(map(self.keywords.flags, letters))
        if self._more.by_uid:
            flags = tuple(map(self.flags_of, uids, letters))
        return Snapshot(
            uidvalidity=self.counters.uidvalidity,
            uidnext=self.counters.uidnext,
            highestmodseq=self.counters.modseq,
            uids=uids,
            flags=flags,
            recent=frozenset(recent),
            keywords=self._known_keywords(),
            at=self.feed.position,
        )

    def _known_keywords(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.keywords.names, FORWARDED, *sorted(self._more.names))))

    def move_claimed(self, limit: int = MOVE_SLICE) -> bool:
        """Move some of the messages that a session has seen from ``new`` to ``cur``; whether there may be more."""
        claimed = [] if self.gone else self.account.index.claimed(self.id, limit)
        if claimed:
            with self.own_change():
                self.account.resources.disk.commit(
                    [
                        Rename(os.path.join(self.new, base), os.path.join(self.cur, in_cur(base, "")))
                        for _, base in claimed
                    ]
                )
                self.account.index.set_recent(self.id, [(uid, False) for uid, _ in claimed])
        return len(claimed) == limit

    # -- changing ------------------------------------------------------------------------------------------------

    def store(
        self, uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None
    ) -> tuple[list[tuple[int, Flags, int]], list[int]]:
        """See ``IMailbox.store``."""
        rows = self.account.index.rows(self.id, uids)
        late = [row.uid for row in rows if unchanged_since is not None and row.modseq > unchanged_since]
        left = set(uids).difference(late)
        if self._change_flags([row for row in rows if row.uid in left], op, flags):
            self.look(force=True)  # some were not where they should be
            self._change_flags(self.account.index.rows(self.id, left), op, flags)
        done = self.account.index.rows(self.id, left)
        return [(row.uid, self.flags_of(row.uid, row.letters), row.modseq) for row in done], late

    def _change_flags(self, rows: Sequence[Row], op: FlagOp, flags: Flags) -> bool:
        """Rename all as one unit, note; whether a file was missing."""
        renames: list[Rename] = []
        changed: list[tuple[int, str, bool]] = []
        with self.own_change():
            for row in rows:
                before = self.flags_of(row.uid, row.letters)
                after = flag_sets.apply(op, before, flags)
                if after != before:
                    letters = self.letters_for(row.uid, after) + self.keywords.unexplained(row.letters)
                    letters = "".join(sorted(letters))
                    renames.append(Rename(self.path_of(row), os.path.join(self.cur, in_cur(row.base, letters))))
                    changed.append((row.uid, letters, False))
            missed = self.account.resources.disk.commit(renames) if renames else ()
            if there := [each for number, each in enumerate(changed) if number not in missed]:
                self.note_letters(there)
        return bool(missed)

    def expunge(self, uids: Sequence[int]) -> list[int]:
        """Those that were there, gone for good."""
        rows = left = self.account.index.rows(self.id, uids)
        if rows:
            with self.own_change():
                if self._unlink(rows):
                    self.look(force=True)  # notes those that are gone, finds those that were renamed
                    left = self.account.index.rows(self.id, [row.uid for row in rows])
                    self._unlink(left)
                if left:
                    self.forget([row.uid for row in left])
        return [row.uid for row in rows]

    def _unlink(self, rows: Sequence[Row]) -> bool:
        """Remove the files as one unit; whether one was missing."""
        return bool(self.account.resources.disk.commit([Unlink(self.path_of(row)) for row in rows]))

    # -- the end -------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """The mailbox is deleted."""
        self.gone = True
        self._tell(Gone())

    def rebuild(self) -> None:
        """The index was lost while sessions watched."""
        self.attach(Trust.ISSUED)
        self._tell(Overflow())


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except FileNotFoundError:  # another program is moving it
        return False
