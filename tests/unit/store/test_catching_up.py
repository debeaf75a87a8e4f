"""The index of what messages hold is made when nothing else is to be done."""

from __future__ import annotations

import pytest
from maildir_site import ANN, MESSAGE, Site

from mailsuite.errors import DiskFull
from mailsuite.model import ToMailbox
from mailsuite.query import Header
from mailsuite.store import catching_up
from mailsuite.store.catching_up import CALM, DELAY, PATIENCE, PAUSE, POLITENESS, QUIET, CatchingUp
from mailsuite.store.folder import MOVE_SLICE
from mailsuite.testing.results import result_of


def known(site: Site, name: str = "INBOX") -> list[int]:
    folder = site.mailbox(name).folder
    return list(folder.account.find_index.known(folder.counters.uidvalidity, 2))


def select(site: Site, name: str = "INBOX") -> object:
    return site.mailbox(name).watch(0, lambda: None)


def pass_time(site: Site, seconds: float) -> None:
    for _ in range(int(seconds / PAUSE) + 1):
        site.clock.advance(PAUSE)


def test_a_selected_mailbox_is_read_after_a_while(site: Site) -> None:
    for _ in range(120):
        site.place(MESSAGE, ToMailbox(ANN))
    pass_time(site, 60)
    assert known(site) == []
    select(site)
    pass_time(site, DELAY - 1)
    assert known(site) == []
    pass_time(site, 2)
    assert not site.mailbox().folder.account.find_index.open
    assert known(site) == list(range(1, 121))
    assert site.clock.getDelayedCalls() == []


def test_it_waits_until_no_mail_comes(site: Site) -> None:
    select(site)
    for _ in range(int(DELAY + QUIET)):
        site.place(MESSAGE, ToMailbox(ANN))
        pass_time(site, 1)
    assert known(site) == []
    pass_time(site, QUIET + 1)
    assert len(known(site)) == int(DELAY + QUIET)


def test_it_does_not_wait_for_ever(site: Site) -> None:
    select(site)
    site.place(MESSAGE, ToMailbox(ANN))
    for _ in range(int(PATIENCE) + 3):
        site.place(MESSAGE, ToMailbox(ANN))
        site.clock.advance(1)
    assert len(known(site)) == 50


def test_new_mail_is_read_too(site: Site) -> None:
    select(site)
    site.place(MESSAGE, ToMailbox(ANN))
    pass_time(site, DELAY + 1)
    assert known(site) == [1]
    site.place(MESSAGE, ToMailbox(ANN))
    pass_time(site, DELAY + QUIET + 1)
    assert known(site) == [1, 2]


def test_what_a_session_has_seen_is_moved_when_nothing_is_asked(site: Site) -> None:
    for _ in range(MOVE_SLICE + 1):
        site.place(MESSAGE, ToMailbox(ANN))
    inbox = site.mailbox()
    assert len(result_of(inbox.snapshot(True)).recent) == MOVE_SLICE + 1
    pass_time(site, DELAY - 1)
    assert site.files("cur") == []
    pass_time(site, 2)
    assert len(site.files("cur")) == MOVE_SLICE + 1
    assert site.files("new") == []
    assert result_of(inbox.octets([1, MOVE_SLICE + 1], 1000))[1].endswith(MESSAGE)


def test_sessions_that_ask_go_first(site: Site) -> None:
    site.place(MESSAGE, ToMailbox(ANN))
    inbox = site.mailbox()
    result_of(inbox.snapshot(True))
    for _ in range(int(2 * (POLITENESS - 1) / CALM)):
        site.clock.advance(CALM / 2)
        result_of(inbox.fetch([1], ["size"]))
    assert site.files("cur") == []
    for _ in range(int(4 / CALM)):
        site.clock.advance(CALM / 2)
        result_of(inbox.fetch([1], ["size"]))
    assert len(site.files("cur")) == 1, "they ask all the time"


def test_a_search_is_not_disturbed(site: Site) -> None:
    site.place(MESSAGE, ToMailbox(ANN))
    inbox = site.mailbox()
    result_of(inbox.snapshot(True))
    for _ in range(int(2 * (POLITENESS - 1) / CALM)):
        site.clock.advance(CALM / 2)
        result_of(inbox.search(Header("subject", "hello"), [1]))
    assert site.files("cur") == []


def test_who_asks_keeps_no_other_account_waiting(site: Site) -> None:
    boxes = [site.mailbox(account=name) for name in (ANN, "bob@example.org")]
    for box in boxes:
        site.place(MESSAGE, ToMailbox(box.account))
        result_of(box.snapshot(True))
    for _ in range(int(2 * DELAY / CALM) + 1):
        site.clock.advance(CALM / 2)
        result_of(boxes[0].fetch([1], ["size"]))
    assert [len(site.files("cur", account=box.account)) for box in boxes] == [0, 1]


def test_a_disk_that_is_full_leaves_them_where_they_are(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.place(MESSAGE, ToMailbox(ANN))
    inbox = site.mailbox()
    result_of(inbox.snapshot(True))

    def full(*_: object) -> None:
        raise DiskFull("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(site.disk, "commit", full)
        pass_time(site, DELAY + 1)
    assert len(site.files("new")) == 1
    assert len(result_of(inbox.octets([1], 1000))) == 1


def test_what_is_gone_is_forgotten(site: Site) -> None:
    for _ in range(3):
        site.place(MESSAGE, ToMailbox(ANN))
    select(site)
    pass_time(site, DELAY + 1)
    result_of(site.mailbox().expunge([2]))
    select(site)
    pass_time(site, DELAY + 1)
    assert known(site) == [1, 3]


def test_a_mailbox_that_was_deleted_is_forgotten(site: Site) -> None:
    store = site.store()
    for name in ("a", "b"):
        result_of(store.create(name, ""))
        site.place(MESSAGE, ToMailbox(ANN, name))
        select(site, name)
    pass_time(site, DELAY + 1)
    index = site.mailbox().folder.account.find_index
    assert len(index.mailboxes()) == 2
    result_of(store.delete("a"))
    select(site)
    pass_time(site, DELAY + 1)
    assert len(index.mailboxes()) == 1
    assert known(site, "b") == [1]


def test_one_that_fails_keeps_no_other_waiting(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.place(MESSAGE, ToMailbox(ANN))
    site.place(MESSAGE, ToMailbox("bob@example.org"))
    select(site)
    site.mailbox(account="bob@example.org").watch(0, lambda: None)
    whole = catching_up.catch_up

    def broken(account: object) -> bool:
        if account.name == ANN:  # type: ignore[attr-defined]
            raise OSError("the disk is tired")
        return whole(account)  # type: ignore[arg-type]

    monkeypatch.setattr(catching_up, "catch_up", broken)
    pass_time(site, 3 * DELAY)
    folder = site.mailbox(account="bob@example.org").folder
    assert folder.account.find_index.known(folder.counters.uidvalidity, 2) == [1]
    assert known(site) == []


def test_nothing_is_done_where_it_is_not_wanted(site: Site) -> None:
    site.stores.catching_up = CatchingUp(site.clock, site.stores.attention, index=False)
    site.place(MESSAGE, ToMailbox(ANN))
    select(site)
    pass_time(site, 2 * DELAY)
    assert known(site) == []


def test_nothing_is_done_after_the_end(site: Site) -> None:
    select(site)
    result_of(site.stores.close())
    pass_time(site, 2 * DELAY)
    assert site.clock.getDelayedCalls() == []
