"""One mailbox of the double in ``memory_store``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from zope.interface import implementer

from mailsuite.errors import Expunged, MailError, NotFound, TooBig
from mailsuite.interfaces import IBody, IMailbox
from mailsuite.mime import header
from mailsuite.mime.downgrade import downgrade
from mailsuite.mime.header import index
from mailsuite.mime.identity import digest, email_id, mailbox_id, thread, thread_id
from mailsuite.mime.ordering import ordering
from mailsuite.mime.preview import preview
from mailsuite.mime.render import summary
from mailsuite.mime.sorting import FIELDS, in_order
from mailsuite.mime.threads import ALGORITHMS, Threadable
from mailsuite.model import (
    DELETED,
    SEEN,
    SYSTEM_FLAGS,
    Arrived,
    Fetched,
    FlagOp,
    Flags,
    FlagsChanged,
    Forest,
    Gone,
    Listing,
    MailboxStatus,
    Snapshot,
    Vanished,
)
from mailsuite.query import Query, Ranges, SortBy, SortKey, ThreadAlgorithm, unheard
from mailsuite.store.bodies import WHOLE
from mailsuite.store.feed import Feed, Watch
from mailsuite.store.flags import apply, canonical, spelled
from mailsuite.store.history import merged, missing, ranges
from mailsuite.store.search import Examined, matches
from mailsuite.testing.faults import answers
from mailsuite.testing.memory_body import MemoryBody, header_of

if TYPE_CHECKING:
    from mailsuite.testing.memory_store import MemoryStore


class Message(msgspec.Struct):
    """One message of the double, and what a search asks of it."""

    uid: int
    octets: bytes
    flags: Flags
    date: float
    modseq: int
    recent: bool = True
    saved: float = 0.0
    preview: str | None = None

    @property
    def size(self) -> int:
        return len(self.octets)

    def email_id(self) -> bytes:
        return email_id(digest(self.octets), self.date)

    def thread_id(self) -> bytes:
        return thread_id(digest(self.octets), thread(summary(self.octets).fields))

    def header(self) -> bytes:
        return header_of(self.octets)

    def pieces(self) -> Sequence[bytes]:
        return (self.octets,)


@implementer(IMailbox)
class MemoryMailbox:
    """One mailbox of the double."""

    prompt = False

    def __init__(self, store: MemoryStore, name: str, uidvalidity: int) -> None:
        self.store_of = store
        self.account = store.account
        self.name = name
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.modseq = 1
        self.special_use = ""
        self.access: dict[str, str] = {}
        #: Whose (empty: everybody's), entry -> value.
        self.annotations: dict[tuple[str, str], bytes] = {}
        self.id = mailbox_id(self.account, uidvalidity)
        #: (MODSEQ, UIDs) of what was expunged; nothing is known of what was up to MODSEQ ``floor``.
        self.expunged: list[tuple[int, tuple[int, ...]]] = []
        self.floor = 0
        self.messages: dict[int, Message] = {}
        self.feed = Feed()
        self.gone = False

    def check(self, method: str) -> None:
        self.store_of.faults.check(method)

    # -- what tests and the store do -----------------------------------------------------------------------------

    def add(self, messages: Iterable[tuple[bytes, Flags, float]]) -> tuple[int, ...]:
        """(octets as sent, flags, date) each; the watches hear of it."""
        added = []
        for octets, flags, date in messages:
            self.modseq += 1
            saved = self.store_of.clock.seconds()
            added.append(Message(self.uidnext, octets, self._spelled(flags), date, self.modseq, saved=saved))
            self.messages[self.uidnext] = added[-1]
            self.uidnext += 1
        uids = tuple(message.uid for message in added)
        if added:
            self.feed.publish(Arrived(uids, tuple(message.flags for message in added), modseq=self.modseq))
            self.feed.wake()
        return uids

    def remove(self, uids: Iterable[int]) -> tuple[int, ...]:
        gone = tuple(uid for uid in sorted(set(uids)) if self.messages.pop(uid, None))
        if gone:
            self.modseq += 1
            self.expunged.append((self.modseq, gone))
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

    def _spelled(self, flags: Flags) -> Flags:
        """As the store writes them down."""
        return spelled(canonical(flags), self._keywords() if flags.difference(SYSTEM_FLAGS) else ())

    def _keywords(self) -> list[str]:
        return sorted({flag for message in self.messages.values() for flag in message.flags}.difference(SYSTEM_FLAGS))

    def end(self) -> None:
        self.gone = True
        self.feed.publish(Gone())
        self.feed.wake()

    @property
    def size(self) -> int:
        return sum(message.size for message in self.messages.values())

    def _note_claims(self) -> None:
        for uid in self.feed.take_claims():
            if uid in self.messages:
                self.messages[uid].recent = False

    def counters(self) -> MailboxStatus:
        self._note_claims()
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
            id=self.id,
            at=self.feed.position,
            deleted_size=sum(message.size for message in messages if DELETED in message.flags),
        )

    # -- IMailbox ------------------------------------------------------------------------------------------------

    @answers
    def snapshot(self, take_recent: bool) -> Snapshot:
        self._note_claims()
        messages = tuple(self.messages.values())
        recent = frozenset(message.uid for message in messages if message.recent)
        if take_recent:
            self.feed.claim_all()
            for message in messages:
                message.recent = False
        return Snapshot(
            uidvalidity=self.uidvalidity,
            uidnext=self.uidnext,
            highestmodseq=self.modseq,
            uids=tuple(self.messages),
            flags=tuple(message.flags for message in messages),
            recent=recent,
            keywords=tuple(self._keywords()),
            at=self.feed.position,
            first_unseen=next((n for n, message in enumerate(messages, 1) if SEEN not in message.flags), 0),
        )

    def watch(self, at: int, woken: Callable[[], None], take_recent: bool = False) -> Watch:
        return self.feed.watch(at, woken, take_recent)

    @answers
    def fetch(self, uids: Sequence[int], items: Sequence[str]) -> Fetched:
        if len(uids) > 1000:
            raise ValueError("at most 1,000 UIDs a call")
        found = [self.messages[uid] for uid in sorted(set(uids)) if uid in self.messages]
        columns = tuple([self._item(message, item) for message in found] for item in items)
        return Fetched([message.uid for message in found], columns)

    def _item(self, message: Message, item: str) -> object:
        match item:
            case "flags" | "size" | "date" | "saved" | "modseq":
                return getattr(message, item)
            case "second":
                return int(message.date)
            case "envelope" | "structure" | "body":
                return getattr(summary(message.octets), item)
            case "emailid":
                return message.email_id()
            case "threadid":
                return message.thread_id()
            case "preview":
                message.preview = preview(message.octets)
                return message.preview
            case "known_preview":
                return message.preview
            case "header":
                return header_of(message.octets)
            case "name":
                return f"{message.uid:08x}{self.uidvalidity:08x}"
        if item.startswith("fields "):
            return header.select(header_of(message.octets), item.encode().split()[1:])
        raise ValueError(f"no such item: {item}")

    @answers
    def body(self, uid: int) -> IBody:
        if uid not in self.messages:
            raise Expunged("the message is gone")
        return MemoryBody(self.messages[uid].octets)

    @answers
    def listing(self, ascii_only: bool) -> Listing:
        messages = tuple(self.messages.values())
        forms = [downgrade(each.octets) if ascii_only else each.octets for each in messages]
        return Listing(
            uids=tuple(self.messages),
            sizes=tuple(map(len, forms)),
            names=tuple(str(self._item(each, "name")) for each in messages),
            downgraded=frozenset(each.uid for each, form in zip(messages, forms, strict=True) if form != each.octets),
            at=self.feed.position,
        )

    @answers
    def octets(self, uids: Sequence[int], most: int) -> Sequence[bytes | MailError]:
        found: list[bytes | MailError] = []
        for uid in uids:
            octets = self.messages[uid].octets if uid in self.messages else b""
            most -= len(octets)
            if most < 0 and found:
                break
            if uid not in self.messages:
                found.append(Expunged("the message is gone"))
            else:
                found.append(octets if len(octets) <= WHOLE else TooBig("too large to be read at once"))
        return found

    @answers
    def store(
        self, uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None
    ) -> tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]:
        late = [
            uid
            for uid in sorted(set(uids))
            if unchanged_since is not None and uid in self.messages and self.messages[uid].modseq > unchanged_since
        ]
        done = self.change(set(uids) - set(late), op, self._spelled(flags))
        return [(message.uid, message.flags, message.modseq) for message in done], late

    @answers
    def expunge(self, uids: Sequence[int]) -> Sequence[int]:
        return self.remove(uids)

    @answers
    def changed_since(self, modseq: int) -> Sequence[int]:
        return [message.uid for message in self.messages.values() if message.modseq > modseq]

    @answers
    def vanished_since(self, modseq: int) -> Ranges:
        if modseq < self.floor:
            return missing(tuple(self.messages), self.uidnext)
        return merged(ranges(uids) for at, uids in self.expunged if at > modseq)

    @answers
    def search(self, query: Query, uids: Sequence[int], so_far: Callable[[int, int], None] = unheard) -> Sequence[int]:
        found = (self.messages[uid] for uid in sorted(set(uids)) if uid in self.messages)
        return [message.uid for message in found if matches(query, message)]

    @answers
    def relevance(self, query: Query, uids: Sequence[int]) -> Sequence[int]:
        return [Examined(self.messages[uid]).relevance(query) if uid in self.messages else 1 for uid in uids]

    @answers
    def sort(self, uids: Sequence[int], criteria: Sequence[SortBy], relevance: Mapping[int, int]) -> Sequence[int]:
        found = [self.messages[uid] for uid in sorted(set(uids)) if uid in self.messages]
        orders = [ordering(index(message.header())) for message in found]
        columns: dict[SortKey, Sequence[Any]] = {
            key: [getattr(o, name) for o in orders] for key, name in FIELDS.items()
        }
        columns[SortKey.DATE] = [m.date if o.sent is None else o.sent for m, o in zip(found, orders, strict=True)]
        columns[SortKey.ARRIVAL] = [message.date for message in found]
        columns[SortKey.RELEVANCY] = [-relevance.get(message.uid, 0) for message in found]
        columns[SortKey.SIZE] = [message.size for message in found]
        return in_order([message.uid for message in found], columns, criteria)

    @answers
    def thread(self, uids: Sequence[int], algorithm: ThreadAlgorithm) -> Forest:
        found = [self.messages[uid] for uid in sorted(set(uids)) if uid in self.messages]
        messages = []
        for each in found:
            o = ordering(index(each.header()))
            sent = each.date if o.sent is None else o.sent
            messages.append(Threadable(each.uid, sent, o.subject, o.reply, o.id, "\n".join(o.references)))
        return ALGORITHMS[algorithm](messages)

    @answers
    def look(self) -> None:
        if self.gone:
            raise NotFound(f"no mailbox {self.name}")
