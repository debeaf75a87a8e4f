"""What IMailboxesWatch promises, asked of the double, the Maildir store, and both through what shares mailboxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_store_contract import ACCOUNT, MaildirWorld, MemoryWorld, SharedWorld, World, no_waiting_for_the_disk
from zope.interface.verify import verifyObject

from mailsuite.interfaces import IMailboxesWatch
from mailsuite.model import (
    INBOX,
    Annotated,
    FlagOp,
    MailboxMade,
    MailboxRemoved,
    MailboxRenamed,
    Overflow,
    RightsChanged,
    SubscriptionChanged,
)
from mailsuite.sharing.stores import SharingStores
from mailsuite.store.mailboxes_feed import MOST
from mailsuite.testing.results import failure_of, result_of

BOB = "bob@example.org"
__all__ = ["no_waiting_for_the_disk"]


class SharedMaildirWorld(MaildirWorld):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.stores: Any = SharingStores(self.stores, "Other Users", self.spool.draft)


WORLDS = [MemoryWorld, SharedWorld, MaildirWorld, SharedMaildirWorld]


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return request.param(tmp_path)


@pytest.fixture
def store(world: World) -> Any:
    return result_of(world.stores.open(ACCOUNT))


class Watcher:
    """Another session of an account."""

    def __init__(self, world: World, account: str = ACCOUNT) -> None:
        self.store = result_of(world.stores.open(account))
        self.woken = 0
        self.watch = result_of(self.store.watch(self._wake))

    def _wake(self) -> None:
        self.woken += 1

    def heard(self) -> list[Any]:
        return list(result_of(self.watch.take()))


def test_what_another_session_does_is_heard_in_order(world: World, store: Any) -> None:
    watcher = Watcher(world)
    verifyObject(IMailboxesWatch, watcher.watch)
    result_of(store.create("Work/Plans", ""))
    result_of(store.rename("Work/Plans", "Work/Ideas"))
    result_of(store.subscribe("Work/Ideas", True))
    result_of(store.subscribe("Work/Ideas", True))
    result_of(store.notes.annotate("Work", ACCOUNT, {"/shared/comment": b"x"}, ["/private/comment"]))
    result_of(store.notes.permit("Work", BOB, FlagOp.REPLACE, "lr"))
    result_of(store.delete("Work/Ideas"))
    assert watcher.woken == 1
    assert watcher.heard() == [
        MailboxMade("Work"),
        MailboxMade("Work/Plans"),
        MailboxRenamed("Work/Plans", "Work/Ideas"),
        SubscriptionChanged("Work/Ideas"),
        Annotated("Work", ("/shared/comment", "/private/comment"), ACCOUNT),
        RightsChanged("Work"),
        MailboxRemoved("Work/Ideas"),
    ]
    assert watcher.heard() == []
    result_of(store.create("Later", ""))
    assert watcher.woken == 2


def test_what_one_does_oneself_is_known_as_that(world: World) -> None:
    one, two = Watcher(world), Watcher(world)
    result_of(one.store.create("Work", ""))
    result_of(one.store.notes.annotate("", ACCOUNT, {"/private/x": b"1"}, ()))
    assert [change.own for change in one.heard()] == [True, True]
    assert [change.own for change in two.heard()] == [False, False]


def test_a_look_finds_nothing_of_what_was_heard(world: World, store: Any) -> None:
    watcher = Watcher(world)
    result_of(store.create("Work/Plans", ""))
    result_of(store.rename("Work", "Job"))
    result_of(store.subscribe("Job", True))
    result_of(store.delete("Job/Plans"))
    result_of(store.rename(INBOX, "Old"))
    watcher.heard()
    result_of(watcher.watch.look())
    assert watcher.heard() == []


def test_what_fails_is_no_news(world: World, store: Any) -> None:
    watcher = Watcher(world)
    failure_of(store.create(INBOX, ""), Exception)
    failure_of(store.delete("x"), Exception)
    failure_of(store.rename("x", "y"), Exception)
    assert watcher.heard() == []
    assert watcher.woken == 0


def test_inbox_gives_its_mail_to_a_new_mailbox(world: World, store: Any) -> None:
    watcher = Watcher(world)
    result_of(store.rename(INBOX, "Old"))
    assert watcher.heard() == [MailboxMade("Old")]


def test_one_that_is_not_read_ends_in_an_overflow_and_goes_on(world: World, store: Any) -> None:
    watcher = Watcher(world)
    for number in range(MOST + 5):
        result_of(store.subscribe(f"s{number % 3}", number % 6 < 3))
    assert Overflow() in watcher.heard()
    result_of(store.create("Work", ""))
    assert watcher.heard() == [MailboxMade("Work")]


def test_one_that_is_closed_hears_nothing(world: World, store: Any) -> None:
    watcher = Watcher(world)
    watcher.watch.close()
    watcher.watch.close()
    result_of(store.create("Work", ""))
    assert watcher.woken == 0


# -- what others share -----------------------------------------------------------------------------------------------


@pytest.fixture(params=[SharedWorld, SharedMaildirWorld])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return request.param(tmp_path)


def permit(world: World, name: str, rights: str) -> None:
    ann = result_of(world.stores.open(ACCOUNT))
    result_of(ann.notes.permit(name, BOB, FlagOp.REPLACE, rights))


def test_who_is_let_in_hears_of_it_and_of_what_happens_from_then_on(shared: World) -> None:
    ann = result_of(shared.stores.open(ACCOUNT))
    result_of(ann.create("Work", ""))
    result_of(ann.create("Secret", ""))
    bob = Watcher(shared, BOB)
    result_of(ann.create("Secret/Deep", ""))
    assert bob.heard() == []
    permit(shared, "Work", "lr")
    assert bob.woken == 1
    top = f"Other Users/{ACCOUNT}/Work"
    assert bob.heard() == [MailboxMade(top)]
    result_of(ann.create("Work/Plans", ""))
    result_of(ann.rename("Secret/Deep", "Secret/Deeper"))
    assert bob.heard() == [MailboxMade(f"{top}/Plans")]
    result_of(ann.rename("Work/Plans", "Work/Ideas"))
    assert bob.heard() == [MailboxRenamed(f"{top}/Plans", f"{top}/Ideas")]
    permit(shared, "Work", "l")
    assert bob.heard() == [RightsChanged(top)]
    permit(shared, "Work", "")
    assert bob.heard() == [MailboxRemoved(top)]
    result_of(ann.rename("Work", "Job"))
    # what is renamed with one that he may not look up is another mailbox for him
    assert bob.heard() == [MailboxRemoved(f"{top}/Ideas"), MailboxMade(f"Other Users/{ACCOUNT}/Job/Ideas")]


def test_what_a_user_does_in_others_mailboxes_is_his_own(shared: World) -> None:
    ann = result_of(shared.stores.open(ACCOUNT))
    result_of(ann.create("Work", ""))
    permit(shared, "Work", "lrk")
    bob = Watcher(shared, BOB)
    top = f"Other Users/{ACCOUNT}/Work"
    result_of(bob.store.create(f"{top}/Mine", ""))
    assert bob.heard() == [MailboxMade(f"{top}/Mine", own=True)]
    result_of(bob.store.notes.annotate(top, BOB, {"/private/comment": b"x"}, ()))
    assert bob.heard() == [Annotated(top, ("/private/comment",), BOB, own=True)]


def test_nobody_listens_for_others_any_more_when_it_is_closed(shared: World) -> None:
    ann = result_of(shared.stores.open(ACCOUNT))
    result_of(ann.create("Work", ""))
    permit(shared, "Work", "lr")
    bob = Watcher(shared, BOB)
    bob.watch.close()
    result_of(ann.create("Work/Plans", ""))
    permit(shared, INBOX, "lr")
    assert bob.woken == 0
