"""IMailStores in memory: the reference double of the mail store, for protocol tests and as its contract's second voice.

Everything answers at once.  ``deliver``, ``drop_message`` and ``set_flags`` act as mail arriving or as another
program working on the folder.  ``fail(method, error)`` makes the next call of an IMailbox or IMailStore method fail.
Messages are kept as the octets that go over the wire.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from zope.interface import implementer

from mailsuite.errors import Exists, Expunged, InvalidName, NotAllowed, NotFound, OverQuota
from mailsuite.interfaces import IBody, IDraft, IMailbox, IMailStore, IMailStores
from mailsuite.mime.render import summary
from mailsuite.model import (
    DELETED,
    INBOX,
    NO_FLAGS,
    SEEN,
    Appended,
    Arrived,
    Copied,
    Fetched,
    FlagOp,
    Flags,
    FlagsChanged,
    Gone,
    MailboxInfo,
    MailboxStatus,
    Snapshot,
    Vanished,
)
from mailsuite.query import Query
from mailsuite.store.feed import Feed, Watch
from mailsuite.store.flags import apply, canonical
from mailsuite.store.names import checked_name, parents
from mailsuite.store.search import matches

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Seconds since the epoch at which a double's clock begins, so that UIDVALIDITY is a sensible number.
EPOCH = 1_700_000_000


class _Faulty(Protocol):
    def check(self, method: str) -> None: ...


_F = TypeVar("_F", bound=_Faulty)


def _answer(work: Callable[Concatenate[_F, _P], _T]) -> Callable[Concatenate[_F, _P], Deferred[_T]]:
    """What the method returns or raises, as a Deferred that has fired."""

    def call(self: _F, /, *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        try:
            self.check(work.__name__)
            return succeed(work(self, *args, **kwargs))
        except Exception as error:
            return fail(error)

    functools.update_wrapper(call, work)
    return call


class Faults:
    """Errors that calls are told to fail with."""

    def __init__(self) -> None:
        self._planned: dict[str, list[Exception]] = {}

    def plan(self, method: str, *errors: Exception) -> None:
        self._planned.setdefault(method, []).extend(errors)

    def check(self, method: str) -> None:
        if errors := self._planned.get(method):
            raise errors.pop(0)


@implementer(IBody)
class MemoryBody:
    """Octets as IBody.  ``gone`` makes every read fail with ``Expunged``."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.size = len(octets)
        self.gone = False
        self.closed = False

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        if self.gone:
            return fail(Expunged("the message is gone"))
        return succeed(self.octets[offset : offset + length])

    def header(self) -> Deferred[bytes]:
        if self.gone:
            return fail(Expunged("the message is gone"))
        return succeed(_header_of(self.octets))

    def close(self) -> None:
        self.closed = True


def _header_of(octets: bytes) -> bytes:
    if octets.startswith(b"\r\n"):
        return b"\r\n"
    end = octets.find(b"\r\n\r\n")
    return octets[: end + 4] if end >= 0 else octets


class Message(msgspec.Struct):
    """One message of the double, and what a search asks of it."""

    uid: int
    octets: bytes
    flags: Flags
    date: float
    modseq: int
    recent: bool = True

    @property
    def size(self) -> int:
        return len(self.octets)

    def header(self) -> bytes:
        return _header_of(self.octets)

    def raw(self) -> bytes:
        return self.octets


