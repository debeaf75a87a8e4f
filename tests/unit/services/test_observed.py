"""Mailboxes whose reading, moving and removing somebody is told of."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from mailsuite.happenings import Happening, Moved, Read, Removed
from mailsuite.interfaces import IMailbox, IMailStore, IMailStores
from mailsuite.model import FLAGGED, NO_FLAGS, SEEN, FlagOp
from mailsuite.services.observed import ObservedStores
from mailsuite.testing.delivery import MemoryDraft
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.observer import NotedObserver
from mailsuite.testing.results import result_of

PLACE = "ann@a.test/INBOX"


class World:
    def __init__(self, bodies: bool = True) -> None:
        self.observer = NotedObserver()
        self.stores = ObservedStores(MemoryStores(), self.observer, "IMAP", lambda: 7.0, bodies)  # type: ignore[arg-type]
        self.store: IMailStore = result_of(self.stores.open("ann@a.test"))
        result_of(self.store.create("A", ""))
        for text in (b"one", b"two"):
            draft = MemoryDraft()
            draft.write(b"Subject: x\r\n\r\n" + text + b"\r\n")
            result_of(self.store.append("INBOX", [(draft, NO_FLAGS, 1.0)]))
        self.mailbox: IMailbox = result_of(self.store.open("INBOX"))

    @property
    def told(self) -> list[Happening]:
        return self.observer.told


@pytest.fixture
def world() -> World:
    return World()


def test_they_are_stores_and_mailboxes(world: World) -> None:
    assert verifyObject(IMailStores, world.stores)
    assert verifyObject(IMailStore, world.store)
    assert verifyObject(IMailbox, world.mailbox)
    assert (world.mailbox.name, world.mailbox.account) == ("INBOX", "ann@a.test")


def test_a_body_is_told_once_in_a_selection(world: World) -> None:
    for uid in (1, 1, 2):
        result_of(world.mailbox.body(uid))
    assert world.told == [Read(7.0, PLACE, (1,), "read by IMAP"), Read(7.0, PLACE, (2,), "read by IMAP")]


def test_messages_that_are_read_together_are_told_together(world: World) -> None:
    result_of(world.mailbox.body(1))
    result_of(world.mailbox.octets([1, 2, 9], 1 << 20))
    assert world.told == [
        Read(7.0, PLACE, (1,), "read by IMAP"),
        Read(7.0, PLACE, (2,), "read by IMAP, or ahead for it"),
    ]


def test_what_is_only_read_ahead_is_not_told() -> None:
    world = World(bodies=False)
    result_of(world.mailbox.body(1))
    result_of(world.mailbox.octets([1, 2], 1 << 20))
    assert world.told == []


def test_only_the_mark_of_reading_is_told(world: World) -> None:
    result_of(world.mailbox.store([1], FlagOp.ADD, frozenset((FLAGGED,)), None))
    result_of(world.mailbox.store([1], FlagOp.REMOVE, frozenset((SEEN,)), None))
    assert world.told == []
    result_of(world.mailbox.store([1, 2], FlagOp.ADD, frozenset((SEEN,)), None))
    assert world.told == [Read(7.0, PLACE, (1, 2), "marked as read by IMAP")]


def test_copies_moves_and_removals_are_told(world: World) -> None:
    result_of(world.store.copy(world.mailbox, [1], "A", False))
    result_of(world.store.copy(world.mailbox, [1], "A", True))
    result_of(world.mailbox.expunge([2, 9]))
    result_of(world.mailbox.expunge([9]))
    assert world.told == [
        Moved(7.0, PLACE, (1,), "ann@a.test/A", (1,), True),
        Moved(7.0, PLACE, (1,), "ann@a.test/A", (2,), False),
        Removed(7.0, PLACE, (2,), "expunged by IMAP"),
    ]


def test_a_message_that_is_replaced_is_removed(world: World) -> None:
    draft = MemoryDraft()
    draft.write(b"new")
    assert result_of(world.store.replace(world.mailbox, 1, "A", (draft, NO_FLAGS, 1.0))).uid == 1
    assert world.told == [Removed(7.0, PLACE, (1,), "replaced by IMAP")]
