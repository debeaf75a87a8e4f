"""Refusals name whom to ask, and what the log tells of them is bounded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from mailsuite.net.smtp_refusals import Refusals
from mailsuite.net.smtp_replies import Stage
from mailsuite.smtp.reply import reply

NO = reply(501, "5.5.4", "Syntax: RCPT TO:<address>")


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []

    def note(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(note)
    yield lines
    globalLogPublisher.removeObserver(note)


def refusals() -> Refusals:
    numbers = itertools.count(1)
    made = Refusals("mx.here.test", lambda: f"M{next(numbers)}")
    made.peer = "192.0.2.1:25000"
    return made


def test_outside_a_transaction_all_share_one_id() -> None:
    mine = refusals()
    assert [mine.refer(NO).text[-2:], mine.shut_out(NO, Stage.GREETING).text[-2:]] == ["M1", "M1"]


def test_within_a_transaction_it_is_the_transaction_s() -> None:
    mine = refusals()
    mine.within = "T7"
    assert str(mine.refer(NO)) == "501 5.5.4 Syntax: RCPT TO:<address>; ask postmaster@mx.here.test about T7"


def test_the_log_finds_the_id(logged: list[str]) -> None:
    mine = refusals()
    mine.refer(NO)
    away = reply(550, "5.7.1", "Go away")
    mine.shut_out(away, Stage.GREETING)
    assert logged == [
        "M1: 192.0.2.1:25000 refused: 501 5.5.4 Syntax: RCPT TO:<address>",
        f"M1: 192.0.2.1:25000 refused at EHLO: {away}",
    ]


def test_the_same_again_is_logged_once_but_always_said(logged: list[str]) -> None:
    mine = refusals()
    assert {str(mine.refer(NO)) for _ in range(1000)} == {f"{NO}; ask postmaster@mx.here.test about M1"}
    assert len(logged) == 1
    mine.within = "T7"
    mine.refer(NO)
    assert len(logged) == 2


def test_no_id_is_made_for_who_is_refused_nothing() -> None:
    Refusals("mx.here.test", lambda: pytest.fail("an id costs"))
