"""The POP3 core by itself: any cut, any octets, any answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.pop3.capabilities import Terms, announced
from mailsuite.pop3.conversation import Profile
from mailsuite.pop3.events import (
    Answered,
    Authenticate,
    Capabilities,
    Close,
    Event,
    Login,
    Response,
    Retrieve,
    StartTLS,
    Top,
    Update,
)
from mailsuite.pop3.limits import Limits
from mailsuite.pop3.maildrop import SLICE, Maildrop
from mailsuite.pop3.server import ServerCore
from mailsuite.pop3.states import COMMANDS, State
from mailsuite.pop3.texts import Text
from mailsuite.wire.dots import Stuffer
from mailsuite.wire.signals import NEED_DATA, PAUSED

PROFILE = Profile("mail.example.org", tls=True, plaintext=True, limits=Limits(faults=50))
MESSAGE = b"Subject: x\r\n\r\n.a\r\n"


def answer(core: ServerCore, event: Event) -> None:
    """A server whose users all exist, with two messages each; ``wrong`` and ``broken`` are refused."""
    match event:
        case Capabilities():
            core.capabilities(Terms())
        case Login(password="wrong"):
            core.login_failed(Text.WRONG)
        case Login():
            core.logged_in(Maildrop((100, 17), ("a", "b")), Terms())
        case Authenticate(has_initial=False) | Authenticate(initial=b"MORE") | Response(line=b"MORE"):
            core.challenge(b"")
        case Authenticate(initial=b"YES") | Response(line=b"YES"):
            core.logged_in(Maildrop((100, 17), ("a", "b")), Terms())
        case Authenticate() | Response():
            core.refuse(Text.MALFORMED)
        case StartTLS():
            core.refuse(Text.TEMPORARY, "SYS/TEMP")
        case Retrieve(index=0) | Top():
            core.send_message(MESSAGE)
        case Retrieve():
            core.begin_message(len(MESSAGE))
            core.send_part(MESSAGE[:15])
            core.send_part(MESSAGE[15:])
            core.end_message()
        case Update():
            core.updated()


def serve(pieces: list[bytes]) -> tuple[list[Event], bytes]:
    """All events and everything sent, for input that arrives in these pieces."""
    core = ServerCore(PROFILE)
    seen: list[Event] = []
    sent = [core.data_to_send()]
    for piece in pieces:
        core.receive(piece)
        while (event := core.next_event()) is not NEED_DATA:
            assert event is not PAUSED
            seen.append(event)
            if isinstance(event, Close):
                break
            if not isinstance(event, Answered):
                assert core.next_event() is PAUSED
            answer(core, event)
            sent.append(core.data_to_send())
    sent.append(core.data_to_send())
    return seen, b"".join(sent)


WORDS = st.sampled_from([*COMMANDS, b"stat", b"NONSENSE", b"", b"YES", b"MORE", b"*"])
ARGUMENTS = st.sampled_from(
    [
        *(b"", b" 1", b" 2", b" 1 0", b" 2 9", b" 0", b" 99999999999", b" tim", b" wrong"),
        *(b" PLAIN", b" PLAIN YES", b" PLAIN MORE", b"  ", b" \xff", b" \x00", b" " + b"x" * 600),
    ]
)
LINES = st.builds(
    lambda word, argument, end: word + argument + end, WORDS, ARGUMENTS, st.sampled_from([b"\r\n", b"\n"])
)
LOGGED_IN = st.sampled_from([b"", b"USER tim\r\nPASS x\r\n", b"AUTH PLAIN\r\nYES\r\n"])


@settings(max_examples=150, deadline=None)
@given(LOGGED_IN, st.lists(LINES, max_size=12), st.data())
def test_any_cut_gives_the_same_events_and_the_same_answers(
    first: bytes, lines: list[bytes], data: st.DataObject
) -> None:
    conversation = first + b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(conversation)), max_size=8)))
    pieces = [conversation[a:b] for a, b in zip([0, *cuts], [*cuts, len(conversation)], strict=True)]
    expected = serve([conversation])
    assert serve(pieces) == expected
    assert serve([conversation[n : n + 1] for n in range(len(conversation))]) == expected


@settings(max_examples=150, deadline=None)
@given(LOGGED_IN, st.lists(st.binary(max_size=700), max_size=6))
def test_random_octets_never_escape(first: bytes, pieces: list[bytes]) -> None:
    _, sent = serve([first, *pieces])
    assert sent.startswith(b"+OK ")
    assert sent.endswith(b"\r\n")


@given(st.lists(st.binary(min_size=1, max_size=5000), max_size=30))
def test_memory_is_bounded_by_the_line_limit(pieces: list[bytes]) -> None:
    core = ServerCore(PROFILE)
    for piece in pieces:
        core.receive(piece.replace(b"\n", b""))
        assert core.next_event() is NEED_DATA
        assert core.buffered <= PROFILE.limits.line


def log_in(core: ServerCore, sizes: tuple[int, ...] = (100, 17)) -> None:
    core.receive(b"USER tim\r\nPASS x y \r\n")
    assert isinstance(core.next_event(), Answered)
    event = core.next_event()
    assert event == Login("tim", "x y ")
    core.logged_in(Maildrop(sizes, [f"id{n}" for n in range(len(sizes))]), Terms())
    core.data_to_send()


def test_a_session_is_paused_until_the_event_is_answered() -> None:
    core = ServerCore(PROFILE)
    log_in(core)
    core.receive(b"RETR 2\r\nQUIT\r\n")
    assert core.next_event() == Retrieve(1)
    assert core.next_event() is PAUSED
    core.begin_message(17)
    core.send_part(b"a\r\n.")
    assert core.next_event() is PAUSED
    core.send_part(b"\r\nb")
    core.end_message()
    assert core.data_to_send() == b"+OK 17 octets\r\na\r\n..\r\nb\r\n.\r\n"
    assert core.next_event() == Update(())
    assert core.next_event() is PAUSED
    core.updated()
    assert core.next_event() == Close()
    assert core.next_event() is NEED_DATA


def test_dots_are_doubled_whatever_the_message_before_ended_with() -> None:
    core = ServerCore(PROFILE)
    log_in(core)
    core.receive(b"RETR 1\r\nRETR 2\r\n")
    core.next_event()
    core.send_message(b"no line end")
    core.next_event()
    core.send_message(b".\r\n")
    assert core.data_to_send() == b"+OK 11 octets\r\nno line end\r\n.\r\n+OK 3 octets\r\n..\r\n.\r\n"


@given(
    st.lists(st.sampled_from([b"", b".", b"a", b"a.b", b"..", b"x" * 70, b"1.2.3." * 30]), max_size=12),
    st.sampled_from([b"\r\n", b"", b"."]),
)
def test_a_whole_message_has_its_dots_doubled_however_many_there_are(lines: list[bytes], end: bytes) -> None:
    message = b"\r\n".join(lines) + end
    core = ServerCore(PROFILE)
    log_in(core)
    core.receive(b"RETR 1\r\n")
    core.next_event()
    core.send_message(message)
    stuffer = Stuffer()
    assert core.data_to_send() == b"+OK %d octets\r\n" % len(message) + stuffer.feed(message) + stuffer.finish()


def test_update_names_what_is_marked_in_order() -> None:
    core = ServerCore(PROFILE)
    log_in(core, (1,) * 12)
    core.receive(b"DELE 12\r\nDELE 2\r\nDELE 7\r\nQUIT\r\n")
    for _ in range(3):
        assert isinstance(core.next_event(), Answered)
    assert core.next_event() == Update((1, 6, 11))
    assert core.state is State.ENDED


@pytest.mark.parametrize("method", ["updated", "end_message"])
def test_an_answer_without_a_question_is_a_fault_of_ours(method: str) -> None:
    with pytest.raises(RuntimeError):
        getattr(ServerCore(PROFILE), method)()


def test_nothing_buffered_survives_the_switch_to_tls() -> None:
    core = ServerCore(PROFILE)
    core.receive(b"STLS\r\nUSER mallory\r\n")
    assert core.next_event() == StartTLS()
    assert not core.start_tls()
    assert not core.secure
    core.receive(b"STLS\r\n")
    assert isinstance(core.next_event(), Answered)
    assert core.next_event() == StartTLS()
    core.data_to_send()
    assert core.start_tls()
    assert core.secure
    assert core.data_to_send() == b"+OK begin the TLS handshake\r\n"
    core.receive(b"PASS x\r\n")
    assert isinstance(core.next_event(), Answered)
    assert core.data_to_send() == b"-ERR send USER first\r\n"


def test_part_of_a_line_after_stls_is_enough_to_refuse() -> None:
    core = ServerCore(PROFILE)
    core.receive(b"STLS\r\nU")
    assert core.next_event() == StartTLS()
    assert not core.start_tls()


def test_passwords_do_not_show() -> None:
    events = (Login("tim", "secret"), Authenticate("PLAIN", True, b"secret"), Response(b"secret"))
    assert "secret" not in repr(events)


def test_every_command_has_its_place() -> None:
    """Nothing of the transaction works before the login, nothing of the login after it."""
    for row in COMMANDS.values():
        line = " ".join([row.keyword, *["1"] * row.arguments[0]]).encode() + b"\r\n"
        for state in (State.AUTHORIZATION, State.TRANSACTION):
            core = ServerCore(PROFILE)
            if state is State.TRANSACTION:
                log_in(core)
            core.data_to_send()
            core.receive(line)
            core.next_event()
            refused = b"is not allowed" in core.data_to_send()
            assert refused is (state not in row.states), row.keyword


def many(count: int) -> ServerCore:
    core = ServerCore(PROFILE)
    log_in(core, (7,) * count)
    core.data_to_send()
    return core


@pytest.mark.parametrize("command", [b"LIST", b"UIDL"])
def test_a_long_listing_comes_in_pieces_and_nothing_between_them(command: bytes) -> None:
    core = many(SLICE * 2 + 5)
    core.receive(command + b"\r\nNOOP\r\n")
    pieces = []
    while isinstance(core.next_event(), Answered):
        pieces.append(core.data_to_send())
    assert len(pieces) == 1 + 3 + 1 + 1
    assert [piece.count(b"\r\n") for piece in pieces] == [1, SLICE, SLICE, 5, 1, 1]
    assert pieces[-2:] == [b".\r\n", b"+OK nothing done\r\n"]


def test_a_listing_that_is_broken_off_does_not_look_ended() -> None:
    core = many(SLICE + 1)
    core.receive(b"LIST\r\n")
    core.next_event()
    core.next_event()
    core.say_and_end(Text.STOPPING)
    assert core.next_event() == Close()
    said = core.data_to_send()
    assert said.endswith(b"1000 7\r\n")
    assert b"ERR" not in said


def test_a_listing_leaves_out_what_is_marked() -> None:
    core = many(SLICE + 2)
    core.receive(b"DELE 2\r\nDELE %d\r\nLIST\r\n" % (SLICE + 1))
    while core.next_event() is not NEED_DATA:
        pass
    lines = core.data_to_send().split(b"\r\n")[3:-2]
    assert len(lines) == SLICE
    assert b"2 7" not in lines
    assert lines[-1] == b"%d 7" % (SLICE + 2)


def test_what_retrs_are_coming_is_seen_without_taking_them() -> None:
    core = many(9)
    core.receive(b"RETR 3\r\nRETR 4\r\nretr 0\r\nXRETR 5\r\nDELE 3\r\nRETR 99\nRETR 9\nRETR 7")
    assert core.coming() == [2, 3, 8]
    assert core.next_event() == Retrieve(2)
    assert core.coming() == [3, 8]


@pytest.mark.parametrize(
    ("terms", "lines"),
    [
        (Terms(), ["EXPIRE NEVER"]),
        (Terms(60, 30), ["EXPIRE 30", "LOGIN-DELAY 60"]),
        (Terms(60, 0, True, True), ["EXPIRE 0 USER", "LOGIN-DELAY 60 USER"]),
        (Terms(0, -1, True, True), ["EXPIRE NEVER USER"]),
    ],
)
def test_user_tells_that_an_account_may_have_other_rules(terms: Terms, lines: list[str]) -> None:
    assert list(announced(terms)) == lines
