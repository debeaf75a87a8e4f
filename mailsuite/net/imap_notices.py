"""What NOTIFY (RFC 5465) watches for one session: its selected mailbox, other mailboxes, and which mailboxes there are.

Told between two commands and while idling, each piece when the client has read what was sent before: one that does not
read is told nothing, and costs what its watches keep.  At most ``IMAPSettings.notify_mailboxes`` are watched; more, or
more changes of mailboxes than a watch keeps, end in NOTIFICATIONOVERFLOW (§5.8).  What another program delivers is
heard of as quickly as by who idles; which mailboxes it makes or removes, within a quarter of a minute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from mailsuite.errors import MailError, NotAllowed, NotFound
from mailsuite.imap import codes, name_notices, notices, responses
from mailsuite.imap.notices import EventKind, OfSelected, Wishes
from mailsuite.interfaces import IMailbox, IMailboxesWatch, IWatch
from mailsuite.model import (
    DELIMITER,
    Arrived,
    Change,
    Gone,
    MailboxesChange,
    MailboxInfo,
    MailboxRenamed,
    MailboxStatus,
    Overflow,
)
from mailsuite.net import imap_telling

if TYPE_CHECKING:
    from mailsuite.net.imap_session import Session


class TooManyMailboxes(Exception):
    """More than one session may watch."""


class _Watched:
    """A mailbox that is watched; also what the lookout knows as its idler."""

    def __init__(self, mailbox: IMailbox, kinds: frozenset[EventKind], now: MailboxStatus) -> None:
        self.mailbox = mailbox
        self.kinds = kinds
        self.unseen = now.unseen
        self.uidnext = now.uidnext
        #: UIDs of messages that this session put there and was not told of.
        self.own: set[int] = set()
        self.watch: IWatch | None = None

    def still_here(self) -> None:
        """The session's own affair."""

    def take(self) -> Sequence[Change]:
        return self.watch.take() if self.watch is not None else ()

    def close(self) -> None:
        if self.watch is not None:
            self.watch.close()


class _Names:
    """Which mailboxes there are: what the lookout knows as a mailbox, and as its idler."""

    #: What this server does is heard at once; that others do something is seldom, and looking for it costs more.
    prompt = True

    def __init__(self, account: str, watch: IMailboxesWatch) -> None:
        self.account = account
        self.name = f"/{id(watch)}"  # which is no mailbox; each session has its own
        self.watch = watch

    def still_here(self) -> None:
        """The session's own affair."""

    def look(self) -> Deferred[None]:
        return self.watch.look()


