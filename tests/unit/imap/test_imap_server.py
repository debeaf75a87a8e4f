"""The order of things in a session: states, tags, answers, STARTTLS, AUTHENTICATE, IDLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailsuite import errors
from mailsuite.imap import events, table
from mailsuite.imap.limits import Limits
from mailsuite.imap.server import ServerCore
from mailsuite.imap.states import State
from mailsuite.wire.signals import NEED_DATA, PAUSED

if TYPE_CHECKING:
    from conftest import Session


def test_greets_with_a_code(session: Session) -> None:
    session.core.greet(b"ready", b"CAPABILITY IMAP4rev1")
    assert session.core.data_to_send() == b"* OK [CAPABILITY IMAP4rev1] ready\r\n"
    assert session.core.data_to_send() == b""


def test_one_command_at_a_time_and_answers_in_order(session: Session) -> None:
    core = session.core
    core.receive(b"a NOOP\r\nb CAPABILITY\r\n")
    assert core.next_event() == events.Noop(b"a")
    assert core.next_event() is PAUSED
    assert core.buffered == len(b"b CAPABILITY\r\n")
    core.untagged(b"* 1 EXISTS\r\n")
    core.untagged_all([b"* 0 ", b"RECENT\r\n"])
    core.ok(b"a", b"done", b"ALERT")
    assert core.next_event() == events.Capability(b"b")
    core.no(b"b", b"not today")
    assert core.next_event() is NEED_DATA
    assert core.data_to_send() == b"* 1 EXISTS\r\n* 0 RECENT\r\na OK [ALERT] done\r\nb NO not today\r\n"


def test_answering_what_is_not_in_hand_is_our_mistake(session: Session) -> None:
    core = session.core
    core.receive(b"a NOOP\r\n")
    core.next_event()
    with pytest.raises(ValueError, match="b'b'"):
        core.ok(b"b", b"done")
    core.ok(b"a", b"done")
    for answer in (core.ok, core.no, core.bad):
        with pytest.raises(ValueError, match="in hand"):
            answer(b"a", b"again")


def test_a_failure_is_told_in_imap_words(session: Session) -> None:
    core = session.core
    core.receive(b"a NOOP\r\n")
    core.next_event()
    core.fail(b"a", errors.OverQuota("no room"))
    assert core.data_to_send() == b"a NO [OVERQUOTA] no room\r\n"


@pytest.mark.parametrize(
    ("state", "name"),
    [(state, name) for name, row in table.COMMANDS.items() for state in table._NOT_NOW if state not in row.states],
)
def test_what_the_table_forbids_is_bad(new_session: type[Session], state: State, name: bytes) -> None:
    session = new_session()
    session.core._state = state
    code = b"[CLIENTBUG] " if State.NOT_AUTHENTICATED in table.COMMANDS[name].states else b""  # it comes too late
    assert session.send(b"a " + name + b" 1 x\r\n").startswith(b"a BAD " + code + name + b" is not allowed now")
    assert session.events == []


def test_states_follow_the_table(session: Session) -> None:
    steps = [
        (b"a LOGIN u p", State.AUTHENTICATED),
        (b"b EXAMINE x", State.SELECTED),
        (b"c UNSELECT", State.AUTHENTICATED),
        (b"d SELECT x", State.SELECTED),
        (b"e CLOSE", State.AUTHENTICATED),
        (b"f SELECT x", State.SELECTED),
        (b"g LOGOUT", State.LOGOUT),
    ]
    for line, state in steps:
        session.send(line + b"\r\n")
        assert session.core.state is state


def test_a_failed_login_changes_nothing(session: Session) -> None:
    core = session.core
    core.receive(b"a LOGIN u p\r\n")
    core.next_event()
    core.no(b"a", b"wrong")
    assert core.state is State.NOT_AUTHENTICATED


def test_a_failed_select_leaves_nothing_selected_but_a_malformed_one_does(selected: Session) -> None:
    core = selected.core
    selected.send(b"a SELECT\r\n")
    assert core.state is State.SELECTED
    core.receive(b"b SELECT gone\r\n")
    core.next_event()
    assert core.state is State.AUTHENTICATED
    core.no(b"b", b"no such mailbox")
    assert core.state is State.AUTHENTICATED


def test_after_logout_nothing_is_read(session: Session) -> None:
    session.send(b"a LOGOUT\r\nb NOOP\r\n")
    session.send(b"c NOOP\r\n")
    assert session.events == [events.Logout(b"a")]


def test_a_mailbox_that_is_gone_is_deselected(selected: Session) -> None:
    selected.core.deselect()
    assert selected.core.state is State.AUTHENTICATED
    assert selected.send(b"a FETCH 1 FLAGS\r\n").startswith(b"a BAD FETCH is not allowed now")


def test_bye_ends_the_session_at_any_time(selected: Session) -> None:
    selected.core.receive(b"a NOOP\r\nb NOOP\r\n")
    selected.core.next_event()
    selected.core.bye(b"going down", b"UNAVAILABLE")
    assert selected.core.data_to_send() == b"* BYE [UNAVAILABLE] going down\r\n"
    assert selected.core.next_event() is NEED_DATA
    assert selected.core.state is State.LOGOUT
    assert selected.core.buffered == 0


@pytest.mark.parametrize("name", [b"FETCH 1 FLAGS", b"STORE 1 FLAGS ()", b"SEARCH ALL"])
def test_expunges_wait_in_fetch_store_and_search(selected: Session, name: bytes) -> None:
    core = selected.core
    assert not core.expunges_allowed
    core.receive(b"a " + name + b"\r\n")
    core.next_event()
    assert not core.expunges_allowed
    core.ok(b"a", b"done")
    core.receive(b"b UID " + name + b"\r\n")
    core.next_event()
    assert core.expunges_allowed
    core.ok(b"b", b"done")
    assert not core.expunges_allowed


# -- what is not a command


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"", b"* BAD expected a tag, found the end"),
        (b" NOOP", b"* BAD expected a tag, found ' NOOP'"),
        (b"+ NOOP", b"* BAD expected a tag, found '+ NOOP'"),
        (b"a", b"a BAD expected a space, found the end"),
        (b"a ", b"a BAD expected a command, found the end"),
        (b"a XYZZY", b"a BAD unknown command XYZZY"),
        (b"a UID XYZZY", b"a BAD unknown command UID XYZZY"),
        (b"a NOOP \xff\x00", b"a BAD expected the end of the command, found ' ?\\x00'"),
        (b"a\x00 NOOP", b"* BAD expected a space, found '\\x00 NOOP'"),
        (b"GET / HTTP/1.1", b"GET BAD expected a command, found '/ HTTP/1.1'"),
    ],
)
def test_says_what_is_wrong_and_goes_on(session: Session, line: bytes, answer: bytes) -> None:
    assert session.send(line + b"\r\nb NOOP\r\n") == answer + b"\r\nb OK done\r\n"


def test_a_line_may_end_in_lf_alone(session: Session) -> None:
    assert session.send(b"a NOOP\nb NOOP\r\n") == b"a OK done\r\nb OK done\r\n"


def test_a_cr_within_a_line_ends_nothing(session: Session) -> None:
    assert session.send(b"a NOOP\rb NOOP\r\n").startswith(b"a BAD")
    assert session.events == []


def test_too_many_bad_commands_end_the_session(new_session: type[Session]) -> None:
    session = new_session(Limits(bad_commands=3))
    session.send(b"x\r\nx\r\na NOOP\r\n")
    assert session.take() == [events.Noop(b"a")]
    sent = session.send(b"x\r\nx\r\nx\r\nb NOOP\r\n")
    assert sent.endswith(b"* BYE too many bad commands in a row\r\n")
    assert session.take() == [events.Hangup("too many bad commands in a row")]


def test_a_refused_command_is_not_a_bad_one(new_session: type[Session]) -> None:
    session = new_session(Limits(bad_commands=2))
    session.send(b"0 LOGIN u p\r\n" + b"a SELECT &bad\r\n" * 5)
    assert session.core.state is State.AUTHENTICATED


# -- STARTTLS


def test_what_stands_behind_starttls_is_dropped(session: Session) -> None:
    core = session.core
    core.receive(b"a STARTTLS\r\nb LOGIN u p\r\n")
    assert core.next_event() == events.StartTls(b"a")
    core.receive(b"c NOOP\r\n")
    core.ok(b"a", b"go on")
    assert core.next_event() is NEED_DATA
    assert core.buffered == 0
    core.receive(b"d NOOP\r\n")
    assert core.next_event() == events.Noop(b"d")


def test_tls_starts_once(session: Session) -> None:
    session.send(b"a STARTTLS\r\n")
    assert session.send(b"b STARTTLS\r\nc NOOP\r\n") == b"b BAD that is on already\r\nc OK done\r\n"


def test_a_refused_starttls_leaves_the_session_as_it_was(session: Session) -> None:
    core = session.core
    core.receive(b"a STARTTLS\r\n")
    core.next_event()
    core.no(b"a", b"no certificate")
    assert session.send(b"b NOOP\r\n") == b"a NO no certificate\r\nb OK done\r\n"


# -- AUTHENTICATE


def test_authenticate_in_two_lines(session: Session) -> None:
    assert session.send(b"a AUTHENTICATE PLAIN\r\n") == b"+ \r\n"
    assert session.send(b"AHUAcA==\r\nb NOOP\r\n") == b"a OK done\r\nb OK done\r\n"
    assert session.events[1] == events.AuthenticateResponse(b"a", b"AHUAcA==")
    assert session.core.state is State.AUTHENTICATED


def test_authenticate_with_an_initial_response(session: Session) -> None:
    assert session.send(b"a AUTHENTICATE PLAIN AHUAcA==\r\n") == b"a OK done\r\n"


def test_a_client_that_gives_up_or_sends_too_much_is_heard_as_a_star(new_session: type[Session]) -> None:
    for line in (b"*", b"A" * 100):
        session = new_session(Limits(line=50))
        session.send(b"a AUTHENTICATE PLAIN\r\n")
        assert session.send(line + b"\r\nb NOOP\r\n") == b"a BAD cancelled\r\nb OK done\r\n"
        assert session.events[1] == events.AuthenticateResponse(b"a", b"*")


def test_a_line_of_authenticate_announces_no_literal(session: Session) -> None:
    session.send(b"a AUTHENTICATE PLAIN\r\n")
    session.send(b"x{3}\r\n")
    assert session.last == events.AuthenticateResponse(b"a", b"x{3}")


def test_several_challenges(session: Session) -> None:
    core = session.core
    core.receive(b"a AUTHENTICATE LOGIN\r\nYQ==\r\nYg==\r\n")
    assert core.next_event() == events.AuthenticateBegin(b"a", "LOGIN", b"")
    core.challenge(b"VXNlcjo=")
    assert core.next_event() == events.AuthenticateResponse(b"a", b"YQ==")
    core.challenge(b"UGFzczo=")
    assert core.next_event() == events.AuthenticateResponse(b"a", b"Yg==")
    core.no(b"a", b"wrong", b"AUTHENTICATIONFAILED")
    assert core.data_to_send() == b"+ VXNlcjo=\r\n+ UGFzczo=\r\na NO [AUTHENTICATIONFAILED] wrong\r\n"


# -- IDLE


def test_idle_ends_with_done(selected: Session) -> None:
    core = selected.core
    assert selected.send(b"a IDLE\r\n") == b"+ idling\r\n"
    assert core.idling
    assert core.expunges_allowed
    core.untagged(b"* 4 EXISTS\r\n")
    assert selected.send(b"done\r\n") == b"* 4 EXISTS\r\na OK done\r\n"
    assert selected.take() == [events.IdleBegin(b"a"), events.IdleEnd(b"a")]
    assert not core.idling
    assert not core.expunges_allowed


@pytest.mark.parametrize("line", [b"b NOOP", b"", b"DONE x", b"DONE" * 20000, b"b APPEND x {8+}\r\nc NOOP\r\n foo"])
def test_anything_else_ends_idle_badly_and_is_not_executed(selected: Session, line: bytes) -> None:
    selected.send(b"a IDLE\r\n")
    assert selected.send(line + b"\r\nd NOOP\r\n") == b"a BAD expected DONE\r\nd OK done\r\n"
    assert [type(event) for event in selected.events] == [events.IdleBegin, events.IdleEnd, events.Noop]


def test_done_may_be_on_its_way_already(selected: Session) -> None:
    assert selected.send(b"a IDLE\r\nDONE\r\nb NOOP\r\n") == b"+ idling\r\na OK done\r\nb OK done\r\n"


def test_a_refused_idle_does_not_wait_for_done(selected: Session) -> None:
    core = selected.core
    core.receive(b"a IDLE\r\n")
    core.next_event()
    core.no(b"a", b"too many")
    assert selected.send(b"b NOOP\r\n") == b"a NO too many\r\nb OK done\r\n"


def test_the_default_limits_are_shared() -> None:
    assert ServerCore()._limits is ServerCore()._limits


@pytest.mark.parametrize(
    ("before", "last"),
    [
        (b"a IDLE\r\n", b"DONE\r\n"),
        (b"a IDLE\r\n", b"x\r\n"),
        (b"a APPEND x {1+}\r\ny", b"\r\n"),
        (b"a APPEND x {1+}\r\ny", b" {1+}\r\nz"),
    ],
)
def test_every_event_that_wants_an_answer_waits_for_it(selected: Session, before: bytes, last: bytes) -> None:
    selected.send(before)
    selected.core.receive(last + b"b NOOP\r\n")
    assert isinstance(selected.core.next_event(), events.Command)
    assert selected.core.next_event() is PAUSED


def test_the_answer_to_a_line_of_authenticate_is_waited_for(session: Session) -> None:
    session.send(b"a AUTHENTICATE PLAIN\r\n")
    session.core.receive(b"x\r\nb NOOP\r\n")
    assert session.core.next_event() == events.AuthenticateResponse(b"a", b"x")
    assert session.core.next_event() is PAUSED
