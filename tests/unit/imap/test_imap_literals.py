"""Literals (RFC 3501 section 4.3, RFC 7888) and APPEND: offered, accepted, refused, swallowed; never executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailsuite.imap import events
from mailsuite.imap.limits import Limits
from mailsuite.imap.states import State
from mailsuite.wire.signals import NEED_DATA

if TYPE_CHECKING:
    from conftest import Session

EVIL = b"x LOGOUT\r\n"


def test_a_synchronising_literal_gets_a_go_ahead(session: Session) -> None:
    assert session.send(b"a LOGIN {1}\r\n") == b"+ go ahead\r\n"
    assert session.send(b"u {1}\r\n") == b"+ go ahead\r\n"
    assert session.send(b"p\r\n") == b"a OK done\r\n"
    assert session.last == events.Login(b"a", "u", "p")


def test_a_non_synchronising_literal_gets_none(session: Session) -> None:
    assert session.send(b"a LOGIN {1+}\r\nu {0+}\r\n\r\n") == b"a OK done\r\n"
    assert session.last == events.Login(b"a", "u", "")


def test_a_literal_may_hold_line_ends(session: Session) -> None:
    assert session.send(b"a LOGIN u {12+}\r\n\r\nx LOGOUT\r\n\r\nb NOOP\r\n") == b"a OK done\r\nb OK done\r\n"
    assert session.events[0] == events.Login(b"a", "u", "\r\nx LOGOUT\r\n")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"a XYZZY {10}", b"a BAD unknown command XYZZY"),
        (b"a SELECT {10}", b"a BAD SELECT is not allowed now"),
        (b"a LOGIN {99999}", b"a BAD [TOOBIG] the literal is too big"),
        (b"+ {10}", b"* BAD expected a tag"),
    ],
)
def test_a_literal_that_is_of_no_use_is_refused_before_it_is_sent(session: Session, line: bytes, answer: bytes) -> None:
    assert session.send(line + b"\r\n").startswith(answer)
    assert session.send(b"b NOOP\r\n") == b"b OK done\r\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"a XYZZY {10+}", b"a BAD unknown command XYZZY"),
        (b"a SELECT {10+}", b"a BAD SELECT is not allowed now"),
        (b"+ {10+}", b"* BAD expected a tag"),
    ],
)
@pytest.mark.parametrize("rest", [b"", b" {10+}\r\n" + EVIL, b' "{10}" {10+}\r\n' + EVIL + b" foo"])
def test_a_refused_one_that_comes_anyway_is_swallowed(
    session: Session, line: bytes, answer: bytes, rest: bytes
) -> None:
    assert len(EVIL) == 10
    sent = session.send(line + b"\r\n" + EVIL + rest + b"\r\nb NOOP\r\n")
    assert sent.startswith(answer)
    assert sent.endswith(b"\r\nb OK done\r\n")
    assert sent.count(b"\r\n") == 2
    assert session.events == [events.Noop(b"b")]


def test_literals_are_bounded_each_and_together(new_session: type[Session]) -> None:
    session = new_session(Limits(literal=10, literal_before_login=5, literals=25))
    assert session.send(b"a LOGIN {6+}\r\nfooooo p\r\n") == b"a BAD [TOOBIG] the literal is too big\r\n"
    session.send(b"0 LOGIN u p\r\n")
    session.take()
    assert session.send(b"b SELECT {10+}\r\n0123456789\r\n") == b"b OK done\r\n"
    three = b" {9+}\r\n012345678" * 3
    assert session.send(b"c RENAME" + three + b"\r\nd NOOP\r\n") == (
        b"c BAD [TOOBIG] the literal is too big\r\nd OK done\r\n"
    )


def test_an_overlong_line_is_answered_at_its_place(new_session: type[Session]) -> None:
    session = new_session(Limits(line=100))
    ok = b"a NOOP " + b"x" * 93
    assert session.send(ok + b"\r\n").startswith(b"a BAD expected the end")
    assert session.send(ok + b"x\r\nb NOOP\r\n") == b"a BAD [TOOBIG] the command is too long\r\nb OK done\r\n"


def test_an_overlong_lines_literal_is_swallowed_or_refused(new_session: type[Session]) -> None:
    session = new_session(Limits(line=100))
    long = b"a LOGIN " + b"x" * 5000
    assert session.send(long + b" {10}\r\n") == b"a BAD [TOOBIG] the command is too long\r\n"
    assert session.send(long + b" {10+}\r\n" + EVIL + b"\r\nb NOOP\r\n") == (
        b"a BAD [TOOBIG] the command is too long\r\nb OK done\r\n"
    )


def test_the_lines_between_literals_count_together(new_session: type[Session]) -> None:
    session = new_session(Limits(line=100))
    assert session.send(b"a LOGIN" + b" {1+}\r\nx" * 30 + b"\r\n") == b"a BAD [TOOBIG] the command is too long\r\n"


def test_memory_stays_bounded_whatever_comes(new_session: type[Session]) -> None:
    session = new_session(Limits(line=1000))
    for _ in range(100):
        session.send(b"x" * 1000)
        assert session.core.buffered <= 1001


def test_too_much_that_is_not_wanted_ends_the_session(new_session: type[Session]) -> None:
    session = new_session(Limits(swallow=100))
    session.send(b"a XYZZY {90+}\r\n" + b"x" * 90 + b"\r\na XYZZY {10+}\r\n" + b"x" * 10 + b"\r\n")
    assert session.events == []
    sent = session.send(b"b XYZZY {1+}\r\n")
    assert sent == b"* BYE [TOOBIG] too much was sent that is not wanted\r\n"
    assert session.events == [events.Hangup("too much was sent that is not wanted")]
    assert session.core.state is State.LOGOUT


@pytest.mark.parametrize("size", [b"99999999999", b"9" * 200, b"0" * 40 + b"99999999999"])
def test_a_literal_of_absurd_size_is_still_a_literal(selected: Session, size: bytes) -> None:
    assert selected.send(b"a SELECT {" + size + b"}\r\n") == b"a BAD [TOOBIG] the literal is too big\r\n"
    assert selected.send(b"a APPEND x {" + size + b"+}\r\n" + EVIL).startswith(b"* BYE [TOOBIG]")
    assert [type(event) for event in selected.events] == [events.Hangup]


def test_leading_zeros_do_not_lose_the_count(selected: Session) -> None:
    assert selected.send(b"a SELECT {" + b"0" * 30 + b"10+}\r\n" + EVIL + b"\r\nb NOOP\r\n").endswith(b"b OK done\r\n")
    assert [type(event) for event in selected.events] == [events.Noop]


# -- APPEND


def test_append_is_offered_then_carried(selected: Session) -> None:
    assert selected.send(b'a APPEND x (\\seen) " 1-Jan-1970 00:00:09 +0000" {11}\r\n') == b"+ go ahead\r\n"
    assert selected.send(b"hello") == b""
    assert selected.send(b" world\r\n") == b"a OK done\r\n"
    assert selected.take() == [
        events.AppendBegin(b"a", "x", frozenset({"\\Seen"}), 9.0, 11, 0),
        events.AppendChunk(b"a", b"hello"),
        events.AppendChunk(b"a", b" world"),
        events.AppendEnd(b"a"),
    ]


def test_append_without_flags_and_date(selected: Session) -> None:
    selected.send(b"a APPEND inbox {1+}\r\nx\r\n")
    assert selected.events[0] == events.AppendBegin(b"a", "INBOX", frozenset(), None, 1, 0)


def test_appends_mailbox_may_be_a_literal_too(selected: Session) -> None:
    assert selected.send(b"a APPEND {3}\r\n") == b"+ go ahead\r\n"
    assert selected.send(b"a b {1}\r\n") == b"+ go ahead\r\n"
    assert selected.send(b"x\r\n") == b"a OK done\r\n"
    assert selected.events[0] == events.AppendBegin(b"a", "a b", frozenset(), None, 1, 0)


def test_several_messages_in_one_append(selected: Session) -> None:
    assert selected.send(b"a APPEND x {1+}\r\nx (\\Draft) {2}\r\n") == b"+ go ahead\r\n"
    assert selected.send(b"yz\r\n") == b"a OK done\r\n"
    assert selected.take() == [
        events.AppendBegin(b"a", "x", frozenset(), None, 1, 0),
        events.AppendChunk(b"a", b"x"),
        events.AppendBegin(b"a", "x", frozenset({"\\Draft"}), None, 2, 1),
        events.AppendChunk(b"a", b"yz"),
        events.AppendEnd(b"a"),
    ]


def test_a_refused_append_of_a_waiting_client_is_over(selected: Session) -> None:
    selected.refuse_appends = True
    assert selected.send(b"a APPEND x {10}\r\n") == b"a NO [TRYCREATE] no such mailbox\r\n"
    assert selected.send(b"b NOOP\r\n") == b"b OK done\r\n"


def test_a_refused_append_of_a_client_that_does_not_wait_is_swallowed(selected: Session) -> None:
    selected.refuse_appends = True
    assert selected.send(b"a APPEND x {10+}\r\n" + EVIL + b" {10+}\r\n" + EVIL + b"\r\nb NOOP\r\n") == (
        b"a NO [TRYCREATE] no such mailbox\r\nb OK done\r\n"
    )
    assert [type(event) for event in selected.events] == [events.AppendBegin, events.Noop]


def test_an_append_can_be_given_up_half_way(selected: Session) -> None:
    core = selected.core
    selected.send(b"a APPEND x {20+}\r\n")
    core.receive(EVIL)
    assert core.next_event() == events.AppendChunk(b"a", EVIL)
    core.no(b"a", b"disk full", b"UNAVAILABLE")
    assert core.next_event() is NEED_DATA
    assert core.data_to_send() == b""
    assert selected.send(EVIL + b"\r\nb NOOP\r\n") == b"a NO [UNAVAILABLE] disk full\r\nb OK done\r\n"


def test_an_append_can_be_given_up_at_the_last_octet(selected: Session) -> None:
    core = selected.core
    selected.send(b"a APPEND x {10+}\r\n")
    core.receive(EVIL)
    core.next_event()
    core.no(b"a", b"disk full")
    assert selected.send(b" {10+}\r\n" + EVIL + b"\r\nb NOOP\r\n") == b"a NO disk full\r\nb OK done\r\n"


def test_an_append_can_be_given_up_at_its_end(selected: Session) -> None:
    core = selected.core
    selected.send(b"a APPEND x {1+}\r\nx")
    core.receive(b"\r\nb NOOP\r\n")
    assert core.next_event() == events.AppendEnd(b"a")
    core.no(b"a", b"no room", b"OVERQUOTA")
    assert selected.send(b"") == b"a NO [OVERQUOTA] no room\r\nb OK done\r\n"


@pytest.mark.parametrize(
    ("rest", "answer"),
    [
        (b"foo", b"a BAD expected a space, found 'foo'"),
        (b" {3x}", b"a BAD expected a message as a literal"),
        (b" foo {10+}\r\n" + EVIL, b"a BAD expected a message as a literal"),
        (b" {0+}\r\n", b"a NO a message cannot be empty"),
        (b" {999+}\r\n" + b"x" * 999, b"a NO [TOOBIG] the message is too big"),
        (b" {10+}\r\n" + EVIL + b" {10+}\r\n" + EVIL, b"a NO [LIMIT] too many messages in one command"),
        (b" " + b"x" * 5000 + b" {10+}\r\n" + EVIL, b"a BAD [TOOBIG] the command is too long"),
    ],
)
def test_what_goes_wrong_behind_a_message_aborts_it_once(
    new_session: type[Session], rest: bytes, answer: bytes
) -> None:
    session = new_session(Limits(line=1000, message=500, messages=2))
    session.send(b"0 LOGIN u p\r\n")
    session.take()
    sent = session.send(b"a APPEND x {1+}\r\nx" + rest + b"\r\nb NOOP\r\n")
    assert sent.startswith(answer)
    assert sent.endswith(b"\r\nb OK done\r\n")
    assert sent.count(b"\r\n") == 2
    kinds = [type(event) for event in session.events]
    assert kinds.count(events.AppendAbort) == 1
    assert kinds[-1] is events.Noop
    assert events.AppendEnd not in kinds


def test_a_waiting_client_is_told_at_once_what_is_wrong(new_session: type[Session]) -> None:
    session = new_session(Limits(message=500))
    session.send(b"0 LOGIN u p\r\n")
    session.take()
    assert session.send(b"a APPEND x {501}\r\n") == b"a NO [TOOBIG] the message is too big\r\n"
    assert session.send(b"b APPEND x {1+}\r\nx {501}\r\n") == b"b NO [TOOBIG] the message is too big\r\n"
    assert session.last == events.AppendAbort(b"b")
    assert session.send(b"c NOOP\r\n") == b"c OK done\r\n"


@pytest.mark.parametrize("message", [b"\x00aaaaaaaaa", b"aaaaaaaaa\x00", b"a\x00LOGOUT\r\n"])
def test_a_message_with_nul_is_refused(selected: Session, message: bytes) -> None:
    sent = selected.send(b"a APPEND x {10+}\r\n" + message + b"\r\nb NOOP\r\n")
    assert sent == b"a NO [UNKNOWN-CTE] the message holds the octet NUL\r\nb OK done\r\n"
    assert events.AppendAbort(b"a") in selected.events


def test_a_message_is_never_executed(selected: Session) -> None:
    selected.send(b"a APPEND x {10+}\r\n" + EVIL + b"\r\n")
    assert selected.core.state is State.SELECTED
    assert events.Logout(b"x") not in selected.events
