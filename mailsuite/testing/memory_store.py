"""IMailStores in memory: the reference double of the mail store, for protocol tests and as its contract's second voice.

Everything answers at once.  ``deliver``, ``drop_message`` and ``set_flags`` act as mail arriving or as another
program working on the folder.  ``store.faults.plan(method, error)`` makes the next call of such a method fail.
Messages are kept as the octets that go over the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from zope.interface import implementer

from mailsuite.errors import Exists, Expunged, HasChildren, InvalidName, NotFound, OverQuota, Unsupported
from mailsuite.interfaces import IDraft, IMailbox, IMailboxesWatch, IMailStore, IMailStores
from mailsuite.model import (
    INBOX,
    NO_FLAGS,
    Appended,
    Copied,
    FlagOp,
    Flags,
    MailboxesChange,
    MailboxInfo,
    MailboxMade,
    MailboxRemoved,
    MailboxRenamed,
    MailboxStatus,
    SubscriptionChanged,
)
from mailsuite.store.mailboxes_feed import MailboxesFeed
from mailsuite.store.names import checked_name, missing, parents, with_subscription
from mailsuite.testing.faults import Faults, answers
from mailsuite.testing.memory_body import MemoryBody, octets_of
from mailsuite.testing.memory_mailbox import MemoryMailbox
from mailsuite.testing.memory_notes import MemoryNotes

#: Seconds since the epoch at which a double's clock begins, so that UIDVALIDITY is a sensible number.
EPOCH = 1_700_000_000


@implementer(IMailStore)
class MemoryStore:
    """One account of the double."""

    def __init__(self, account: str, clock: IReactorTime, quota_bytes: int = 0, quota_messages: int = 0) -> None:
        self.account = account
        #: All accounts.
        self.others: Callable[[], Iterable[MemoryStore]] = lambda: (self,)
        self.clock = clock
        self.quota_bytes = quota_bytes
        self.quota_messages = quota_messages
        self.faults = Faults()
        self.subscribed: set[str] = set()
        self.server_annotations: dict[tuple[str, str], bytes] = {}
        self.mailboxes_feed = MailboxesFeed()
        self.mailboxes: dict[str, MemoryMailbox] = {}
        self._uidvalidity = int(clock.seconds())
        self._make(INBOX)

    def opened(self) -> MemoryStore:
        """The same account for one session, whose doings are its own."""
        opened = MemoryStore.__new__(MemoryStore)
        opened.__dict__ = self.__dict__
        return opened

    @property
    def notes(self) -> MemoryNotes:
        return MemoryNotes(self)

    def tell(self, *changes: MailboxesChange) -> None:
        """Those who watch the mailboxes."""
        self.mailboxes_feed.publish(changes, self)

    def check(self, method: str) -> None:
        self.faults.check(method)

    def mailbox(self, name: str) -> MemoryMailbox:
        """NotFound if there is none."""
        name = checked_name(name)
        if name not in self.mailboxes:
            raise NotFound(f"no mailbox {name}")
        return self.mailboxes[name]

    def _make(self, name: str, special_use: str = "") -> MemoryMailbox:
        self._uidvalidity += 1
        made = self.mailboxes[name] = MemoryMailbox(self, name, self._uidvalidity)
        for parent in parents(name)[-1:]:
            if parent in self.mailboxes:
                made.access = dict(self.mailboxes[parent].access)
        made.special_use = special_use
        self.tell(MailboxMade(name))
        return made

    def _below(self, name: str) -> list[str]:
        return [other for other in self.mailboxes if other.startswith(name + "/")]

    def make_room(self, sizes: Sequence[int], instead_of: Sequence[int] = ()) -> None:
        """OverQuota if messages of these sizes do not fit, when others are gone."""
        used = sum(mailbox.size for mailbox in self.mailboxes.values()) - sum(instead_of)
        count = sum(len(mailbox.messages) for mailbox in self.mailboxes.values()) - len(instead_of)
        too_many = self.quota_messages and count + len(sizes) > self.quota_messages
        if too_many or (self.quota_bytes and used + sum(sizes) > self.quota_bytes):
            raise OverQuota("the mailbox is full")

    # -- IMailStore ----------------------------------------------------------------------------------------------

    @answers
    def open(self, name: str) -> IMailbox:
        return self.mailbox(name)

    @answers
    def create(self, name: str, special_use: str) -> str:
        name = checked_name(name)
        if name in self.mailboxes:
            raise Exists(f"{name} is there already")
        *above, _ = missing(self.mailboxes, (*parents(name), name))
        for parent in above:
            self._make(parent)
        return self._make(name, special_use).id

    @answers
    def delete(self, name: str) -> None:
        name = checked_name(name)
        if name == INBOX:
            raise Unsupported("INBOX cannot be deleted")
        if name not in self.mailboxes and self._below(name):
            raise HasChildren(f"{name} has mailboxes below it")
        gone = self.mailbox(name)
        del self.mailboxes[name]
        gone.end()
        self.tell(MailboxRemoved(name))

    @answers
    def rename(self, old: str, new: str) -> None:
        old, new = checked_name(old), checked_name(new)
        if new in self.mailboxes or self._below(new):
            raise Exists(f"{new} is there already")
        if old == INBOX:
            self._empty_inbox(new)
            return
        if new.startswith(old + "/"):
            raise InvalidName(f"{old} cannot move below itself")
        if old not in self.mailboxes and not self._below(old):
            raise NotFound(f"no mailbox {old}")
        for parent in missing(self.mailboxes, parents(new)):
            self._make(parent)
        for name in [name for name in (old, *self._below(old)) if name in self.mailboxes]:
            mailbox = self.mailboxes.pop(name)
            mailbox.name = new + name[len(old) :]
            self.mailboxes[mailbox.name] = mailbox
        self.tell(MailboxRenamed(old, new))

    def _empty_inbox(self, new: str) -> None:
        inbox = self.mailboxes[INBOX]
        annotations = dict(inbox.annotations)
        *above, _ = missing(self.mailboxes, (*parents(new), new))
        for parent in above:
            self._make(parent)
        made = self._make(new)
        made.annotations = annotations
        made.add((m.octets, m.flags, m.date) for m in tuple(inbox.messages.values()))
        inbox.remove(tuple(inbox.messages))

    @answers
    def list(self, only: str = "") -> Sequence[MailboxInfo]:
        known = {name for mailbox in self.mailboxes for name in (*parents(mailbox), mailbox)} | self.subscribed
        names = sorted(known, key=lambda name: (name != INBOX, name))
        return [self._info(name, known) for name in names if only in ("", name)]

    def _info(self, name: str, known: set[str]) -> MailboxInfo:
        mailbox = self.mailboxes.get(name)
        return MailboxInfo(
            name=name,
            selectable=mailbox is not None,
            subscribed=name in self.subscribed,
            has_children=bool(self._below(name)),
            special_use=mailbox.special_use if mailbox else "",
        )

    @answers
    def subscribe(self, name: str, wanted: bool) -> None:
        name = checked_name(name)
        if (name in self.subscribed) != wanted:
            self.subscribed = with_subscription(self.subscribed, name, wanted)
            self.tell(SubscriptionChanged(name))

    def watch(self, woken: Callable[[], None]) -> Deferred[IMailboxesWatch]:
        return succeed(self.mailboxes_feed.watch(self, woken))

    @answers
    def status(self, name: str) -> MailboxStatus:
        return self.mailbox(name).counters()

    @answers
    def copy(self, source: IMailbox, uids: Sequence[int], target: str, move: bool) -> Copied:
        assert isinstance(source, MemoryMailbox)
        goal = self.mailbox(target)
        found = [source.messages[uid] for uid in sorted(set(uids)) if uid in source.messages]
        if not move:
            self.make_room([message.size for message in found])
        targets = goal.add([(message.octets, message.flags, message.date) for message in found])
        sources = tuple(message.uid for message in found)
        if move:
            source.remove(sources)
        return Copied(goal.uidvalidity, sources, targets)

    def append(self, name: str, messages: Sequence[tuple[IDraft, Flags, float]]) -> Deferred[Sequence[Appended]]:
        return Deferred.fromCoroutine(self._append(name, messages))

    async def _append(self, name: str, messages: Sequence[tuple[IDraft, Flags, float]]) -> Sequence[Appended]:
        self.check("append")
        goal = self.mailbox(name)
        ready = []
        for draft, flags, date in messages:
            body = await draft.body()
            ready.append((await octets_of(body), flags, date))
        self.make_room([len(octets) for octets, _, _ in ready])
        return [Appended(goal.uidvalidity, uid) for uid in goal.add(ready)]

    def replace(
        self, source: IMailbox, uid: int, name: str, message: tuple[IDraft, Flags, float]
    ) -> Deferred[Appended]:
        assert isinstance(source, MemoryMailbox)
        return Deferred.fromCoroutine(self._replace(source, uid, name, *message))

    async def _replace(
        self, source: MemoryMailbox, uid: int, name: str, draft: IDraft, flags: Flags, date: float
    ) -> Appended:
        self.check("replace")
        goal = self.mailbox(name)
        octets = await octets_of(await draft.body())
        if uid not in source.messages:
            raise Expunged("the message is gone")
        self.make_room([len(octets)], instead_of=[source.messages[uid].size])
        (fresh,) = goal.add([(octets, flags, date)])
        source.remove([uid])
        return Appended(goal.uidvalidity, fresh)


@implementer(IMailStores)
class MemoryStores:
    """All accounts of the double; ``accounts`` limits who has one (None: everybody)."""

    def __init__(
        self,
        clock: IReactorTime | None = None,
        quota_bytes: int = 0,
        quota_messages: int = 0,
        accounts: Sequence[str] | None = None,
    ) -> None:
        self.clock = clock if clock is not None else _clock()
        self._quota = (quota_bytes, quota_messages)
        self._allowed = accounts
        self.faults = Faults()
        self.stores: dict[str, MemoryStore] = {}

    def check(self, method: str) -> None:
        self.faults.check(method)

    def store(self, account: str) -> MemoryStore:
        """The account's store, made if need be; NotFound if it may not have one."""
        if self._allowed is not None and account not in self._allowed:
            raise NotFound(f"no account {account}")
        if account not in self.stores:
            self.stores[account] = MemoryStore(account, self.clock, *self._quota)
            self.stores[account].others = self.stores.values
        return self.stores[account]

    @answers
    def open(self, account: str) -> IMailStore:
        return self.store(account).opened()

    # -- for tests -----------------------------------------------------------------------------------------------

    def deliver(
        self,
        account: str,
        raw: bytes,
        mailbox: str = INBOX,
        flags: Flags = NO_FLAGS,
        date: float | None = None,
    ) -> int:
        """A message arrives (LF or CRLF line ends); its UID.  The mailbox is made if it is not there."""
        store = self.store(account)
        goal = store.mailboxes.get(mailbox) or store._make(mailbox)
        octets = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return goal.add([(octets, flags, self.clock.seconds() if date is None else date)])[0]

    def drop_message(self, account: str, uid: int, mailbox: str = INBOX) -> None:
        """Another program removes it."""
        self.store(account).mailbox(mailbox).remove((uid,))

    def set_flags(self, account: str, uid: int, flags: Flags, mailbox: str = INBOX) -> None:
        """Another program gives it these flags."""
        self.store(account).mailbox(mailbox).change((uid,), FlagOp.REPLACE, flags)


def _clock() -> IReactorTime:
    clock = Clock()
    clock.advance(EPOCH)
    return clock


__all__ = ["EPOCH", "MemoryBody", "MemoryMailbox", "MemoryStore", "MemoryStores", "octets_of"]
