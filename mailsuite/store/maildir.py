"""The mail store on Maildir++ folders: IMailStores and IMailStore, and mailboxes as places to deliver to.

``<root>/<domain>/<user>/Maildir`` is an account's mail, ``index.sqlite`` beside it a cache.  Accounts stay open while
sessions use them; of the others the ``keep_open`` last used.  Delivery is split so that one commit can go to several
mailboxes and the queue: ``placements`` in the reactor, ``disk.placement.place`` with them in any thread of the pool,
``arrived`` in the reactor again.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

from twisted.internet.defer import CancelledError, Deferred, fail, gatherResults, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.disk.findable import Examine, examine_files
from mailsuite.disk.inotify import Told
from mailsuite.disk.placement import place
from mailsuite.disk.spool import Content, content_of
from mailsuite.disk.summary import Summarize, summarize_files
from mailsuite.errors import MailError, NotAllowed
from mailsuite.interfaces import IDisk, IDraft, IMailbox, IMailboxesWatch, IMailStore, IMailStores, IOffload
from mailsuite.mime.lines import to_lf
from mailsuite.model import (
    INBOX,
    Account,
    Appended,
    Copied,
    Envelope,
    Flags,
    MailboxInfo,
    MailboxStatus,
    ToMailbox,
)
from mailsuite.store import infos, metadata, reading, replacing, transfer
from mailsuite.store.access import Shares
from mailsuite.store.account import AccountMail
from mailsuite.store.amounts import USUAL, Amounts
from mailsuite.store.attention import Attention, Eyes
from mailsuite.store.behind import DELAY
from mailsuite.store.catching_up import CatchingUp
from mailsuite.store.filename import Unique
from mailsuite.store.flags import canonical
from mailsuite.store.folder import Folder
from mailsuite.store.incoming import Incoming, Letter
from mailsuite.store.mailbox import Lane, MaildirMailbox
from mailsuite.store.names import checked_name
from mailsuite.store.notes import MaildirNotes
from mailsuite.store.resources import Resources
from mailsuite.store.room import Room

#: Accounts that stay open while nobody uses them.
KEEP_OPEN = 100
#: Seconds after an arrival until it is rendered for the index; how many messages one job renders, and the seconds
#: between two jobs.
RENDER_DELAY = 0.2
RENDER_SLICE = 50
RENDER_PAUSE = 0.02
#: Seconds until accounts beyond those are closed.
SWEEP_DELAY = 10.0

_T = TypeVar("_T")

_log = Logger()


def _unlimited(name: str) -> Account:
    return Account(name)


#: Places one message or several, all or none, the largest of so many octets: fires when that is durable, and calls when
#: they can be seen (``services.batches``).
Place: TypeAlias = Callable[[Sequence[Incoming], int, Callable[[], None]], Deferred[None]]


def _place_alone(
    disk: IDisk, offload: IOffload, placements: Sequence[Incoming], octets: int, placed: Callable[[], None]
) -> Deferred[None]:
    """``Place`` that is durable and can be seen at the same time."""
    return offload.run(place, disk, placements).addCallback(lambda _: placed())


@implementer(IMailStore)
class MaildirStore:
    """One account, for one session."""

    def __init__(self, lane: Lane, stores: MaildirStores) -> None:
        self._lane = lane
        self._account = lane.account
        self._stores = stores
        self._origin = object()  # of what is done through it; not the store itself, which should go when nobody has it
        self.notes = MaildirNotes(lane, stores.shares, self._origin)

    def open(self, name: str) -> Deferred[IMailbox]:
        """One that was used before is there until somebody finds that it is not."""
        known = self._account.known(name)
        if known is not None and not known.gone:
            return succeed(self._mailbox(known))
        return self._lane.run(self._open, name)

    def _open(self, name: str) -> IMailbox:
        return self._mailbox(self._account.folder(name))

    def _mailbox(self, folder: Folder) -> IMailbox:
        return MaildirMailbox(self._lane, folder, self._stores.moment, self._stores.attention, self._stores.catching_up)

    def create(self, name: str, special_use: str) -> Deferred[str]:
        return self._lane.change(self._origin, lambda: self._account.create(name, special_use).object_id)

    def delete(self, name: str) -> Deferred[None]:
        return self._lane.change(self._origin, self._account.delete, name)

    def rename(self, old: str, new: str) -> Deferred[None]:
        return self._lane.change(self._origin, self._rename, old, new)

    def _rename(self, old: str, new: str) -> None:
        old, new = checked_name(old), checked_name(new)
        if old != INBOX:
            self._account.rename(old, new)
            return
        self._account.create(new, "")  # RFC 9051 §6.3.6: the messages move, INBOX stays
        inbox = self._account.folder(INBOX)
        metadata.copy(self._account.resources.disk, inbox.path, self._account.folder(new).path)
        uids = inbox.snapshot(take_recent=False).uids
        transfer.copy(self._account, inbox, uids, self._account.folder(new), move=True)

    def list(self, only: str = "") -> Deferred[Sequence[MailboxInfo]]:
        return self._lane.run(infos.only, self._account, only) if only else self._lane.run(infos.every, self._account)

    def subscribe(self, name: str, wanted: bool) -> Deferred[None]:
        return self._lane.change(self._origin, self._account.subscribe, name, wanted)

    def watch(self, woken: Callable[[], None]) -> Deferred[IMailboxesWatch]:
        return self._lane.watch_mailboxes(self._origin, woken)

    def status(self, name: str) -> Deferred[MailboxStatus]:
        return self._lane.run(self._status, name)

    def _status(self, name: str) -> MailboxStatus:
        folder = self._account.folder(name)
        folder.look()
        return folder.status()

    def copy(self, source: IMailbox, uids: Sequence[int], target: str, move: bool) -> Deferred[Copied]:
        if not isinstance(source, MaildirMailbox) or source.folder.account is not self._account:
            return fail(NotAllowed("messages are copied within one account"))
        changed = [folder for folder in (source.folder, self._account.known(target)) if folder is not None]
        copying = partial(self._lane.run, self._copy, source.folder, uids, target, move)
        return self._stores.attention.while_away(len(uids), changed, copying).addCallback(self._indexed_soon)

    def _copy(self, source: Folder, uids: Sequence[int], target: str, move: bool) -> Copied:
        return transfer.copy(self._account, source, uids, self._account.folder(target), move)

    def append(self, name: str, messages: Sequence[tuple[IDraft, Flags, float]]) -> Deferred[Sequence[Appended]]:
        return Deferred.fromCoroutine(self._append(name, messages)).addCallback(self._indexed_soon)

    async def _append(self, name: str, messages: Sequence[tuple[IDraft, Flags, float]]) -> Sequence[Appended]:
        incoming = [await self._incoming(name, *message) for message in messages]
        octets = max((each.octets for each in incoming), default=0)
        await self._stores.place(incoming, octets, partial(self._stores.arrived, incoming))
        return [each.appended for each in incoming]

    def replace(
        self, source: IMailbox, uid: int, name: str, message: tuple[IDraft, Flags, float]
    ) -> Deferred[Appended]:
        if not isinstance(source, MaildirMailbox) or source.folder.account is not self._account:
            return fail(NotAllowed("messages are replaced within one account"))
        work = self._replace(source.folder, uid, name, *message)
        return Deferred.fromCoroutine(work).addCallback(self._indexed_soon)

    async def _replace(self, source: Folder, uid: int, name: str, draft: IDraft, flags: Flags, date: float) -> Appended:
        incoming = await self._incoming(name, draft, flags, date)
        return await self._lane.run_unlocked(replacing.replace, source, uid, incoming)

    async def _incoming(self, name: str, draft: IDraft, flags: Flags, date: float) -> Incoming:
        content = content_of(draft)
        if isinstance(content, Deferred):
            content = await content
        return Incoming(self._account, name, canonical(flags), Letter(b"", content, content.wire, date))

    def _indexed_soon(self, result: _T) -> _T:
        self._stores.index_soon(self._lane)
        return result


@implementer(IMailStores)
class MaildirStores:
    """All accounts below ``root``."""

    def __init__(
        self,
        root: str,
        disk: IDisk,
        offload: IOffload,
        clock: IReactorTime,
        hostname: str,
        quota: Callable[[str], Account] = _unlimited,
        pid: Callable[[], int] = os.getpid,
        keep_open: int = KEEP_OPEN,
        open_eyes: Callable[[Told], Eyes] | None = None,
        summarize: Summarize = summarize_files,
        examine: Examine = examine_files,
        place: Place | None = None,
        catch_up: bool = True,
        amounts: Amounts = USUAL,
    ) -> None:
        """``hostname`` goes into file names; ``quota`` gives an account's limits, blocking, in a thread; ``open_eyes``
        makes what tells of other programs' changes (``disk.inotify``), None where nothing does; ``summarize`` renders
        files, ``examine`` reads what there is to find in them, unasked too where ``catch_up``; ``place`` places what is
        appended, by default at once; ``amounts``: what is many."""
        self._root = os.path.abspath(root)
        self._clock = clock
        self._resources = Resources(
            disk, offload, clock.seconds, Unique(hostname, pid), quota, summarize, examine, amounts
        )
        self.place = place or partial(_place_alone, disk, offload)
        self.attention = Attention(clock, open_eyes, amounts.names)
        self.catching_up = CatchingUp(clock, self.attention, catch_up)
        self.shares = Shares(self._root, disk)
        self._room = Room(self._resources, self._lane)
        self._accounts: OrderedDict[str, AccountMail] = OrderedDict()
        self._keep_open = keep_open
        #: By account, when new messages will be rendered, or are.
        self._rendering: dict[str, IDelayedCall] = {}
        self._sweep: IDelayedCall | None = None
        self._moments: set[Deferred[None]] = set()
        self._closed = False

    def open(self, account: str) -> Deferred[IMailStore]:
        try:
            lane = self._lane(account)
        except Exception:
            return fail()
        store: IMailStore = MaildirStore(lane, self)
        if lane.account.known(INBOX) is not None:
            return succeed(store)
        return lane.run(lane.account.folder, INBOX).addCallback(lambda _: store)

    def room(self, account: str, octets: int) -> bool | Deferred[bool]:
        """Whether a message of that size (0 if it is not known) fits into the account's quota now.  ``Temporary``."""
        return self._room.ask(account, octets)

    def usage(self, account: str) -> Deferred[tuple[int, int]]:
        """Octets as sent and messages in all mailboxes of an account, which is made if it is not there."""
        try:
            lane = self._lane(account)
        except Exception:
            return fail()
        return lane.run(lane.account.usage.total)

    def _lane(self, account: str) -> Lane:
        return Lane(self._mail(account))

    def _mail(self, account: str) -> AccountMail:
        mail = self._accounts.get(account)
        if mail is None:
            mail = self._accounts[account] = AccountMail(self._root, account, self._resources)
        self._accounts.move_to_end(account)
        if len(self._accounts) > self._keep_open and self._sweep is None and not self._closed:
            self._sweep = self._clock.callLater(SWEEP_DELAY, self._rest_unused)
        return mail

    def _rest_unused(self) -> None:
        """Close the accounts that nobody used for longest."""
        self._sweep = None
        unused = [mail for mail in self._accounts.values() if not mail.users]
        for mail in unused[: max(0, len(self._accounts) - self._keep_open)]:
            resting = self._resources.offload.run_in(f"account:{mail.name}", mail.rest)
            resting.addCallback(self._rested, mail)
            resting.addErrback(lambda failure: _log.failure("an account could not be closed", failure))

    def _rested(self, closed: bool, mail: AccountMail) -> None:
        if closed and not mail.users and self._accounts.get(mail.name) is mail:
            del self._accounts[mail.name]

    # -- delivery ------------------------------------------------------------------------------------------------

    def placements(
        self, destinations: Iterable[ToMailbox], envelope: Envelope, trace: bytes, content: Content
    ) -> list[Incoming]:
        """The message for each of these mailboxes, to be given to ``place`` in a thread; reactor.  ``trace`` is
        header lines with CRLF.  ``InvalidName`` for what cannot be an account."""
        head = b"Return-Path: <%s>\r\n" % str(envelope.sender).encode() + trace  # RFC 5321 §4.4
        letter = Letter(to_lf(head), content, len(head) + content.wire, self._clock.seconds())
        return [Incoming(self._mail(to.account), to.mailbox, canonical(to.flags), letter) for to in destinations]

    def arrived(self, placed: Iterable[Incoming]) -> None:
        """Let sessions hear of what was placed; reactor."""
        self.catching_up.mail_came()
        for account in dict.fromkeys(each.account.name for each in placed):
            lane = self._lane(account)
            lane.wake()
            self.index_soon(lane)

    def index_soon(self, lane: Lane, delay: float = RENDER_DELAY) -> None:
        """Render new messages of the account for the index, a little later and in small jobs; later still, if anybody
        uses them, see what there is to find in them."""
        if lane.account.find_index.in_use:
            self.catching_up.used(lane)
        if lane.account.name not in self._rendering and not self._closed:
            self._rendering[lane.account.name] = self._clock.callLater(delay, self._render, lane)

    def _render(self, lane: Lane) -> None:
        def again(more: bool) -> None:
            self._rendering.pop(lane.account.name, None)
            if more:
                self.index_soon(lane, RENDER_PAUSE)

        def failed(failure: Failure) -> None:
            self._rendering.pop(lane.account.name, None)
            words, account = "new messages of {account} could not be indexed", lane.account.name
            if failure.check(MailError, OSError):  # whoever asks for them later has them read then
                _log.error(f"{words}: {{error}}", account=account, error=failure.value)
            else:
                _log.failure(words, failure, account=account)

        lane.run_unlocked(reading.render_waiting, lane.account, RENDER_SLICE).addCallbacks(again, failed)

    def moment(self) -> Deferred[None]:
        """Fires when files are to follow an answer; ``CancelledError`` if the store closes before, and does it."""
        if self._closed:
            return fail(CancelledError())
        waiting: Deferred[None] = deferLater(self._clock, DELAY)
        self._moments.add(waiting)
        return waiting.addBoth(self._came, waiting)

    def _came(self, result: _T, waiting: Deferred[None]) -> _T:
        self._moments.discard(waiting)
        return result

    # -- the end -------------------------------------------------------------------------------------------------

    def close(self) -> Deferred[None]:
        """Finish what was begun, write exact counters, close every index."""
        self._closed = True
        for waiting in tuple(self._moments):
            waiting.cancel()
        self.attention.close()
        self.catching_up.close()
        for call in (self._sweep, *self._rendering.values()):
            if call is not None and call.active():
                call.cancel()
        offload = self._resources.offload
        closing = [offload.run_in(f"account:{name}", mail.close) for name, mail in self._accounts.items()]
        return gatherResults(closing, consumeErrors=True).addCallback(lambda _: None)
