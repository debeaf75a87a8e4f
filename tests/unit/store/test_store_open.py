"""Mailboxes that were used before are open at once, and no other than those that are there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from maildir_site import ANN, MESSAGE, Site, seen
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from mailsuite.disk.placement import Placed, record_all
from mailsuite.errors import NotFound
from mailsuite.model import Arrived
from mailsuite.store.incoming import Incoming
from mailsuite.store.mailbox import Lane
from mailsuite.testing.results import failure_of, result_of


def test_what_was_used_before_needs_no_thread(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    store = site.store()
    result_of(store.open("INBOX"))
    monkeypatch.setattr(Lane, "run_unlocked", lambda *_: pytest.fail("a thread is asked"))
    assert result_of(store.open("INBOX")).name == "INBOX"
    assert result_of(result_of(site.stores.open(ANN)).open("INBOX")).name == "INBOX"


def test_a_mailbox_that_another_program_removed_cannot_be_selected(site: Site) -> None:
    store = site.store()
    result_of(store.create("Other", ""))
    before = result_of(result_of(store.open("Other")).snapshot(True))
    shutil.rmtree(site.folder("Other"))
    failure_of(result_of(store.open("Other")).snapshot(True), NotFound)
    failure_of(store.open("Other"), NotFound)
    result_of(store.create("Other", ""))
    after = result_of(result_of(store.open("Other")).snapshot(True))
    assert after.uidvalidity > before.uidvalidity


def test_an_account_that_is_being_closed_hands_out_nothing_without_its_lock(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = site.mailbox().folder.account
    known: list[Any] = []
    monkeypatch.setattr(account, "users", ())
    monkeypatch.setattr(account, "_settle", lambda: known.append(account.known("INBOX")))
    account.rest()
    assert known == [None]
    assert account.known("INBOX") is not None


def test_what_is_appended_can_be_seen_although_it_is_placed_later(site: Site) -> None:
    later: list[Placed] = []

    def place(placements: Sequence[Incoming], octets: int, placed: Callable[[], None]) -> Deferred[None]:
        assert octets >= len(MESSAGE) - MESSAGE.count(b"\r\n")
        later.append(record_all(site.disk, [placements]))
        answer: Deferred[None] = Deferred()
        answer.callback(None)
        return answer

    inbox = site.mailbox()
    watch = inbox.watch(result_of(inbox.snapshot(False)).at, lambda: None)
    site.stores.place = place
    draft = site.spool.draft()
    draft.write(MESSAGE)
    [appended] = result_of(site.store().append("INBOX", [(draft, frozenset(), 5e8)]))
    result_of(inbox.look())
    assert [change.uids for change in watch.take() if isinstance(change, Arrived)] == [(appended.uid,)]
    later[0].finish()
    assert list(seen(inbox)) == [appended.uid]


def test_a_store_that_is_closed_wants_nothing_of_the_clock(site: Site) -> None:
    site.stores._keep_open = 0
    site.deliver()
    assert site.clock.getDelayedCalls()
    result_of(site.stores.close())
    assert not site.clock.getDelayedCalls()


def test_messages_that_cannot_be_read_now_are_no_fault_of_ours(site: Site) -> None:
    def broken(*_: object) -> Any:
        raise OSError(24, "Too many open files")

    faults: list[Any] = []

    def note(event: dict[str, Any]) -> None:
        faults.extend(filter(None, [event.get("log_failure")]))

    site.stores._resources = msgspec.structs.replace(site.stores._resources, summarize=broken)
    globalLogPublisher.addObserver(note)
    try:
        site.deliver()
        site.clock.advance(1)
    finally:
        globalLogPublisher.removeObserver(note)
    assert not faults
