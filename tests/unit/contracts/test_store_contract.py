"""What IMailStores promises, asked of the double and of the Maildir store alike."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite import query as q
from mailsuite.disk.placement import place
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.errors import (
    Exists,
    Expunged,
    HasChildren,
    InvalidName,
    NotFound,
    OverQuota,
    TooBig,
    TooMany,
    Unsupported,
)
from mailsuite.interfaces import IBody, IMailbox, IMailStore, IMailStores, IWatch
from mailsuite.mime.downgrade import downgrade
from mailsuite.model import (
    INBOX,
    NULL_SENDER,
    Account,
    Appended,
    Arrived,
    Envelope,
    FlagOp,
    Flags,
    FlagsChanged,
    Gone,
    MailboxInfo,
    Overflow,
    ToMailbox,
    Vanished,
)
from mailsuite.offload import Inline
from mailsuite.query import Ranges
from mailsuite.sharing.stores import SharingStores
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.memory_store import EPOCH, MemoryStores
from mailsuite.testing.results import failure_of, result_of

ACCOUNT = "ann@example.org"
MESSAGE = b"From: a@b\r\nSubject: hello\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\nFirst line\r\n.\r\nlast\r\n"
QUOTA_BYTES, QUOTA_MESSAGES = 40_000, 2000


class World(Protocol):
    """A store under test, and mail arriving in it."""

    stores: Any
    spool: Spool
    clock: Clock

    def deliver(self, octets: bytes, flags: Flags = frozenset(), mailbox: str = INBOX) -> None: ...

    def limit(self, octets: int, messages: int) -> None: ...


class MemoryWorld:
    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.clock.advance(EPOCH)
        self.stores = MemoryStores(self.clock)
        self.spool = Spool(str(folder), Inline())

    def deliver(self, octets: bytes, flags: Flags = frozenset(), mailbox: str = INBOX) -> None:
        self.stores.deliver(ACCOUNT, octets, mailbox, flags)

    def limit(self, octets: int, messages: int) -> None:
        store = self.stores.store(ACCOUNT)
        store.quota_bytes, store.quota_messages = octets, messages


class SharedWorld(MemoryWorld):
    """Ann's mailboxes, seen by herself through what shares them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.memory = self.stores
        self.stores = SharingStores(self.memory, "Other Users", self.spool.draft)

    def deliver(self, octets: bytes, flags: Flags = frozenset(), mailbox: str = INBOX) -> None:
        self.memory.deliver(ACCOUNT, octets, mailbox, flags)

    def limit(self, octets: int, messages: int) -> None:
        store = self.memory.store(ACCOUNT)
        store.quota_bytes, store.quota_messages = octets, messages


class MaildirWorld:
    def __init__(self, folder: Path) -> None:
        self.clock = clock = Clock()
        clock.advance(EPOCH)
        self.account = Account(ACCOUNT)
        offload = Inline()
        self.spool = Spool(str(folder / "spool"), offload, memory_limit=200)
        self.spool.clean()
        self.stores = MaildirStores(
            str(folder / "store"), RealDisk(), offload, clock, "mail.example.org", quota=lambda name: self.account
        )

    def deliver(self, octets: bytes, flags: Flags = frozenset(), mailbox: str = INBOX) -> None:
        draft = self.spool.draft()
        draft.write(octets)
        envelope = Envelope("1", NULL_SENDER, (), EPOCH)
        placed = self.stores.placements([ToMailbox(ACCOUNT, mailbox, flags)], envelope, b"", result_of(draft.content()))
        place(RealDisk(), placed)
        self.stores.arrived(placed)

    def limit(self, octets: int, messages: int) -> None:
        self.account = Account(ACCOUNT, octets, messages)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture(params=[MemoryWorld, SharedWorld, MaildirWorld])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return request.param(tmp_path)


@pytest.fixture
def store(world: World) -> Any:
    return result_of(world.stores.open(ACCOUNT))


@pytest.fixture
def inbox(store: Any) -> Any:
    return result_of(store.open(INBOX))


class Session:
    """A mailbox, a snapshot of it and a watch from there on."""

    def __init__(self, mailbox: Any, take_recent: bool = True) -> None:
        self.mailbox = mailbox
        self.snapshot = result_of(mailbox.snapshot(take_recent))
        self.woken = 0
        self.watch = mailbox.watch(self.snapshot.at, self._wake)

    def _wake(self) -> None:
        self.woken += 1


def append(world: World, store: Any, name: str, *messages: tuple[bytes, Flags, float]) -> list[Appended]:
    return list(result_of(store.append(name, [_drafted(world, *each) for each in messages])))


def _drafted(world: World, octets: bytes, flags: Flags, date: float) -> tuple[Any, Flags, float]:
    draft = world.spool.draft()
    draft.write(octets)
    return draft, flags, date


def fetch(mailbox: Any, uid: int, item: str) -> Any:
    [found] = result_of(mailbox.fetch([uid], [item]))
    return found.items[0]


def octets(mailbox: Any, uid: int) -> bytes:
    body = result_of(mailbox.body(uid))
    try:
        return result_of(body.read_at(0, body.size))
    finally:
        body.close()


def names(store: Any) -> list[str]:
    return [info.name for info in result_of(store.list())]


# -- shape ---------------------------------------------------------------------------------------------------------


