"""One mailbox on disk: its files, its rows in the index, its counters, keywords and change feed.

Every method blocks and needs the account's lock.  Files are changed first and made durable, then the index follows; if
that goes wrong in between, the folder's times no longer agree with what was seen last (``sight.py``) and the next look
puts it right.  The same look finds what other programs did.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING

import msgspec
from twisted.logger import Logger

from mailsuite.disk.remade import into_folder
from mailsuite.errors import NotFound, Temporary
from mailsuite.mime.identity import mailbox_id
from mailsuite.model import (
    DELETED,
    NO_FLAGS,
    Arrived,
    Change,
    Flags,
    FlagsChanged,
    Forest,
    Gone,
    MailboxStatus,
    Overflow,
    Snapshot,
    Vanished,
)
from mailsuite.query import Ranges, ThreadAlgorithm
from mailsuite.steps import Renames, Step
from mailsuite.store import foreign, history, scan, takeover
from mailsuite.store.behind import Behind
from mailsuite.store.contents import Contents
from mailsuite.store.counters import FILE as COUNTERS_FILE
from mailsuite.store.counters import Counters
from mailsuite.store.feed import Feed
from mailsuite.store.filename import in_cur
from mailsuite.store.foreign import Trust
from mailsuite.store.history import FILE as HISTORY_FILE
from mailsuite.store.history import History, Past
from mailsuite.store.leftovers import finish_moves, remove_stale
from mailsuite.store.lettering import Lettering
from mailsuite.store.places import Row, Rows
from mailsuite.store.sight import Sight, Times

if TYPE_CHECKING:
    from mailsuite.store.account import AccountMail

#: Messages that one job moves from ``new`` to ``cur``.
MOVE_SLICE = 250

_log = Logger()


class Threads(msgspec.Struct, frozen=True):
    """What was threaded: messages never change, so the same ones make the same threads."""

    uids: tuple[int, ...]
    algorithm: ThreadAlgorithm
    forest: Forest


class Folder:
    """A mailbox of ``account`` called ``name``, in ``folder`` (``""`` is INBOX) of its Maildir."""

    def __init__(self, account: AccountMail, name: str, folder: str) -> None:
        self.account = account
        self.feed = Feed()
        self.gone = False
        #: The UIDs of all messages when the index of what they hold was last complete.
        self.found_out: tuple[int, ...] = ()
        self.last_threads: Threads | None = None
        self._call(name, folder)
        self.sight = Sight(lambda: self.times)
        self.behind = Behind(self)
        self.lettering = Lettering(account.resources.disk, self.path)
        disk = account.resources.disk
        for inside in (self.new, self.cur, self.tmp):
            disk.make_folder(inside)
        file = os.path.join(self.path, COUNTERS_FILE)
        counters, trust = Counters.load(disk, file), Trust.ISSUED
        is_new = counters is None  # or came from elsewhere
        if counters is None:
            counters, trust = takeover.first_counters(account, self.path, file)
        self.counters = counters
        self.history = History(disk, os.path.join(self.path, HISTORY_FILE), self._known, counters.modseq + 1)
        if is_new:
            self.history.begin_anew()
        self.past: Past | None = None
        #: Whether ``new`` may hold what a session has seen.
        self.may_be_claimed = True
        self.lettering.read()
        self._contents: Contents | None = None
        self._deleted = (0, 0)  # at which MODSEQ so many octets were marked as deleted
        self._unannounced: list[tuple[int, Flags, int]] = []  # with their MODSEQ
        self._strange: frozenset[str] = frozenset()
        remove_stale(disk, self.tmp, account.resources.now())
        self.attach(trust)

    def move_to(self, name: str, folder: str) -> None:
        """It is called like this from now on."""
        self._call(name, folder)
        self.lettering.folder = self.path
        self.counters.path = os.path.join(self.path, COUNTERS_FILE)
        self.history.path = os.path.join(self.path, HISTORY_FILE)

    def _call(self, name: str, folder: str) -> None:
        self.name = name
        self.folder = folder
        self.path = os.path.join(self.account.maildir, folder) if folder else self.account.maildir
        self.new = os.path.join(self.path, "new")
        self.cur = os.path.join(self.path, "cur")
        self.tmp = os.path.join(self.path, "tmp")

    def attach(self, trust: Trust) -> None:
        """Connect with the index, which may know nothing, and bring both in step.  ``trust``: what UIDs in names are
        worth if it does not know all."""
        self.put_away()
        self.account.resources.lately_read.forget(self)
        self.behind.drop()
        uidvalidity = self.counters.uidvalidity
        self.id, seen, known = self.account.index.mailbox(self.folder, uidvalidity)
        self.sight.begin(seen)
        self._rebuilding = not known
        vouched = self.counters.exact
        self._trust = Trust.NONE if known and vouched else trust
        #: Nobody has changed the folder since the history was written.
        self.untouched = self.counters.exact and self.counters.times == self.times
        self.past = None if known else self.history.load()
        self.history.complete = known
        if self.past and not self.untouched:
            modseq = self.counters.next_modseq()
            self.commit_noted(self.history.unsure(modseq, self.counters.uidnext))
        self.look()
        if known and not vouched and (past := self.history.load()):  # the index may have lost what it was told last
            self.account.index.set_modseqs(self.id, past.newer(self._known()))
        if known and not vouched:
            self.account.index.delete_strays(self.id)
        self.account.index.all_known(self.id)
        self._rebuilding, self._trust, self.past = False, Trust.NONE, None
        self.history.complete = True

    # -- looking -------------------------------------------------------------------------------------------------

    def must_be_there(self) -> None:
        if self.gone:
            raise NotFound(f"no mailbox {self.name}")

    @property
    def times(self) -> Times:
        """NotFound."""
        try:
            return into_folder(
                lambda: (os.stat(self.new).st_mtime_ns, os.stat(self.cur).st_mtime_ns), f"{self.new}/", f"{self.cur}/"
            )
        except FileNotFoundError:
            raise NotFound(f"no mailbox {self.name}") from None

    def look(self, force: bool = False) -> None:
        """See what other programs did; cheap when the folders' times are known.  While our own changes are behind that
        waits for them, unless ``force``."""
        self.must_be_there()
        self.behind.finish() if force else self.behind.publish()
        if claims := self.feed.take_claims():
            self.account.index.claim_these(self.id, claims)
            self.may_be_claimed = True
            self._keep(lambda held: held.place(claims, False))
        times, now = self.times, self.account.resources.now()
        if force or (not self.behind.pending and self.sight.is_old(times, now)):
            found, difference = scan.look(self.new, self.cur, lambda: self.account.index.names(self.id))
            self.sight.seen = times
            self._warn_of(difference.strange)
            with self.own_change():
                self._resume_moves(difference.twice)
                foreign.follow(self, found, difference, self._trust, self._rebuilding)
            if self.sight.settle(times, now):
                self.account.index.saw(self.id, self.sight.seen)
        self.announce()

    def _warn_of(self, strange: Sequence[str]) -> None:
        for path in sorted(set(strange).difference(self._strange)):
            _log.warn("{path} is no regular file and is left alone", path=path)
        self._strange = frozenset(strange)

    def _resume_moves(self, twice: Sequence[tuple[str, str]]) -> None:
        """Of two names of one file, which another program left when it was broken off, one is to go."""
        both = [(os.path.join(self.new, in_new), os.path.join(self.cur, inside)) for in_new, inside in twice]
        if again := finish_moves(both):
            self.account.resources.disk.commit(again)

    @contextlib.contextmanager
    def own_change(self) -> Iterator[None]:
        """See ``Sight``; if it goes wrong, what is in memory may not be what lies on the disk."""
        try:
            with self.sight.own_change():
                yield
        except BaseException:
            self.history.doubt()
            self.lettering.read()
            raise

    # -- rows and the feed ---------------------------------------------------------------------------------------

    def add(self, rows: Rows, rendered: bool = False) -> None:
        """Messages whose files are there; announced with the next ``announce``.  ``rendered``: the index knows already
        what clients will ask for."""
        index = self.account.index
        with index.transaction():
            index.insert(self.id, rows)
        size = sum(rows.sizes)
        self.account.usage.count(size, len(rows))
        flags = self.lettering.flags_of_many(rows.uids, rows.letters)
        recent = list(compress(rows.uids, rows.recent))
        self._keep(lambda held: held.add(rows.uids, flags, recent, size))
        if not self._rebuilding:
            if not rendered:
                self.account.unrendered.add(self, rows.uids)
            self._unannounced += zip(rows.uids, flags, rows.modseqs, strict=True)

    def announce(self) -> None:
        """Let the feed have what arrived, in the order of the UIDs."""
        if self._unannounced:
            arrived, self._unannounced = sorted(self._unannounced), []
            uids, flags, modseqs = zip(*arrived, strict=True)
            self._tell(Arrived(uids, flags, modseq=max(modseqs)))

    def _tell(self, change: Change) -> None:
        self.feed.publish(change)
        self.account.stirred.append(self.feed)

    def forget(self, uids: Sequence[int], modseq: int = 0) -> None:
        """These are gone from the disk; 0 if the history does not say so yet."""
        self.announce()
        if not modseq:
            modseq = self.counters.next_modseq()
            steps = self.lettering.put_more(dict.fromkeys(uids, NO_FLAGS))
            self.commit_noted([*steps, *self.history.gone(uids, modseq, self.counters.uidnext)])
        self.account.resources.lately_read.forget(self)
        index = self.account.index
        messages, size = index.size_of(self.id, uids)
        with index.transaction():
            index.delete(self.id, uids)
        self.account.afterwards.append(partial(index.delete_rendered, self.id, uids))
        self.account.usage.count(-size, -messages)
        self._keep(lambda held: held.remove(uids, size))
        self._tell(Vanished(tuple(sorted(uids)), modseq))

    def note_letters(self, letters: Mapping[tuple[str, bool], Sequence[int]], modseq: int = 0) -> None:
        """(Letters, whether in ``new``) -> UIDs of the files of which that is so now and was not; 0: see ``forget``."""
        self.announce()
        if not modseq:
            modseq = self.counters.next_modseq()
            self.commit_noted(self.changed([(each, uids) for (each, _), uids in letters.items()], modseq))
        with self.account.index.transaction():
            self.account.index.set_letters(self.id, letters, modseq)
        now: dict[int, Flags] = {}
        for (each, _), uids in letters.items():
            now |= dict.fromkeys(uids, self.lettering.keywords.flags(each))
            for uid in self.lettering.more.by_uid.keys() & uids if self.lettering.more.by_uid else ():
                now[uid] = self.lettering.flags_of(uid, each)
        self._keep(lambda held: held.change(now))
        for (_, in_new), uids in letters.items():
            self._keep(partial(Contents.place, uids=uids, in_new=in_new))
        ordered = sorted(now)
        self._tell(FlagsChanged(tuple(ordered), tuple(map(now.__getitem__, ordered)), modseq))

    # -- history ---------------------------------------------------------------------------------------------------

    def _known(self) -> Iterator[tuple[int, str, int]]:
        return self.account.index.known(self.id)

    def commit_noted(self, steps: Sequence[Step]) -> None:
        """Steps some of which the history made."""
        self.account.resources.disk.commit(steps)
        self.history.done()

    def changed(self, letters: Iterable[tuple[str, Iterable[int]]], modseq: int) -> list[Step]:
        """(Letters, UIDs of messages that have them since that MODSEQ), the newest."""
        lines = history.changed(letters, modseq, self.counters.uidnext)
        return self.history.write(lines, modseq, self.counters.uidnext)

    def take_numbers(self, count: int) -> tuple[int, int]:
        """The first UID and the first MODSEQ for so many messages that arrive."""
        numbers = self.counters.arrive(count, self.history.before_arrivals(self.counters.modseq, self.counters.uidnext))
        self.history.done()
        return numbers

    def changed_since(self, modseq: int) -> Sequence[int]:
        """See ``IMailbox``."""
        self.look()
        return self.account.index.changed_since(self.id, modseq) if modseq < self.counters.modseq else ()

    def vanished_since(self, modseq: int) -> Ranges:
        """See ``IMailbox``."""
        self.look()
        if modseq >= self.counters.modseq:
            return ()
        return self.history.vanished_since(modseq, self.contents.uids, self.counters.uidnext)

    def set_places(self, places: Sequence[tuple[int, bool]]) -> None:
        """(UID, whether in ``new``) of files that were moved and have the letters they had."""
        self.account.index.set_recent(self.id, places)
        for uid, in_new in places:
            self._keep(partial(Contents.place, uids=(uid,), in_new=in_new))

    # -- reading -------------------------------------------------------------------------------------------------

    def path_of(self, row: Row) -> str:
        return self.place(row.base, row.letters, row.recent)

    def place(self, base: str, letters: str, recent: bool) -> str:
        """Where the file of such a message lies."""
        return f"{self.new if recent else self.cur}/{scan.canonical_name(base, letters, recent)}"

    @property
    def contents(self) -> Contents:
        """Its messages, as the index has them."""
        contents = self._contents
        if contents is None:
            uids, letters, recent, size = self.account.index.contents(self.id)
            flags = self.lettering.flags_of_many(uids, letters)
            contents = self._contents = Contents(uids, flags, recent, size)
        self.account.resources.shelf.use(self, len(contents))
        return contents

    def _keep(self, change: Callable[[Contents], None]) -> None:
        """Bring what is in memory in step with the index, if anything is."""
        held = self._contents  # another thread may take it away in this moment
        if held is not None:
            change(held)

    def put_away(self) -> None:
        """Keep nothing in memory; any thread."""
        self._contents = None
        self.last_threads = None

    def _deleted_size(self, held: Contents) -> int:
        """Octets of the messages marked \\Deleted; counted once as long as nothing changes."""
        if not held.deleted:
            return 0
        at, size = self._deleted
        if at != self.counters.modseq:
            uids = [uid for uid, flags in zip(held.uids, held.flags, strict=True) if DELETED in flags]
            _, size = self.account.index.size_of(self.id, uids)
            self._deleted = (self.counters.modseq, size)
        return size

    @property
    def object_id(self) -> str:
        """MAILBOXID."""
        return mailbox_id(self.account.name, self.counters.uidvalidity)

    def status(self) -> MailboxStatus:
        held, counters = self.contents, self.counters
        return MailboxStatus(
            messages=len(held),
            recent=len(held.recent),
            unseen=held.unseen,
            deleted=held.deleted,
            uidnext=counters.uidnext,
            uidvalidity=counters.uidvalidity,
            highestmodseq=counters.modseq,
            size=held.size,
            deleted_size=self._deleted_size(held),
            id=self.object_id,
            at=self.feed.position,
        )

    def snapshot(self, take_recent: bool) -> Snapshot:
        self.look()
        held = self.contents
        recent = frozenset(held.recent)
        if take_recent:
            self.feed.claim_all()
            if recent:
                self.account.index.claim(self.id)
                self.may_be_claimed = True
                held.recent.clear()
        return self._snapshot(held, recent)

    def snapshot_at_hand(self, take_recent: bool) -> Snapshot | None:
        """The same for who knows that a look would find nothing; None if it takes a thread.  Needs no lock."""
        with self.account.glance() as alone:
            held = self._contents
            if not alone or held is None or not held.is_frozen or held.recent or self._unannounced or self.gone:
                return None
            self.account.resources.shelf.use(self, len(held))
            if take_recent:
                self.feed.claim_all()
            return self._snapshot(held, frozenset())

    def _snapshot(self, held: Contents, recent: frozenset[int]) -> Snapshot:
        return Snapshot(
            uidvalidity=self.counters.uidvalidity,
            uidnext=self.counters.uidnext,
            highestmodseq=self.counters.modseq,
            uids=held.uids,
            flags=held.flags,
            recent=recent,
            keywords=self.lettering.known,
            at=self.feed.position,
            first_unseen=held.first_unseen,
        )

    def claimed(self, limit: int = MOVE_SLICE) -> Sequence[tuple[int, str]]:
        """(UID, base) of some of the messages that a session has seen and that lie in ``new`` still."""
        claimed = self.account.index.claimed(self.id, limit) if not self.gone else ()
        self.may_be_claimed = len(claimed) == limit
        return claimed

    def move_claimed(self, claimed: Sequence[tuple[int, str]]) -> None:
        """Move these to ``cur``, where those of them are already that somebody else moved meanwhile."""
        if not self.gone:
            self.behind.finish()  # a session may have changed them since they were claimed
            with self.own_change():
                bases = [base for _, base in claimed]
                step = Renames(self.new, self.cur, bases, [in_cur(base, "") for base in bases])
                self.account.resources.disk.commit([step])
                self.set_places([(uid, False) for uid, _ in claimed])

    # -- the end -------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """The mailbox is deleted."""
        self.gone = True
        self.behind.drop()
        self.rest()
        self._tell(Gone())

    def rest(self) -> None:
        """Give back memory."""
        self.put_away()
        self.account.resources.shelf.leave(self)
        self.account.resources.lately_read.forget(self)

    def rebuild(self) -> None:
        """The index was lost while sessions watched."""
        with contextlib.suppress(Temporary):
            self.behind.perform()
        self.attach(Trust.ISSUED)
        self._tell(Overflow())
