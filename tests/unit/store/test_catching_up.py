"""The index of what messages hold is made when nothing else is to be done."""

from __future__ import annotations

import pytest
from maildir_site import ANN, MESSAGE, Site

from mailsuite.model import ToMailbox
from mailsuite.store import catching_up
from mailsuite.store.catching_up import DELAY, PATIENCE, PAUSE, QUIET, CatchingUp
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
    site.stores.catching_up = CatchingUp(site.clock, wanted=False)
    site.place(MESSAGE, ToMailbox(ANN))
    select(site)
    pass_time(site, 2 * DELAY)
    assert known(site) == []


def test_nothing_is_done_after_the_end(site: Site) -> None:
    select(site)
    result_of(site.stores.close())
    pass_time(site, 2 * DELAY)
    assert site.clock.getDelayedCalls() == []