def test_every_part_provides_its_interface(world: World, store: Any, inbox: Any) -> None:
    world.deliver(MESSAGE)
    session = Session(inbox)
    verifyObject(IMailStores, world.stores)
    verifyObject(IMailStore, store)
    verifyObject(IMailbox, inbox)
    verifyObject(IWatch, session.watch)
    verifyObject(IBody, result_of(inbox.body(1)))
    assert (inbox.name, inbox.account) == (INBOX, ACCOUNT)


def test_a_new_account_has_an_empty_inbox(store: Any, inbox: Any) -> None:
    assert result_of(store.list()) == [MailboxInfo(INBOX)]
    snapshot = result_of(inbox.snapshot(True))
    assert (snapshot.uids, snapshot.flags, snapshot.recent, snapshot.uidnext) == ((), (), frozenset(), 1)


# -- reading -------------------------------------------------------------------------------------------------------


def test_a_delivered_message_is_there_with_the_next_uid(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    world.deliver(MESSAGE, frozenset({"\\Seen", "NonJunk"}))
    snapshot = result_of(inbox.snapshot(False))
    assert snapshot.uids == (1, 2)
    assert snapshot.flags == (frozenset(), frozenset({"\\Seen", "NonJunk"}))
    assert snapshot.uidnext == 3
    assert "NonJunk" in snapshot.keywords
    assert snapshot.first_unseen == 1


def test_an_appended_message_comes_back_octet_by_octet(world: World, store: Any, inbox: Any) -> None:
    big = MESSAGE + b"x" * 70_000 + b"\r\n" + b"a bare \r in the line\r\r\n" + b"\r\n" * 90_000
    appended = append(world, store, INBOX, (MESSAGE, frozenset(), 5e8), (big, frozenset({"\\Draft"}), 6e8))
    uidvalidity = result_of(inbox.snapshot(False)).uidvalidity
    assert appended == [Appended(uidvalidity, 1), Appended(uidvalidity, 2)]
    assert octets(inbox, 1) == MESSAGE
    assert octets(inbox, 2) == big
    assert (fetch(inbox, 1, "size"), fetch(inbox, 2, "size")) == (len(MESSAGE), len(big))
    assert (fetch(inbox, 1, "date"), fetch(inbox, 2, "date")) == (5e8, 6e8)
    assert fetch(inbox, 2, "flags") == frozenset({"\\Draft"})


def test_the_save_date_is_when_it_came_into_its_mailbox(world: World, store: Any, inbox: Any) -> None:
    """RFC 8514 §3: APPEND cannot set it, COPY and MOVE do not take it along, changes of flags leave it alone."""
    append(world, store, INBOX, (MESSAGE, frozenset(), 5e8), (MESSAGE, frozenset(), 6e8))
    assert fetch(inbox, 1, "saved") == EPOCH
    world.clock.advance(86400)
    result_of(store.create("Other", ""))
    other = result_of(store.open("Other"))
    result_of(store.copy(inbox, [1], "Other", False))
    result_of(store.copy(inbox, [2], "Other", True))
    result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Seen"}), None))
    assert fetch(inbox, 1, "saved") == EPOCH
    assert [fetch(other, uid, "saved") for uid in (1, 2)] == [EPOCH + 86400] * 2
    day = q.SavedDate(q.When.ON, datetime.fromtimestamp(EPOCH, UTC).toordinal())
    assert list(result_of(inbox.search(day, [1]))) == [1]
    assert list(result_of(other.search(day, [1, 2]))) == []


def test_a_preview_is_made_when_asked_for_and_known_from_then_on(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    world.deliver(MESSAGE)
    assert fetch(inbox, 1, "known_preview") is None
    assert fetch(inbox, 1, "preview") == fetch(inbox, 1, "known_preview") == "First line . last"
    found = result_of(inbox.fetch([1, 2], ["known_preview", "size"]))
    assert [each.items[0] for each in found] == ["First line . last", None]
    result_of(inbox.expunge([1]))
    assert [each.uid for each in result_of(inbox.fetch([1, 2], ["preview"]))] == [2]


@pytest.mark.parametrize("size", [10, 300_000])
@pytest.mark.parametrize("name", [INBOX, "Other"])
def test_a_message_takes_the_place_of_another(world: World, store: Any, inbox: Any, name: str, size: int) -> None:
    """RFC 8508 §3.4."""
    result_of(store.create("Other", ""))
    append(world, store, INBOX, (MESSAGE, frozenset(), 5e8), (MESSAGE, frozenset(), 6e8))
    append(world, store, "Other", (MESSAGE, frozenset(), 7e8), (MESSAGE, frozenset(), 7e8))
    session = Session(inbox)
    fresh = _drafted(world, b"x" * size, frozenset({"\\Draft"}), 8e8)
    appended = result_of(store.replace(inbox, 1, name, fresh))
    mailbox = result_of(store.open(name))
    assert appended.uid == 3
    assert appended.uidvalidity == result_of(mailbox.snapshot(False)).uidvalidity
    assert (fetch(mailbox, 3, "size"), fetch(mailbox, 3, "date")) == (size, 8e8)
    assert fetch(mailbox, 3, "flags") == frozenset({"\\Draft"})
    now = result_of(inbox.snapshot(False))
    assert now.uids == ((2, 3) if name == INBOX else (2,))
    changes = list(session.watch.take())
    assert changes[-1] == Vanished((1,), now.highestmodseq)
    assert [type(each) for each in changes] == ([Arrived, Vanished] if name == INBOX else [Vanished])
    assert list(result_of(inbox.vanished_since(session.snapshot.highestmodseq))) == [(1, 1)]


def test_a_replacement_needs_room_only_for_what_it_is_larger(world: World, store: Any, inbox: Any) -> None:
    append(world, store, INBOX, (b"x" * 600, frozenset(), 5e8))
    world.limit(1000, 1)
    assert result_of(store.replace(inbox, 1, INBOX, _drafted(world, b"y" * 900, frozenset(), 5e8))).uid == 2
    too_large = _drafted(world, b"y" * 1001, frozenset(), 5e8)
    failure_of(store.replace(inbox, 2, INBOX, too_large), OverQuota)
    assert result_of(inbox.snapshot(False)).uids == (2,)
    assert result_of(store.status(INBOX)).size == 900


def test_what_cannot_be_replaced_leaves_everything_as_it_was(world: World, store: Any, inbox: Any) -> None:
    append(world, store, INBOX, (MESSAGE, frozenset(), 5e8))
    for size in (10, 300_000):
        fresh = _drafted(world, b"x" * size, frozenset(), 5e8)
        failure_of(store.replace(inbox, 7, INBOX, fresh), Expunged)
        fresh = _drafted(world, b"x" * size, frozenset(), 5e8)
        assert type(failure_of(store.replace(inbox, 1, "Nowhere", fresh), NotFound)) is NotFound
    assert result_of(inbox.snapshot(False)).uids == (1,)
    assert append(world, store, INBOX, (MESSAGE, frozenset(), 5e8))[0].uid == 2


def test_a_large_body_is_read_from_any_place(world: World, store: Any, inbox: Any) -> None:
    big = MESSAGE + b"".join(b"line %d\r\n" % number for number in range(90_000))
    append(world, store, INBOX, (big, frozenset(), 5e8))
    body = result_of(inbox.body(1))
    assert body.size == len(big)
    for offset in (800_000, 3, 500_001, len(big) - 5, len(big), 0):
        assert result_of(body.read_at(offset, 1000)) == big[offset : offset + 1000]
    assert result_of(body.header()) == MESSAGE[: MESSAGE.index(b"\r\n\r\n") + 4]
    body.close()
    body.close()


def test_fetch_answers_items_in_the_order_asked_and_leaves_out_what_is_gone(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    result_of(inbox.snapshot(True))
    [found] = result_of(inbox.fetch([1, 7], ["size", "flags", "modseq", "header"]))
    size, flags, modseq, header = found.items
    assert found.uid == 1
    assert size == len(octets(inbox, 1))
    assert flags == frozenset()
    assert modseq <= result_of(inbox.snapshot(False)).highestmodseq
    assert header.endswith(b"Subject: hello\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n")


def test_fetch_renders_envelope_and_structure_as_imap_sends_them(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    assert fetch(inbox, 1, "envelope").startswith(b'("Tue, 14 Nov 2023 22:13:20 +0000" "hello" ((NIL NIL "a" "b"))')
    for item in ("structure", "body"):
        assert fetch(inbox, 1, item).startswith(b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 21 3')
    assert len(fetch(inbox, 1, "structure")) > len(fetch(inbox, 1, "body"))


def test_the_permanent_name_is_unique_printable_and_outlives_flags(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    world.deliver(MESSAGE)
    first, second = fetch(inbox, 1, "name"), fetch(inbox, 2, "name")
    result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Seen"}), None))
    assert fetch(inbox, 1, "name") == first != second
    assert 1 <= len(first) <= 70
    assert all("!" <= char <= "~" for char in first)


def test_a_message_that_is_gone_has_no_body(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    result_of(inbox.expunge([1]))
    failure_of(inbox.body(1), Expunged)
    failure_of(inbox.body(99), Expunged)
    assert list(result_of(inbox.fetch([1], ["flags"]))) == []


GLOBAL = "Subject: Grüße\r\n\r\nschön\r\n".encode()


def test_a_listing_has_all_messages_with_names_and_sizes(world: World, inbox: Any) -> None:
    for octets in (MESSAGE, b"Subject: two\r\n\r\n", GLOBAL):
        world.deliver(octets)
    result_of(inbox.expunge([2]))
    listing = result_of(inbox.listing(False))
    assert listing.uids == (1, 3)
    assert listing.sizes == tuple(fetch(inbox, uid, "size") for uid in (1, 3))
    assert tuple(listing.names) == tuple(fetch(inbox, uid, "name") for uid in (1, 3))
    assert not listing.downgraded
    watch = inbox.watch(listing.at, lambda: None)
    assert watch.take() == ()
    world.deliver(MESSAGE)
    assert [type(change) for change in watch.take()] == [Arrived]
    watch.close()


def test_a_listing_claims_nothing_as_recent(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    result_of(inbox.listing(True))
    assert result_of(inbox.snapshot(True)).recent == frozenset((1,))


def test_an_empty_mailbox_has_an_empty_listing(inbox: Any) -> None:
    listing = result_of(inbox.listing(True))
    assert (listing.uids, listing.sizes, len(listing.names), listing.downgraded) == ((), (), 0, frozenset())


def test_a_listing_for_ascii_has_the_sizes_of_downgraded_messages(world: World, inbox: Any) -> None:
    large = GLOBAL + "Zeile für Zeile\r\n".encode() * 10_000
    for each in (MESSAGE, GLOBAL, b"Subject: plain\r\n\r\n\xfc\r\n", large, b"Subject: \xfc\r\n\r\n"):
        world.deliver(each)
    listing = result_of(inbox.listing(True))
    assert listing.downgraded == {2, 4}
    sent = [octets(inbox, uid) for uid in listing.uids]
    assert listing.sizes == tuple(len(downgrade(each)) for each in sent)
    assert result_of(inbox.listing(True)).sizes == listing.sizes
    assert result_of(inbox.listing(False)).sizes == tuple(map(len, sent))
    result_of(inbox.expunge([2]))
    world.deliver(GLOBAL)
    assert result_of(inbox.listing(True)).downgraded == {4, 6}


def test_octets_gives_whole_messages_in_the_order_asked(world: World, inbox: Any) -> None:
    for number in range(3):
        world.deliver(b"Subject: %d\r\n\r\n.\r\n" % number)
    result_of(inbox.expunge([2]))
    third, second, first = result_of(inbox.octets([3, 2, 1], 1 << 20))
    assert (third, first) == (octets(inbox, 3), octets(inbox, 1))
    assert isinstance(second, Expunged)


def test_octets_stops_before_there_are_too_many(world: World, inbox: Any) -> None:
    for _ in range(3):
        world.deliver(MESSAGE)
    size = fetch(inbox, 1, "size")
    assert len(result_of(inbox.octets([1, 2, 3], 1))) == 1
    assert len(result_of(inbox.octets([1, 2, 3], 2 * size))) == 2
    assert result_of(inbox.octets([], 100)) == []


def test_octets_leaves_a_large_message_to_its_body(world: World, inbox: Any) -> None:
    world.deliver(b"Subject: large\r\n\r\n" + b"x\r\n" * 200_000)
    (found,) = result_of(inbox.octets([1], 1 << 20))
    assert isinstance(found, TooBig)


def test_recent_is_told_to_the_first_that_takes_it(world: World, store: Any, inbox: Any) -> None:
    world.deliver(MESSAGE)
    assert result_of(store.status(INBOX)).recent == 1
    assert result_of(inbox.snapshot(False)).recent == {1}
    assert result_of(inbox.snapshot(True)).recent == {1}
    assert result_of(inbox.snapshot(True)).recent == frozenset()
    assert result_of(store.status(INBOX)).recent == 0


def test_a_deleted_mailbox_cannot_be_looked_at(store: Any) -> None:
    result_of(store.create("Old", ""))
    old = result_of(store.open("Old"))
    result_of(old.look())
    result_of(store.delete("Old"))
    failure_of(old.look(), NotFound)


def test_an_arrival_is_recent_for_the_first_watch_that_takes_it(world: World, store: Any, inbox: Any) -> None:
    """RFC 3501 §2.3.2; what only looks takes nothing."""
    at = result_of(inbox.snapshot(True)).at
    first, second = (inbox.watch(at, lambda: None, take_recent=True) for _ in range(2))
    looker = inbox.watch(at, lambda: None)
    world.deliver(MESSAGE)
    assert [each.take()[0].recent for each in (looker, first, second)] == [True, True, False]
    assert inbox.watch(at, lambda: None).take()[0].recent is False
    assert result_of(store.status(INBOX)).recent == 0
    assert result_of(inbox.snapshot(True)).recent == frozenset()
    world.deliver(MESSAGE)
    assert [each.take()[0].recent for each in (second, first)] == [True, False]


def test_what_a_snapshot_took_as_recent_is_recent_for_no_watch(world: World, store: Any, inbox: Any) -> None:
    at = result_of(inbox.snapshot(True)).at
    watch = inbox.watch(at, lambda: None, take_recent=True)
    world.deliver(MESSAGE)
    assert result_of(inbox.snapshot(True)).recent == {1}
    assert watch.take()[0].recent is False
    assert result_of(store.status(INBOX)).recent == 0


def test_status_counts(world: World, store: Any) -> None:
    world.deliver(MESSAGE, frozenset({"\\Seen"}))
    world.deliver(MESSAGE, frozenset({"\\Deleted"}))
    world.deliver(MESSAGE)
    status = result_of(store.status("inbox"))
    assert (status.messages, status.unseen, status.deleted, status.uidnext) == (3, 2, 1, 4)
    assert status.size >= 3 * len(MESSAGE)
    assert status.deleted_size == status.size // 3
    assert status.uidvalidity > 0
    inbox = result_of(store.open(INBOX))
    result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Deleted"}), None))
    assert result_of(store.status(INBOX)).deleted_size == status.size // 3 * 2
    result_of(inbox.expunge([1]))
    assert result_of(store.status(INBOX)).deleted_size == status.size // 3
    result_of(inbox.store([2], FlagOp.REMOVE, frozenset({"\\Deleted"}), None))
    assert result_of(store.status(INBOX)).deleted_size == 0
    failure_of(store.status("nothing"), NotFound)


# -- flags ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "flags", "expected"),
    [
        (FlagOp.ADD, {"\\Flagged"}, {"\\Seen", "Old", "\\Flagged"}),
        (FlagOp.ADD, {"\\SEEN", "old"}, {"\\Seen", "Old"}),
        (FlagOp.REMOVE, {"\\seen"}, {"Old"}),
        (FlagOp.REMOVE, {"OLD", "other"}, {"\\Seen"}),
        (FlagOp.REPLACE, {"New", "\\Answered"}, {"New", "\\Answered"}),
        (FlagOp.REPLACE, set(), set()),
        (FlagOp.ADD, {"\\Recent", "\\Nonsense"}, {"\\Seen", "Old"}),
        (FlagOp.ADD, {"$Forwarded"}, {"\\Seen", "Old", "$Forwarded"}),
    ],
)
def test_store_changes_flags(world: World, inbox: Any, op: FlagOp, flags: set[str], expected: set[str]) -> None:
    world.deliver(MESSAGE, frozenset({"\\Seen", "Old"}))
    done, late = result_of(inbox.store([1, 5], op, frozenset(flags), None))
    assert [(uid, now) for uid, now, _ in done] == [(1, expected)]
    assert list(late) == []
    assert result_of(inbox.snapshot(False)).flags == (frozenset(expected),)


def test_store_leaves_alone_what_changed_since(world: World, inbox: Any) -> None:
    """RFC 7162 §3.1.3."""
    world.deliver(MESSAGE)
    world.deliver(MESSAGE)
    known = result_of(inbox.snapshot(False)).highestmodseq
    [(_, _, modseq)], _ = result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Seen"}), None))
    assert modseq > known
    done, late = result_of(inbox.store([1, 2], FlagOp.ADD, frozenset({"\\Flagged"}), known))
    assert [uid for uid, _, _ in done] == [2]
    assert list(late) == [1]
    assert fetch(inbox, 1, "flags") == {"\\Seen"}
    assert fetch(inbox, 2, "modseq") == result_of(inbox.snapshot(False)).highestmodseq > modseq


def test_a_flag_that_is_there_already_changes_nothing(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE, frozenset({"\\Seen"}))
    session = Session(inbox)
    [(_, _, modseq)], _ = result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Seen"}), None))
    assert modseq <= session.snapshot.highestmodseq
    assert list(session.watch.take()) == []


def test_more_keywords_than_letters_are_kept(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    world.deliver(MESSAGE)
    many = frozenset(f"Keyword{number}" for number in range(40))
    result_of(inbox.store([1], FlagOp.REPLACE, many, None))
    assert fetch(inbox, 1, "flags") == many
    result_of(inbox.store([1], FlagOp.REMOVE, frozenset({"keyword3", "KEYWORD39"}), None))
    assert fetch(inbox, 1, "flags") == many - {"Keyword3", "Keyword39"}
    assert fetch(inbox, 2, "flags") == frozenset()


# -- sessions hear of each other -----------------------------------------------------------------------------------


def test_all_watches_hear_of_flags_arrivals_and_expunges(world: World, store: Any, inbox: Any) -> None:
    world.deliver(MESSAGE)
    one, two = Session(inbox), Session(result_of(store.open(INBOX)))
    world.deliver(MESSAGE)
    [(_, flags, modseq)], _ = result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Seen"}), None))
    assert list(result_of(inbox.expunge([2, 9]))) == [2]
    for session in (one, two):
        arrived, changed, vanished = session.watch.take()
        assert arrived == Arrived((2,), (frozenset(),), modseq=arrived.modseq)
        assert 0 < arrived.modseq < modseq
        assert changed == FlagsChanged((1,), (flags,), modseq)
        assert isinstance(vanished, Vanished)
        assert (vanished.uids, vanished.modseq > modseq) == ((2,), True)
        assert list(session.watch.take()) == []


def test_a_watch_is_woken_once_until_it_is_read(world: World, inbox: Any) -> None:
    session = Session(inbox)
    world.deliver(MESSAGE)
    world.deliver(MESSAGE)
    assert session.woken == 1
    assert [uid for change in session.watch.take() for uid in change.uids] == [1, 2]
    world.deliver(MESSAGE)
    assert session.woken == 2


def test_a_watch_begins_where_its_snapshot_was_taken(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    snapshot = result_of(inbox.snapshot(True))
    world.deliver(MESSAGE)
    watch = inbox.watch(snapshot.at, lambda: None)
    [modseq] = result_of(inbox.fetch([2], ("modseq",))).columns[0]
    assert list(watch.take()) == [Arrived((2,), (frozenset(),), modseq=modseq)]


def test_a_closed_watch_hears_nothing(world: World, inbox: Any) -> None:
    session = Session(inbox)
    session.watch.close()
    session.watch.close()
    world.deliver(MESSAGE)
    assert session.woken == 0
    assert list(session.watch.take()) == []


def test_a_watch_that_is_not_read_ends_with_one_overflow(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    session = Session(inbox)
    for _ in range(10_500):
        for folder in _feeds(inbox):
            folder.publish(FlagsChanged((1, 2), (frozenset(), frozenset()), 1))
    assert list(session.watch.take()) == [Overflow()]
    world.deliver(MESSAGE)
    assert list(session.watch.take()) == []


def _feeds(mailbox: Any) -> list[Any]:
    return [mailbox.feed if hasattr(mailbox, "feed") else mailbox.folder.feed]


def test_deleting_a_mailbox_ends_its_sessions(world: World, store: Any) -> None:
    result_of(store.create("Old", ""))
    session = Session(result_of(store.open("Old")))
    result_of(store.delete("Old"))
    assert list(session.watch.take()) == [Gone()]
    assert session.woken == 1


# -- names ---------------------------------------------------------------------------------------------------------


def test_create_makes_parents_and_list_tells(store: Any) -> None:
    result_of(store.create("Sent", "\\Sent"))
    result_of(store.create("Work/2023/Größe", ""))
    assert result_of(store.list()) == [
        MailboxInfo(INBOX),
        MailboxInfo("Sent", special_use="\\Sent"),
        MailboxInfo("Work", has_children=True),
        MailboxInfo("Work/2023", has_children=True),
        MailboxInfo("Work/2023/Größe"),
    ]
    failure_of(store.create("Sent", ""), Exists)
    failure_of(store.create("inbox", ""), Exists)


@pytest.mark.parametrize("name", ["", "/", "a//b", "/a", "a/", "..", "a/../b", ".", "a\0b", "a\nb", "\x7f", "x" * 500])
def test_names_that_cannot_be_are_refused(store: Any, name: str) -> None:
    failure_of(store.create(name, ""), InvalidName)
    assert names(store) == [INBOX]


HOSTILE = ["a.b", ".hidden", "~root", "%", "*", "a&b", "&AGE-", "back\\slash", "\\2e", "Ω/ü.x", " ", "new", "cur/tmp"]


@pytest.mark.parametrize("name", [*HOSTILE, "INBOX/below", "日本語", "😀"])
def test_names_that_look_odd_are_kept(world: World, store: Any, name: str) -> None:
    result_of(store.create(name, ""))
    assert name in names(store)
    append(world, store, name, (MESSAGE, frozenset(), 5e8))
    assert octets(result_of(store.open(name)), 1) == MESSAGE
    result_of(store.delete(name))
    failure_of(store.open(name), NotFound)


def test_inbox_is_the_same_in_any_case(world: World, store: Any) -> None:
    world.deliver(MESSAGE)
    assert result_of(result_of(store.open("inBox")).snapshot(False)).uids == (1,)


def test_a_mailbox_with_children_leaves_its_name_behind(world: World, store: Any) -> None:
    """RFC 9051 §6.3.5."""
    result_of(store.create("Work/2023", ""))
    result_of(store.delete("Work"))
    assert result_of(store.list()) == [
        MailboxInfo(INBOX),
        MailboxInfo("Work", selectable=False, has_children=True),
        MailboxInfo("Work/2023"),
    ]
    failure_of(store.open("Work"), NotFound)
    failure_of(store.delete("Work"), HasChildren)
    result_of(store.create("Work", ""))
    result_of(store.open("Work"))
    result_of(store.delete("Work"))
    result_of(store.delete("Work/2023"))
    assert names(store) == [INBOX]
    failure_of(store.delete("Work"), NotFound)
    failure_of(store.delete(INBOX), Unsupported)


def test_a_mailbox_made_again_has_another_uidvalidity(world: World, store: Any) -> None:
    result_of(store.create("x", ""))
    before = result_of(result_of(store.open("x")).snapshot(False)).uidvalidity
    result_of(store.delete("x"))
    result_of(store.create("x", ""))
    assert result_of(result_of(store.open("x")).snapshot(False)).uidvalidity > before


def test_rename_takes_children_and_messages_along(world: World, store: Any) -> None:
    result_of(store.create("Old/a/b", ""))
    append(world, store, "Old/a", (MESSAGE, frozenset({"Word"}), 5e8))
    mailbox = result_of(store.open("Old/a"))
    before = result_of(mailbox.snapshot(False))
    result_of(store.rename("Old", "New/place"))
    assert names(store) == [INBOX, "New", "New/place", "New/place/a", "New/place/a/b"]
    assert mailbox.name == "New/place/a"
    moved = result_of(store.open("New/place/a"))
    after = result_of(moved.snapshot(False))
    assert (after.uidvalidity, after.uids, after.flags) == (before.uidvalidity, (1,), (frozenset({"Word"}),))
    assert octets(mailbox, 1) == octets(moved, 1) == MESSAGE


def test_rename_of_inbox_empties_it(world: World, store: Any, inbox: Any) -> None:
    """RFC 9051 §6.3.6."""
    world.deliver(MESSAGE, frozenset({"\\Seen"}))
    session = Session(inbox)
    result_of(store.rename(INBOX, "Archive/2023"))
    assert names(store) == [INBOX, "Archive", "Archive/2023"]
    moved = result_of(result_of(store.open("Archive/2023")).snapshot(False))
    assert moved.flags == (frozenset({"\\Seen"}),)
    assert [type(change) for change in session.watch.take()] == [Vanished]
    assert result_of(inbox.snapshot(False)).uidnext >= 2


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("none", "x", NotFound),
        ("a", "a/b/c", InvalidName),
        ("a", "b", Exists),
        ("a", INBOX, Exists),
        ("a", "..", InvalidName),
    ],
)
def test_renames_that_cannot_be(store: Any, old: str, new: str, error: type[Exception]) -> None:
    result_of(store.create("a", ""))
    result_of(store.create("b", ""))
    failure_of(store.rename(old, new), error)
    assert names(store) == [INBOX, "a", "b"]


def test_subscriptions_outlive_their_mailboxes(store: Any) -> None:
    result_of(store.create("a.b/c", ""))
    result_of(store.subscribe("a.b/c", True))
    result_of(store.subscribe("never", True))
    result_of(store.subscribe("never", True))
    result_of(store.delete("a.b/c"))
    assert result_of(store.list()) == [
        MailboxInfo(INBOX),
        MailboxInfo("a.b"),
        MailboxInfo("a.b/c", selectable=False, subscribed=True),
        MailboxInfo("never", selectable=False, subscribed=True),
    ]
    result_of(store.subscribe("never", False))
    assert "never" not in names(store)


def test_one_name_is_told_as_among_all(store: Any) -> None:
    for name, use in (("INBOX/below", ""), ("Work/2023/Größe", ""), ("Sent", "\\Sent"), ("Old/Box", ""), ("Works", "")):
        result_of(store.create(name, use))
    result_of(store.subscribe("Sent", True))
    result_of(store.subscribe("never", True))
    result_of(store.delete("Old"))
    every = {info.name: info for info in result_of(store.list())}
    assert {"INBOX", "Old", "Work/2023", "never"} <= every.keys()
    for name in (*every, "nowhere", "Wor", "Work/2023/", ".."):
        assert list(result_of(store.list(name))) == ([every[name]] if name in every else [])


def test_an_account_has_so_many_mailboxes_and_no_more(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.store.names.MAX_MAILBOXES", 3)
    result_of(store.create("a", ""))
    failure_of(store.create("b/c", ""), TooMany)
    failure_of(store.rename("a", "b/c/d"), TooMany)
    result_of(store.rename("a", "b/c"))
    failure_of(store.rename(INBOX, "d"), TooMany)
    assert names(store) == [INBOX, "b", "b/c"]


def test_an_account_subscribes_to_so_many_names_and_no_more(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.store.names.MAX_SUBSCRIBED", 1)
    result_of(store.subscribe("a", True))
    failure_of(store.subscribe("b", True), TooMany)
    result_of(store.subscribe("a", True))
    result_of(store.subscribe("a", False))
    result_of(store.subscribe("b", True))


# -- copy, move, append --------------------------------------------------------------------------------------------


def test_copy_keeps_flags_and_date(world: World, store: Any, inbox: Any) -> None:
    append(world, store, INBOX, (MESSAGE, frozenset({"\\Seen", "k"}), 5e8), (MESSAGE, frozenset(), 6e8))
    result_of(store.create("Copies", ""))
    goal = result_of(store.open("Copies"))
    session = Session(goal)
    copied = result_of(store.copy(inbox, [2, 1, 77], "Copies", False))
    assert copied.uidvalidity == session.snapshot.uidvalidity
    assert (copied.sources, copied.targets) == ((1, 2), (1, 2))
    assert fetch(goal, 1, "flags") == {"\\Seen", "k"}
    assert fetch(goal, 2, "date") == 6e8
    assert octets(goal, 2) == MESSAGE
    assert [uid for change in session.watch.take() for uid in change.uids] == [1, 2]
    assert result_of(inbox.snapshot(False)).uids == (1, 2)


def test_copy_into_the_same_mailbox(world: World, store: Any, inbox: Any) -> None:
    world.deliver(MESSAGE)
    assert result_of(store.copy(inbox, [1], INBOX, False)).targets == (2,)
    assert result_of(store.copy(inbox, [1, 2], INBOX, True)).targets == (3, 4)
    assert result_of(inbox.snapshot(False)).uids == (3, 4)


def test_move_takes_messages_away(world: World, store: Any, inbox: Any) -> None:
    world.deliver(MESSAGE)
    world.deliver(MESSAGE)
    result_of(store.create("Trash", "\\Trash"))
    session = Session(inbox)
    assert result_of(store.copy(inbox, [1], "Trash", True)).sources == (1,)
    [vanished] = session.watch.take()
    assert vanished.uids == (1,)
    assert result_of(inbox.snapshot(False)).uids == (2,)
    assert result_of(result_of(store.open("Trash")).snapshot(False)).uids == (1,)


def test_copy_to_nowhere_fails(world: World, store: Any, inbox: Any) -> None:
    world.deliver(MESSAGE)
    failure_of(store.copy(inbox, [1], "Nowhere", True), NotFound)
    assert result_of(inbox.snapshot(False)).uids == (1,)
    draft = world.spool.draft()
    failure_of(store.append("Nowhere", [(draft, frozenset(), 0.0)]), NotFound)


def test_a_full_mailbox_takes_nothing_more(world: World, store: Any, inbox: Any) -> None:
    append(world, store, INBOX, (MESSAGE, frozenset(), 5e8))
    world.limit(0, 2)
    two = [_drafted(world, MESSAGE, frozenset(), 5e8) for _ in range(2)]
    failure_of(store.append(INBOX, two), OverQuota)
    assert result_of(store.status(INBOX)).messages == 1
    append(world, store, INBOX, (MESSAGE, frozenset(), 5e8))
    world.limit(2 * len(MESSAGE) + 10, 0)
    failure_of(store.copy(inbox, [1], INBOX, False), OverQuota)
    result_of(inbox.expunge([2]))
    assert result_of(store.copy(inbox, [1], INBOX, False)).targets


def test_a_uid_is_never_given_twice(world: World, store: Any, inbox: Any) -> None:
    world.deliver(MESSAGE)
    world.deliver(MESSAGE)
    result_of(inbox.expunge([2]))
    world.deliver(MESSAGE)
    snapshot = result_of(inbox.snapshot(False))
    assert (snapshot.uids[0], snapshot.uids[1] > 2) == (1, True)


# -- search --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (q.All(), [1, 2, 3]),
        (q.HasFlag("\\seen"), [2]),
        (q.HasFlag("WORD"), [3]),
        (q.Not(q.HasFlag("\\Seen")), [1, 3]),
        (q.Uids(((2, 9),)), [2, 3]),
        (q.Larger(5000), [3]),
        (q.Smaller(5000), [1, 2]),
        (q.InternalDate(q.When.ON, 719163 + 5787), [1]),
        (q.InternalDate(q.When.SINCE, 719163 + 5788), [2, 3]),
        (q.InternalDate(q.When.BEFORE, 719163 + 5788), [1]),
        (q.SentDate(q.When.ON, 738838), [1, 3]),
        (q.Header("subject", "HELLO"), [1, 3]),
        (q.Header("x-none", ""), []),
        (q.Header("Subject", ""), [1, 2, 3]),
        (q.Body("first LINE"), [1, 3]),
        (q.Text("umlaut ü"), [2]),
        (q.Or(q.Header("Subject", "UMLAUT"), q.Larger(5000)), [2, 3]),
        (q.And((q.Body("line"), q.Header("Subject", "hello"), q.Smaller(5000))), [1]),
        (q.And(()), [1, 2, 3]),
    ],
)
def test_search(world: World, store: Any, inbox: Any, query: q.Query, expected: list[int]) -> None:
    other = b"Subject: =?utf-8?q?Umlaut_=C3=BC?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nK\xc3\xa4se\r\n"
    append(
        world,
        store,
        INBOX,
        (MESSAGE, frozenset(), 5787 * 86400.0),
        (other, frozenset({"\\Seen"}), 5788 * 86400.0),
        (MESSAGE + b"more\r\n" * 1000, frozenset({"Word"}), 5789 * 86400.0),
    )
    assert list(result_of(inbox.search(query, [3, 2, 1, 9]))) == expected


def test_search_asks_only_the_messages_given(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE)
    world.deliver(MESSAGE)
    assert list(result_of(inbox.search(q.All(), [2]))) == [2]
    assert list(result_of(inbox.search(q.Modified(1), [1, 2]))) == [1, 2]
    assert list(result_of(inbox.search(q.Modified(10**9), [1, 2]))) == []


# -- what changed since (RFC 7162) -----------------------------------------------------------------------------------


def named(found: Ranges) -> list[int]:
    return [uid for low, high in found for uid in range(low, high + 1)]


def test_what_changed_since_a_modseq_is_told(world: World, inbox: Any) -> None:
    for _ in range(4):
        world.deliver(MESSAGE)
    told = result_of(inbox.snapshot(False)).highestmodseq
    assert list(result_of(inbox.changed_since(told))) == []
    assert list(result_of(inbox.changed_since(0))) == [1, 2, 3, 4]
    [(_, _, modseq)], _ = result_of(inbox.store([2], FlagOp.ADD, frozenset({"\\Seen"}), None))
    world.deliver(MESSAGE)
    assert list(result_of(inbox.changed_since(told))) == [2, 5]
    assert list(result_of(inbox.changed_since(modseq))) == [5]
    assert list(result_of(inbox.changed_since(fetch(inbox, 3, "modseq")))) == [2, 4, 5]


def test_what_vanished_since_a_modseq_is_told_in_ranges(world: World, store: Any, inbox: Any) -> None:
    for _ in range(9):
        world.deliver(MESSAGE)
    told = result_of(inbox.snapshot(False)).highestmodseq
    assert result_of(inbox.vanished_since(told)) == ()
    result_of(inbox.expunge([2, 3, 6]))
    after = result_of(inbox.snapshot(False)).highestmodseq
    result_of(store.create("Other", ""))
    result_of(store.copy(inbox, [4], "Other", True))
    assert result_of(inbox.vanished_since(told)) == ((2, 4), (6, 6))
    assert result_of(inbox.vanished_since(after)) == ((4, 4),)
    assert result_of(inbox.vanished_since(result_of(inbox.snapshot(False)).highestmodseq)) == ()


def test_what_vanished_is_never_there(world: World, inbox: Any) -> None:
    """Of a time that is forgotten it may name too many, never one that is there."""
    for _ in range(5):
        world.deliver(MESSAGE)
    result_of(inbox.expunge([1, 4]))
    assert {1, 4} <= set(named(result_of(inbox.vanished_since(0)))) <= {1, 4}


# -- ids (RFC 8474) ------------------------------------------------------------------------------------------------


def identities(mailbox: Any, *uids: int) -> list[tuple[object, ...]]:
    return [found.items for found in result_of(mailbox.fetch(uids, ["emailid", "threadid"]))]


def test_copies_and_moved_messages_keep_their_ids(world: World, store: Any, inbox: Any) -> None:
    world.deliver(MESSAGE)
    world.deliver(MESSAGE.replace(b"First", b"Other"))
    one, two = identities(inbox, 1, 2)
    assert one[0] != two[0]
    result_of(store.create("There", ""))
    result_of(store.copy(inbox, [1], "There", False))
    result_of(store.copy(inbox, [2], "There", True))
    assert identities(result_of(store.open("There")), 1, 2) == [one, two]


def test_finds_messages_by_their_ids(world: World, inbox: Any) -> None:
    world.deliver(MESSAGE + b"1")
    world.deliver(MESSAGE + b"2")
    (email, thread), _ = identities(inbox, 1, 2)
    assert result_of(inbox.search(q.EmailId(email), [1, 2])) == [1]
    assert result_of(inbox.search(q.Not(q.Or(q.EmailId(email), q.ThreadId(b"T"))), [1, 2])) == [2]
    assert result_of(inbox.search(q.And((q.ThreadId(thread), q.EmailId(email))), [1, 2])) == [1]
    assert result_of(inbox.search(q.EmailId(thread), [1, 2])) == []


def test_a_mailbox_keeps_its_id_in_a_rename_and_another_has_another(store: Any) -> None:
    made = result_of(store.create("One", ""))
    assert result_of(store.open("One")).id == result_of(store.status("One")).id == made
    result_of(store.rename("One", "Two/Deep"))
    assert result_of(store.status("Two/Deep")).id == made
    others = {result_of(store.status(name)).id for name in (INBOX, "Two")}
    others.add(result_of(store.create("One", "")))
    result_of(store.delete("Two/Deep"))
    others.add(result_of(store.create("Two/Deep", "")))
    assert len(others) == 4
    assert made not in others