@implementer(IMailbox)
class MemoryMailbox:
    """One mailbox of the double."""

    def __init__(self, store: MemoryStore, name: str, uidvalidity: int) -> None:
        self.store_of = store
        self.account = store.account
        self.name = name
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.modseq = 1
        self.special_use = ""
        self.messages: dict[int, Message] = {}
        self.feed = Feed()

    def check(self, method: str) -> None:
        self.store_of.faults.check(method)

    # -- what tests and the store do -----------------------------------------------------------------------------

    def add(self, messages: Iterable[tuple[bytes, Flags, float]]) -> tuple[int, ...]:
        """(octets as sent, flags, date) each; the watches hear of it."""
        added = []
        for octets, flags, date in messages:
            self.modseq += 1
            added.append(Message(self.uidnext, octets, canonical(flags), date, self.modseq))
            self.messages[self.uidnext] = added[-1]
            self.uidnext += 1
        uids = tuple(message.uid for message in added)
        if added:
            self.feed.publish(Arrived(uids, tuple(message.flags for message in added)))
            self.feed.wake()
        return uids

    def remove(self, uids: Iterable[int]) -> tuple[int, ...]:
        gone = tuple(uid for uid in sorted(set(uids)) if self.messages.pop(uid, None))
        if gone:
            self.modseq += 1
            self.feed.publish(Vanished(gone, self.modseq))
            self.feed.wake()
        return gone

    def change(self, uids: Iterable[int], op: FlagOp, flags: Flags) -> list[Message]:
        found = [self.messages[uid] for uid in sorted(set(uids)) if uid in self.messages]
        changed = [message for message in found if apply(op, message.flags, flags) != message.flags]
        if changed:
            self.modseq += 1
            for message in changed:
                message.flags, message.modseq = apply(op, message.flags, flags), self.modseq
            uids = tuple(message.uid for message in changed)
            self.feed.publish(FlagsChanged(uids, tuple(message.flags for message in changed), self.modseq))
            self.feed.wake()
        return found

    def end(self) -> None:
        self.feed.publish(Gone())
        self.feed.wake()

    @property
    def size(self) -> int:
        return sum(message.size for message in self.messages.values())

    def counters(self) -> MailboxStatus:
        messages = self.messages.values()
        return MailboxStatus(
            messages=len(messages),
            recent=sum(message.recent for message in messages),
            unseen=sum(SEEN not in message.flags for message in messages),
            deleted=sum(DELETED in message.flags for message in messages),
            uidnext=self.uidnext,
            uidvalidity=self.uidvalidity,
            highestmodseq=self.modseq,
            size=self.size,
        )

    # -- IMailbox ------------------------------------------------------------------------------------------------

    @_answer
    def snapshot(self, take_recent: bool) -> Snapshot:
        messages = tuple(self.messages.values())
        recent = frozenset(message.uid for message in messages if message.recent)
        if take_recent:
            for message in messages:
                message.recent = False
        keywords = {flag for message in messages for flag in message.flags if not flag.startswith("\\")}
        return Snapshot(
            uidvalidity=self.uidvalidity,
            uidnext=self.uidnext,
            highestmodseq=self.modseq,
            uids=tuple(self.messages),
            flags=tuple(message.flags for message in messages),
            recent=recent,
            keywords=tuple(sorted(keywords)),
            at=self.feed.position,
        )

    def watch(self, at: int, woken: Callable[[], None]) -> Watch:
        return self.feed.watch(at, woken)

    @_answer
    def fetch(self, uids: Sequence[int], items: Sequence[str]) -> Sequence[Fetched]:
        if len(uids) > 1000:
            raise ValueError("at most 1,000 UIDs a call")
        found = (self.messages[uid] for uid in sorted(set(uids)) if uid in self.messages)
        return [Fetched(message.uid, tuple(self._item(message, item) for item in items)) for message in found]

    def _item(self, message: Message, item: str) -> object:
        match item:
            case "flags" | "size" | "date" | "modseq":
                return getattr(message, item)
            case "envelope" | "structure" | "body":
                return getattr(summary(message.octets), item)
            case "header":
                return _header_of(message.octets)
            case "name":
                return f"{message.uid:08x}{self.uidvalidity:08x}"
        raise ValueError(f"no such item: {item}")

    @_answer
    def body(self, uid: int) -> IBody:
        if uid not in self.messages:
            raise Expunged("the message is gone")
        return MemoryBody(self.messages[uid].octets)

    @_answer
    def store(
        self, uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None
    ) -> tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]:
        late = [
            uid
            for uid in sorted(set(uids))
            if unchanged_since is not None and uid in self.messages and self.messages[uid].modseq > unchanged_since
        ]
        done = self.change(set(uids) - set(late), op, canonical(flags))
        return [(message.uid, message.flags, message.modseq) for message in done], late

    @_answer
    def expunge(self, uids: Sequence[int]) -> Sequence[int]:
        return self.remove(uids)

    @_answer
    def search(self, query: Query, uids: Sequence[int]) -> Sequence[int]:
        found = (self.messages[uid] for uid in sorted(set(uids)) if uid in self.messages)
        return [message.uid for message in found if matches(query, message)]

    @_answer
    def look(self) -> None:
        return None


