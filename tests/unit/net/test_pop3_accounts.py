"""Who is logged in, and who was a moment ago: the rules that all POP3 listeners share."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from mailsuite.model import Account, Pop3Rules
from mailsuite.net import pop3_accounts
from mailsuite.net.pop3_accounts import Accounts, InUse, Rules, TooSoon
from mailsuite.pop3.capabilities import Terms

TIM, ANN = "tim@example.org", "ann@example.org"


def log_in(accounts: Accounts, name: str, delay: int = 60) -> None:
    rules = Rules(login_delay=delay)
    accounts.enter(name, rules)
    accounts.welcomed(name, rules)
    accounts.leave(name)


def test_without_rules_anybody_may_come_at_any_time() -> None:
    accounts = Accounts(Clock())
    for _ in range(3):
        accounts.enter(TIM, Rules())
        accounts.welcomed(TIM, Rules())


def test_one_session_at_a_time_and_the_next_when_it_has_left() -> None:
    accounts, rules = Accounts(Clock()), Rules(exclusive=True)
    accounts.enter(TIM, rules)
    with pytest.raises(InUse):
        accounts.enter(TIM, rules)
    accounts.enter(ANN, rules)
    accounts.leave(TIM)
    accounts.enter(TIM, rules)


def test_the_delay_counts_from_the_last_login_that_was_welcomed() -> None:
    clock = Clock()
    accounts, rules = Accounts(clock), Rules(login_delay=60)
    accounts.enter(TIM, rules)
    accounts.leave(TIM)  # its mailbox could not be opened
    log_in(accounts, TIM)
    clock.advance(59.9)
    with pytest.raises(TooSoon):
        accounts.enter(TIM, rules)
    log_in(accounts, ANN)
    clock.advance(0.1)
    log_in(accounts, TIM)
    clock.advance(59.9)
    with pytest.raises(TooSoon):
        accounts.enter(TIM, rules)


def test_logins_are_forgotten_in_time_and_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pop3_accounts, "MOST", 3)
    clock = Clock()
    accounts, rules = Accounts(clock), Rules(login_delay=60)
    for number in range(5):
        log_in(accounts, f"{number}@example.org")
    log_in(accounts, "0@example.org")  # the oldest gave way
    with pytest.raises(TooSoon):
        accounts.enter("4@example.org", rules)
    clock.advance(61)
    log_in(accounts, "7@example.org")
    assert list(accounts._logins) == ["7@example.org"]


def test_a_short_delay_of_one_does_not_shorten_that_of_another() -> None:
    clock = Clock()
    accounts = Accounts(clock)
    log_in(accounts, TIM, delay=600)
    clock.advance(100)
    log_in(accounts, ANN, delay=10)
    clock.advance(50)
    log_in(accounts, ANN, delay=10)
    with pytest.raises(TooSoon) as refused:
        log_in(accounts, TIM, delay=600)
    assert refused.value.delay == 600


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (Pop3Rules(), Rules(True, 60, 30)),
        (Pop3Rules(login_delay=0), Rules(True, 0, 30)),
        (Pop3Rules(expire_days=-1), Rules(True, 60, -1)),
        (Pop3Rules(5, 0), Rules(True, 5, 0)),
    ],
)
def test_an_account_may_have_rules_of_its_own(own: Pop3Rules, expected: Rules) -> None:
    assert Rules(True, 60, 30).of(Account(TIM, pop3=own)) == expected


@pytest.mark.parametrize(
    ("rules", "extremes", "expected"),
    [
        (Rules(), Pop3Rules(), Terms()),
        (Rules(False, 60, 30), Pop3Rules(), Terms(60, 30)),
        (Rules(False, 60, 30), Pop3Rules(5, 90), Terms(60, 30, True, True)),
        (Rules(False, 60, 30), Pop3Rules(500, 9), Terms(500, 9, True, True)),
        (Rules(False, 60, 30), Pop3Rules(expire_days=-1), Terms(60, 30, False, True)),
        (Rules(False, 0, 30), Pop3Rules(expire_days=0), Terms(0, 0, False, True)),
        (Rules(), Pop3Rules(0, -1), Terms(0, -1, True, True)),
    ],
)
def test_before_the_login_the_longest_delay_and_the_shortest_stay_are_told(
    rules: Rules, extremes: Pop3Rules, expected: Terms
) -> None:
    assert rules.terms_before_login(extremes) == expected


def test_a_clock_that_is_set_back_shuts_nobody_out() -> None:
    clock = Clock()
    clock.advance(100_000)
    accounts = Accounts(clock)
    log_in(accounts, TIM)
    clock.rightNow -= 90_000
    log_in(accounts, TIM)
    with pytest.raises(TooSoon):
        log_in(accounts, TIM)
