"""The books of a world notice what is wrong, and nothing else."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mailsuite.testing.world.ledger import Copy, Leads, Ledger, Taken
from mailsuite.testing.world.letters import Letter
from mailsuite.testing.world.seen import Seen

ANN, BOB = "ann@a.test", "bob@a.test"


class Books:
    """A ledger, a letter from ann to bob that was taken, and the problems."""

    def __init__(self, taken: Taken = Taken.YES) -> None:
        self.problems: list[str] = []
        self.ledger = Ledger(lambda address: Leads(frozenset((address,)), (address,)), self.problems.append)
        self.letter = self.ledger.write(random.Random(1), ANN, [BOB])
        self.ledger.answered(self.letter, BOB, taken)

    def balance(self, copies: int) -> list[str]:
        self.ledger.balance(Counter({(BOB, self.letter.number): copies} if copies else {}))
        return self.problems


def report(letter: Letter, action: str = "failed") -> bytes:
    head = b"From: <>\r\nContent-Type: multipart/report\r\n\r\n"
    return head + f"Final-Recipient: rfc822; {BOB}\r\nAction: {action}\r\n\r\n".encode() + letter.octets


@pytest.mark.parametrize(
    ("taken", "copies", "words"),
    [
        (Taken.YES, 1, ""),
        (Taken.YES, 0, "is not with bob"),
        (Taken.YES, 2, "is 2 times with bob"),
        (Taken.NO, 0, ""),
        (Taken.NO, 1, "was refused"),
        (Taken.PERHAPS, 0, ""),
        (Taken.PERHAPS, 1, ""),
        (Taken.PERHAPS, 2, "is 2 times with bob"),
    ],
)
def test_each_letter_is_there_as_often_as_it_was_taken(taken: Taken, copies: int, words: str) -> None:
    problems = Books(taken).balance(copies)
    assert all(words in problem for problem in problems)
    assert bool(problems) is bool(words)


def test_two_are_one_too_many_unless_a_connection_was_lost() -> None:
    books = Books()
    books.ledger.doubled[books.letter.number] = "lost"
    assert books.balance(2) == []


@pytest.mark.parametrize(
    ("sure", "copies", "well"), [(True, 0, True), (False, 0, True), (False, 1, True), (True, 1, False)]
)
def test_what_somebody_removed_may_be_gone(sure: bool, copies: int, well: bool) -> None:
    books = Books()
    books.ledger.removed(books.letter.number, Copy(BOB, 1, 1), sure)
    assert (books.balance(copies) == []) is well


@pytest.mark.parametrize(
    ("action", "hopeless", "copies", "well"),
    [
        ("failed", True, 0, True),
        ("failed", False, 0, False),
        ("failed", True, 1, False),
        ("delayed", False, 1, True),
        ("delayed", False, 0, False),
    ],
)
def test_a_report_takes_the_place_of_a_letter_if_there_is_a_reason(
    action: str, hopeless: bool, copies: int, well: bool
) -> None:
    books = Books()
    if hopeless:
        books.ledger.hopeless.add(BOB)
    books.ledger.read(ANN, report(books.letter, action))
    assert (books.balance(copies) == []) is well


def test_a_report_without_the_letters_header_counts_for_who_gets_it() -> None:
    books = Books()
    books.ledger.read(ANN, report(books.letter).partition(b"From: <ann")[0])
    assert books.balance(0) == []


def test_who_reads_what_is_not_for_him_is_noticed() -> None:
    books = Books()
    books.ledger.read(BOB, b"Received: x\r\n" + books.letter.octets)
    assert books.problems == []
    books.ledger.read(ANN, books.letter.octets)
    books.ledger.read(BOB, report(books.letter, "delayed"))
    assert len(books.problems) == 2


def test_a_body_that_was_changed_is_noticed() -> None:
    books = Books()
    books.ledger.read(BOB, books.letter.octets + b"x")
    assert "was changed" in books.problems[0]


class Session:
    """Opens a mailbox again and again."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.seen = Seen(self.problems.append)
        self.box = self.seen.box(BOB, "INBOX", 7)

    def sees(self, uidnext: int, *uids: int, flags: str = "") -> None:
        before = self.seen.before(BOB, "INBOX")
        self.seen.listed("bob", self.box, uidnext, dict.fromkeys(uids, frozenset(flags.split())), before)


def test_a_mailbox_that_grows_and_is_tidied_is_no_problem() -> None:
    session = Session()
    session.sees(3, 1, 2)
    session.seen.message("bob", session.box, 1, b"x")
    session.sees(4, 1, 2, 3)
    session.box.leaving.add(2)
    session.box.gone.add(2)
    session.sees(4, 1, 3)
    session.seen.message("bob", session.box, 1, b"x")
    assert session.problems == []


@pytest.mark.parametrize(
    "words", ["nobody removed", "there again", "names two", "UIDNEXT was", "has lost", "UIDVALIDITY"]
)
def test_contradictions_are_noticed(words: str) -> None:
    session = Session()
    session.sees(5, 1, 2, 4)
    match words:
        case "nobody removed":
            session.sees(5, 1, 4)
        case "there again":
            session.box.leaving.add(2)
            session.box.gone.add(2)
            session.sees(5, 1, 2, 4)
        case "names two":
            session.seen.message("bob", session.box, 1, b"x")
            session.seen.message("bob", session.box, 1, b"y")
        case "UIDNEXT was":
            session.sees(5, 1, 2, 3, 4)
        case "has lost":
            session.seen.flagged(session.box, 4, "\\Seen")
            session.sees(5, 1, 2, 4)
        case _:
            session.seen.box(BOB, "INBOX", 8)
    assert [words in problem for problem in session.problems] == [True]