class Notices:
    """Of ``session``, which wants this; ``begin`` before anything else."""

    def __init__(self, session: Session, wishes: Wishes) -> None:
        self._session = session
        self.wishes = wishes
        self._names: _Names | None = None
        self._names_heard = False
        self._watched: dict[str, _Watched] = {}
        self._stirred: dict[str, None] = {}
        self._barred: set[str] = set()
        self._own: set[int] = set()  # of the selected mailbox
        self._closed = False

    async def begin(self, status: bool) -> None:
        """Watch, and tell the ``status`` of each mailbox if that is wanted.  Raises ``TooManyMailboxes``."""
        if self.wishes.groups:
            session = self._session
            watch = await session.store.watch(self._hear_names)
            if self._closed:
                watch.close()
                return
            self._names = _Names(session.account, watch)
            session.parts.lookout.add(self._names, self._names)
        await self._settle(status)

    def close(self) -> None:
        self._closed = True
        if self._names is not None:
            self._session.parts.lookout.remove(self._names)
            self._names.watch.close()
        for name in tuple(self._watched):
            self._let_go(name)

    # -- hearing -------------------------------------------------------------------------------------------------

    def _hear_names(self) -> None:
        self._names_heard = True
        self._session.owe()

    def made(self, name: str, uids: Iterable[int]) -> None:
        """The session itself put these there: that is no news for it (§5)."""
        if self._session.has_selected(name):
            self._own.update(uids)
        elif name in self._watched:
            self._watched[name].own.update(uids)

    def not_mine(self, uids: Sequence[int]) -> Sequence[int]:
        """Those of the selected mailbox's new messages that the session did not put there itself."""
        return imap_telling.not_of(uids, self._own)

    # -- telling -------------------------------------------------------------------------------------------------

    async def tell(self) -> None:
        """All that is due; between commands, or while idling."""
        session = self._session
        expunges = session.core.idling or not self.wishes.selected.delayed
        imap_telling.say_reached(session, await imap_telling.changes(session, True, expunges))
        for name in tuple(self._stirred):
            del self._stirred[name]
            if name in self._watched:
                await self._tell_of(self._watched[name], name)
                await self._pause()
        if self._names_heard and self._names is not None:
            self._names_heard = False
            await self._tell_names(await self._names.watch.take())

    async def _pause(self) -> None:
        self._session.flush()
        await self._session.drained()

    async def _tell_of(self, watched: _Watched, name: str) -> None:
        """§5.1 to §5.3: a STATUS response."""
        changes = [each for each in watched.take() if not (isinstance(each, Arrived) and self._is_own(watched, each))]
        if any(isinstance(each, Gone) for each in changes):
            self._let_go(name)
            self._hear_names()  # it may be there again, under another UIDVALIDITY
            return
        kinds = notices.happened(changes) & watched.kinds
        session = self._session
        if not kinds or session.has_selected(name):
            return
        try:
            now = await session.store.status(name)
        except (NotFound, NotAllowed):
            self._let_go(name)
            return
        unseen, watched.unseen, watched.uidnext = watched.unseen, now.unseen, now.uidnext
        items = notices.status_items(kinds, session.awareness, now.unseen != unseen)
        if items:
            session.core.untagged(responses.status(session.written(name), items, now, session.settings.limits.message))

    def _is_own(self, watched: _Watched, change: Arrived) -> bool:
        return not imap_telling.not_of(change.uids, watched.own)

    async def _tell_names(self, changes: Sequence[MailboxesChange]) -> None:
        """§5.4 to §5.7; what is watched follows."""
        if any(isinstance(each, Overflow) for each in changes):
            self._overflow()
            return
        session = self._session
        infos = await session.store.list()
        for line in name_notices.lines(self.wishes, changes, infos, session.account, session.core.dialect.utf8):
            session.core.untagged(line)
        try:
            await self._settle(False, self._known(changes))
        except TooManyMailboxes:
            self._overflow()

    def _overflow(self) -> None:
        """§5.8: as if NOTIFY NONE had been said."""
        session = self._session
        session.core.untagged(responses.ok(b"too much happens, nothing is told any more", codes.NOTIFICATIONOVERFLOW))
        session.heed(None, OfSelected())

    # -- what is watched -----------------------------------------------------------------------------------------

    def _known(self, changes: Sequence[MailboxesChange]) -> dict[str, int]:
        """The UIDNEXT, as far as the client was told, of watched mailboxes that were renamed, by their new names."""
        known: dict[str, int] = {}
        for change in changes:
            if isinstance(change, MailboxRenamed):
                for name, watched in self._watched.items():
                    if name == change.old or name.startswith(change.old + DELIMITER):
                        known[change.new + name[len(change.old) :]] = watched.uidnext
        return known

    async def _settle(self, status: bool, known: Mapping[str, int] | None = None) -> None:
        """Watch those mailboxes that are there and wanted, and no others.  Tell the ``status`` of each; or else, where
        some were watched before, of those that have had more messages than is ``known``: of a mailbox that was made,
        subscribed (§6.4) or opened to the user since, some may have come before anybody watched."""
        infos = await self._session.store.list() if self.wishes.groups else ()
        wanted = self.wishes.watched(infos)
        if len(wanted) > self._session.settings.notify_mailboxes:
            raise TooManyMailboxes
        self._tell_barred(infos)
        for name in self._watched.keys() - wanted.keys():
            self._let_go(name)
        for name, kinds in wanted.items():
            if name in self._watched:
                self._watched[name].kinds = kinds
            else:
                await self._attend(name, kinds, status, math.inf if known is None else known.get(name, 1))

    async def _attend(self, name: str, kinds: frozenset[EventKind], status: bool, known: float) -> None:
        session = self._session
        try:
            mailbox = await session.store.open(name)
            now = await session.store.status(name)
        except MailError as error:
            session.log.info("{mailbox} is not watched: {error}", mailbox=name, error=error)
            return
        if self._closed:
            return
        watched = self._watched[name] = _Watched(mailbox, kinds, now)
        watched.watch = mailbox.watch(now.at, lambda: self._stir(name))
        session.parts.lookout.add(watched, mailbox)
        items = notices.first_status(kinds) if status else ()
        if now.uidnext > known:
            items = notices.status_items(kinds & {EventKind.MESSAGE_NEW}, session.awareness, False)
        if items and not session.has_selected(name):
            session.core.untagged(responses.status(session.written(name), items, now, session.settings.limits.message))
            await self._pause()

    def _stir(self, name: str) -> None:
        self._stirred[name] = None
        self._session.owe()

    def _let_go(self, name: str) -> None:
        watched = self._watched.pop(name)
        self._session.parts.lookout.remove(watched)
        watched.close()

    def _tell_barred(self, infos: Sequence[MailboxInfo]) -> None:
        """§3.1, §5.9: those that may be listed and not watched, and those that may be again."""
        known, utf8 = {info.name: info for info in infos}, self._session.core.dialect.utf8
        barred = {*self.wishes.barred(infos), *(name for name in self._watched if self._is_lost(name, known))}
        for name in sorted(barred - self._barred):
            self._session.core.untagged(name_notices.barred_line(name, utf8))
        for name in sorted(self._barred - barred):
            if name in known and known[name].selectable:
                self._session.core.untagged(name_notices.list_line(known[name], utf8))
                self._barred.discard(name)
        self._barred |= barred

    def _is_lost(self, name: str, known: dict[str, MailboxInfo]) -> bool:
        """Another's mailbox that was watched and may not even be listed; of its removal MailboxName tells."""
        wishes = self.wishes
        shared = wishes.others and name.startswith(wishes.others + "/")
        return bool(shared and name not in known and EventKind.MAILBOX_NAME not in wishes.of(name, False))