@implementer(IMailStore)
class MemoryStore:
    """One account of the double."""

    def __init__(self, account: str, clock: IReactorTime, quota_bytes: int = 0, quota_messages: int = 0) -> None:
        self.account = account
        self.clock = clock
        self.quota_bytes = quota_bytes
        self.quota_messages = quota_messages
        self.faults = Faults()
        self.subscribed: set[str] = set()
        self.mailboxes: dict[str, MemoryMailbox] = {}
        self._uidvalidity = int(clock.seconds())
        self._make(INBOX)

    def check(self, method: str) -> None:
        self.faults.check(method)

    def mailbox(self, name: str) -> MemoryMailbox:
        """NotFound if there is none."""
        name = checked_name(name)
        if name not in self.mailboxes:
            raise NotFound(f"no mailbox {name}")
        return self.mailboxes[name]

    def _make(self, name: str) -> MemoryMailbox:
        self._uidvalidity += 1
        self.mailboxes[name] = MemoryMailbox(self, name, self._uidvalidity)
        return self.mailboxes[name]

    def _below(self, name: str) -> list[str]:
        return [other for other in self.mailboxes if other.startswith(name + "/")]

    def make_room(self, sizes: Sequence[int]) -> None:
        """OverQuota if messages of these sizes do not fit."""
        used = sum(mailbox.size for mailbox in self.mailboxes.values())
        count = sum(len(mailbox.messages) for mailbox in self.mailboxes.values())
        too_many = self.quota_messages and count + len(sizes) > self.quota_messages
        if too_many or (self.quota_bytes and used + sum(sizes) > self.quota_bytes):
            raise OverQuota("the mailbox is full")

    # -- IMailStore ----------------------------------------------------------------------------------------------

    @_answer
    def open(self, name: str) -> IMailbox:
        return self.mailbox(name)

    @_answer
    def create(self, name: str, special_use: str) -> None:
        name = checked_name(name)
        if name in self.mailboxes:
            raise Exists(f"{name} is there already")
        for parent in parents(name):
            if parent not in self.mailboxes:
                self._make(parent)
        self._make(name).special_use = special_use

    @_answer
    def delete(self, name: str) -> None:
        name = checked_name(name)
        if name == INBOX:
            raise NotAllowed("INBOX cannot be deleted")
        if name not in self.mailboxes and self._below(name):
            raise NotAllowed(f"{name} has mailboxes below it")
        self.mailbox(name).end()
        del self.mailboxes[name]

    @_answer
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
        for parent in parents(new):
            if parent not in self.mailboxes:
                self._make(parent)
        for name in [name for name in (old, *self._below(old)) if name in self.mailboxes]:
            mailbox = self.mailboxes.pop(name)
            mailbox.name = new + name[len(old) :]
            self.mailboxes[mailbox.name] = mailbox

    def _empty_inbox(self, new: str) -> None:
        inbox = self.mailboxes[INBOX]
        for parent in parents(new):
            if parent not in self.mailboxes:
                self._make(parent)
        self._make(new).add((m.octets, m.flags, m.date) for m in tuple(inbox.messages.values()))
        inbox.remove(tuple(inbox.messages))

    @_answer
    def list(self) -> Sequence[MailboxInfo]:
        known = {name for mailbox in self.mailboxes for name in (*parents(mailbox), mailbox)} | self.subscribed
        return [self._info(name, known) for name in sorted(known, key=lambda name: (name != INBOX, name))]

    def _info(self, name: str, known: set[str]) -> MailboxInfo:
        mailbox = self.mailboxes.get(name)
        return MailboxInfo(
            name=name,
            selectable=mailbox is not None,
            subscribed=name in self.subscribed,
            has_children=bool(self._below(name)),
            special_use=mailbox.special_use if mailbox else "",
        )

    @_answer
    def subscribe(self, name: str, wanted: bool) -> None:
        (self.subscribed.add if wanted else self.subscribed.discard)(checked_name(name))

    @_answer
    def status(self, name: str) -> MailboxStatus:
        return self.mailbox(name).counters()

    @_answer
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


async def octets_of(body: IBody) -> bytes:
    """Everything in an IBody, which is then closed."""
    parts, offset = [], 0
    while offset < body.size:
        parts.append(await body.read_at(offset, 1 << 20))
        offset += len(parts[-1])
    body.close()
    return b"".join(parts)


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
        return self.stores[account]

    @_answer
    def open(self, account: str) -> IMailStore:
        return self.store(account)

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
