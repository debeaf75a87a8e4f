"""Who is logged in, and who was a moment ago: the rules that all POP3 listeners share."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from mailsuite.net import pop3_accounts
from mailsuite.net.pop3_accounts import Accounts, InUse, Rules, TooSoon

TIM, ANN = "tim@example.org", "ann@example.org"


def log_in(accounts: Accounts, name: str) -> None:
    accounts.enter(name)
    accounts.welcomed(name)
    accounts.leave(name)


def test_without_rules_anybody_may_come_at_any_time() -> None:
    accounts = Accounts(Clock())
    for _ in range(3):
        accounts.enter(TIM)
        accounts.welcomed(TIM)


def test_one_session_at_a_time_and_the_next_when_it_has_left() -> None:
    accounts = Accounts(Clock(), Rules(exclusive=True))
    accounts.enter(TIM)
    with pytest.raises(InUse):
        accounts.enter(TIM)
    accounts.enter(ANN)
    accounts.leave(TIM)
    accounts.enter(TIM)


def test_the_delay_counts_from_the_last_login_that_was_welcomed() -> None:
    clock = Clock()
    accounts = Accounts(clock, Rules(login_delay=60))
    accounts.enter(TIM)
    accounts.leave(TIM)  # its mailbox could not be opened
    log_in(accounts, TIM)
    clock.advance(59.9)
    with pytest.raises(TooSoon):
        accounts.enter(TIM)
    log_in(accounts, ANN)
    clock.advance(0.1)
    log_in(accounts, TIM)
    clock.advance(59.9)
    with pytest.raises(TooSoon):
        accounts.enter(TIM)


def test_logins_are_forgotten_in_time_and_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pop3_accounts, "MOST", 3)
    clock = Clock()
    accounts = Accounts(clock, Rules(login_delay=60))
    for number in range(5):
        log_in(accounts, f"{number}@example.org")
    log_in(accounts, "0@example.org")  # the oldest gave way
    with pytest.raises(TooSoon):
        accounts.enter("4@example.org")
    clock.advance(61)
    log_in(accounts, "7@example.org")
    assert list(accounts._logins) == ["7@example.org"]
