"""smtp.server: the core's contract, in any cut, and its states; what sessions look like is in tests/dialogues/smtp."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.smtp import events
from mailsuite.smtp.body import ChunkedBody
from mailsuite.smtp.extensions import Limits, Options
from mailsuite.smtp.reply import reply
from mailsuite.smtp.server import ServerCore
from mailsuite.smtp.states import AFTER, ALLOWED, LMTP_VERBS, OUT_OF_ORDER, SMTP_VERBS, State, Verb
from mailsuite.wire.signals import NEED_DATA, PAUSED

LIMITS = Limits(command_line=80, auth_line=100, message=60, recipients=2, errors=6)
OPTIONS = Options("mx.test", starttls=True, mechanisms=("PLAIN",), auth_in_clear=True, limits=LIMITS)


def answer(core: ServerCore, event: events.Event) -> None:
    """A server that knows everybody but ``no@...``, refuses TLS and takes no password."""
    match event:
        case events.Rcpt(recipient=recipient) if recipient.address.local == "no":
            core.reply(reply(550, "5.1.1", "No"))
        case events.StartTLS():
            core.reply(reply(454, "4.7.0", "Not now"))
        case events.AuthBegin():
            core.reply(reply(334, "", ""))
        case events.AuthResponse(data=data):
            core.reply(reply(235, "2.7.0", "Yes") if data == b"eWVz" else reply(535, "5.7.8", "No"))
        case events.Verify() | events.Expand() | events.Turn():
            core.reply(reply(250, "2.1.5", "Yes"))
        case events.ChunkEnd(too_big=True):
            core.reply(reply(552, "5.3.4", "No"))
        case events.MessageEnd():
            core.reply(reply(250, "2.0.0", "Ok"))
        case (
            events.ChunksBegin()
            | events.Chunk()
            | events.Reset()
            | events.Quit()
            | events.Hangup()
            | events.AuthCancelled()
        ):
            pass
        case _:
            core.accept()


def run(options: Options, pieces: list[bytes]) -> tuple[list[events.Event], bytes, State]:
    """Events with neighbouring chunks joined, the output, the state at the end."""
    core, seen, out = ServerCore(options), [], b""
    for piece in [b"", *pieces]:
        core.receive(piece)
        while not isinstance(event := core.next_event(), type(NEED_DATA)):
            if isinstance(event, events.Chunk) and seen and isinstance(seen[-1], events.Chunk):
                seen[-1] = events.Chunk(seen[-1].data + event.data)
            else:
                seen.append(event)
            answer(core, event)
            out += core.data_to_send()
        assert event is NEED_DATA
        out += core.data_to_send()
    return seen, out, core.state


LINES = [
    b"EHLO x\r\n", b"HELO x\r\n", b"LHLO x\r\n", b"MAIL FROM:<a@b>\r\n", b"MAIL FROM:<> SIZE=61\r\n",
    b"mail from:<a@b> x=y\r\n", b"RCPT TO:<c@d>\r\n", b"RCPT TO:<no@d>\r\n", b"RCPT TO:<>\r\n", b"DATA\r\n", b".\r\n",
    b"..\r\n", b"\r\n", b"\n", b"\r", b".", b"text\r\n", b"\0", b"x" * 90, b"RSET\r\n", b"NOOP\r\n", b"VRFY x\r\n",
    b"HELP\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"AUTH PLAIN\r\n", b"AUTH PLAIN eWVz\r\n", b"eWVz\r\n", b"*\r\n",
    b"FOO\r\n", b"GET / HTTP/1.1\r\n", b"\xff\r\n", b"BDAT 0\r\n",
    b"BDAT 7\r\nNOOP\r\n\0", b"BDAT 70 LAST\r\n" + b"x" * 70,
    b"BDAT 3 LAST\r\na\r\n", b"BDAT x\r\n",
    b"ETRN x\r\n", b"EXPN x@y\r\n", b"MAIL FROM:<\xc3\xb6@b> SMTPUTF8\r\n", b"RCPT TO:<\xc3\xb6@d> NOTIFY=NEVER\r\n",
    b"MAIL FROM:<a@b> BODY=BINARYMIME MT-PRIORITY=3 BY=60;R HOLDFOR=5\r\n",
]  # fmt: skip
TRANSACTION = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
STREAMS = st.lists(st.sampled_from([*LINES, b"EHLO x\r\n" + TRANSACTION, TRANSACTION + b"text\r\n.\r\n"]), max_size=25)


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    stream = b"".join(draw(STREAMS))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return stream, [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(cut_streams(), st.booleans(), st.booleans(), st.booleans())
def test_any_cut_gives_the_same_events_and_the_same_answers(
    cut: tuple[bytes, list[bytes]], lmtp: bool, auth_required: bool, trusted: bool
) -> None:
    stream, pieces = cut
    options = Options(
        "mx.test", lmtp, starttls=True, mechanisms=("PLAIN",), auth_in_clear=True, auth_required=auth_required,
        trusted=trusted, submission=trusted, hold_limit=60, limits=LIMITS,
    )  # fmt: skip
    whole = run(options, [stream])
    assert run(options, pieces) == whole
    assert run(options, [stream[i : i + 1] for i in range(len(stream))]) == whole


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_random_octets_never_raise(pieces: list[bytes]) -> None:
    run(OPTIONS, pieces)
    run(OPTIONS, [b"EHLO x\r\n" + TRANSACTION, *pieces])
    run(OPTIONS, [b"EHLO x\r\nAUTH PLAIN\r\n", *pieces])


@given(STREAMS)
def test_every_line_of_the_output_is_a_reply(lines: list[bytes]) -> None:
    _, out, _ = run(OPTIONS, lines)
    for line in out.split(b"\r\n")[:-1]:
        assert line[:3].isdigit(), line
        assert line[3:4] in (b" ", b"-")
        assert len(line) <= 510
    assert out.endswith(b"\r\n")


def at(state: State) -> ServerCore:
    """A core in that state."""
    ways = {
        State.CONNECTED: [],
        State.START: [b""],
        State.READY: [b"EHLO x\r\n"],
        State.MAIL: [b"EHLO x\r\nMAIL FROM:<a@b>\r\n"],
        State.RCPT: [b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"],
        State.DATA: [b"EHLO x\r\n" + TRANSACTION],
        State.CHUNKS: [b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 0\r\n"],
        State.BROKEN: [b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 70\r\n" + b"x" * 70],
        State.AUTH: [b"EHLO x\r\nAUTH PLAIN\r\n"],
        State.CLOSED: [b"QUIT\r\n"],
    }
    core = ServerCore(OPTIONS)
    for piece in ways[state]:
        core.receive(piece)
        while not isinstance(event := core.next_event(), type(NEED_DATA)):
            answer(core, event)
    core.data_to_send()
    assert core.state is state
    return core


EXAMPLES = {
    Verb.HELO: b"HELO x", Verb.EHLO: b"EHLO x", Verb.MAIL: b"MAIL FROM:<a@b>", Verb.RCPT: b"RCPT TO:<c@d>",
    Verb.DATA: b"DATA", Verb.RSET: b"RSET", Verb.NOOP: b"NOOP", Verb.VRFY: b"VRFY x", Verb.EXPN: b"EXPN x",
    Verb.HELP: b"HELP", Verb.QUIT: b"QUIT", Verb.STARTTLS: b"STARTTLS", Verb.AUTH: b"AUTH PLAIN",
    Verb.ETRN: b"ETRN x",
}  # fmt: skip


@pytest.mark.parametrize("state", [State.START, State.READY, State.MAIL, State.RCPT])
@pytest.mark.parametrize("verb", list(EXAMPLES))
def test_the_table_says_what_may_come_where(state: State, verb: Verb) -> None:
    core = at(state)
    core.receive(EXAMPLES[verb] + b"\r\n")
    event = core.next_event()
    out = core.data_to_send()
    if state in ALLOWED[verb]:
        assert not out.startswith(b"503")
        assert event is not NEED_DATA or out[:3] in (b"250", b"252", b"550", b"214", b"459")
    else:
        assert (event, core.state) == (NEED_DATA, state)
        assert out.startswith(b"503 5.5.1 ")


def test_every_verb_has_its_rows() -> None:
    assert set(ALLOWED) == set(Verb)
    open_states = {State.START, State.READY, State.MAIL, State.RCPT}
    greeted = open_states - {State.START}
    assert set(OUT_OF_ORDER) == {verb for verb in Verb if not greeted <= ALLOWED[verb]}
    assert set(SMTP_VERBS) | set(LMTP_VERBS) == {verb.value for verb in Verb}
    assert set(AFTER.values()) <= set(State)


def test_nothing_is_read_while_a_question_waits() -> None:
    core = ServerCore(OPTIONS)
    core.receive(b"EHLO x\r\nNOOP\r\n")
    assert core.next_event() == events.Connected()
    assert core.next_event() is PAUSED
    assert core.data_to_send() == b""
    core.accept()
    assert core.data_to_send() == b"220 mx.test ESMTP\r\n"
    assert core.next_event() == events.Greeting("x", True)
    assert core.next_event() is PAUSED
    assert core.buffered == len(b"NOOP\r\n")


def test_an_answer_without_a_question_is_a_bug() -> None:
    with pytest.raises(RuntimeError):
        at(State.READY).reply(reply(250, "", ""))


def test_a_refused_banner_ends_the_session() -> None:
    core = ServerCore(OPTIONS)
    core.receive(b"EHLO x\r\n")
    core.next_event()
    core.reply(reply(554, "5.7.1", "No"))
    assert core.next_event() is NEED_DATA
    assert core.state is State.CLOSED


@pytest.mark.parametrize("state", [s for s in State if s not in (State.TLS, State.CONNECTED)])
def test_after_hanging_up_nothing_is_read_or_said(state: State) -> None:
    core = at(state)
    core.hang_up(reply(421, "4.3.2", "Bye"))
    core.hang_up(reply(421, "4.3.2", "Bye"))
    core.receive(b"NOOP\r\n.\r\nNOOP\r\n")
    assert core.next_event() is NEED_DATA
    assert core.data_to_send() == (b"421 4.3.2 Bye\r\n" if state is not State.CLOSED else b"")
    assert core.buffered == 0


def test_what_came_before_the_handshake_is_dropped_and_forgotten() -> None:
    core = at(State.RCPT)
    core.receive(b"STARTTLS\r\nDATA\r\nevil")
    assert core.next_event() == events.StartTLS()
    core.accept()
    core.receive(b"\r\nMAIL FROM:<evil@x>\r\n")
    assert core.next_event() is NEED_DATA
    core.secured()
    assert (core.state, core.recipients, core.greeting.name, core.buffered) == (State.START, 0, "", 0)
    core.receive(b"NOOP\r\n")
    assert core.next_event() is NEED_DATA
    assert core.data_to_send() == b"220 2.0.0 Ready to start TLS\r\n250 2.0.0 Ok\r\n"


def test_a_message_over_the_limit_is_cut_at_the_limit_whatever_the_pieces() -> None:
    for size in (1, 7, 59, 60, 61, 500):
        body = b"0123456789" * 30 + b"\r\n.\r\n"
        pieces = [body[i : i + size] for i in range(0, len(body), size)]
        seen, _, state = run(OPTIONS, [b"EHLO x\r\n" + TRANSACTION, *pieces, b"NOOP\r\n"])
        assert seen[-2:] == [
            events.Chunk(b"0123456789" * 6),
            events.MessageEnd(302, frozenset({events.Fault.TOO_BIG})),
        ]
        assert state is State.READY


def test_a_pipeline_of_refused_chunks_costs_no_stack() -> None:
    core = at(State.READY)
    core.receive(b"MAIL FROM:<a@b>\r\n" + b"BDAT 0\r\n" * 5000)
    answer(core, core.next_event())  # type: ignore[arg-type]
    core.data_to_send()
    assert core.next_event() is NEED_DATA
    assert core.data_to_send() == b"503 5.5.1 No valid recipients; RCPT comes first\r\n" * 5000


@given(st.lists(st.binary(max_size=9), max_size=9), st.integers(1, 9))
def test_chunks_say_the_same_of_a_body_whatever_their_cut(parts: list[bytes], size: int) -> None:
    """What is wrong in it is what DATA would say, but for the end of the last line."""
    text = b"".join(parts)
    body, whole = ChunkedBody(1000, binary=False), ChunkedBody(1000, binary=False)
    assert b"".join(body.take(text[i : i + size]) for i in range(0, len(text), size)) == whole.take(text) == text
    assert body.faults() == whole.faults()
    bare = text.replace(b"\r\n", b"")
    wrong = {b"\r": events.Fault.BARE_CR, b"\n": events.Fault.BARE_LF, b"\0": events.Fault.NUL}
    assert body.faults() == {fault for octet, fault in wrong.items() if octet in bare}


def test_lmtp_answers_once_a_recipient() -> None:
    options = Options("mx.test", lmtp=True)
    lhlo = b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<no@d>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\nQUIT\r\n"
    _, out, _ = run(options, [lhlo])
    after = out.split(b"354 ")[1].split(b"\r\n", 1)[1]
    assert after == b"250 2.0.0 Ok\r\n" * 2 + b"221 2.0.0 Goodbye\r\n"


@pytest.mark.parametrize("size", [1, 7, 59, 60, 61])
def test_chunks_over_the_limit_are_counted_and_not_given_out(size: int) -> None:
    """However large they say they are, what is kept of them is one message of the largest size."""
    opening = b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
    data = opening + b"BDAT 50\r\n" + b"x" * 50 + b"BDAT 300 LAST\r\n" + b"y" * 300 + b"NOOP\r\n"
    seen, out, state = run(OPTIONS, [data[i : i + size] for i in range(0, len(data), size)])
    assert seen[-1] == events.MessageEnd(350, frozenset({events.Fault.TOO_BIG}))
    assert b"".join(event.data for event in seen if isinstance(event, events.Chunk)) == b"x" * 50 + b"y" * 10
    assert out.endswith(b"250 2.0.0 Ok\r\n")
    assert state is State.READY


def test_a_line_may_be_longer_by_what_the_extensions_need() -> None:
    """RFC 3461 §5.4 asks for an ORCPT of 500 characters besides what RCPT has anyway."""
    core = ServerCore(Options("mx.test", limits=Limits(command_line=512)))
    line = b"RCPT TO:<c@d> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;" + b"a" * 490 + b"\r\n"
    core.receive(b"EHLO x\r\nMAIL FROM:<a@b>\r\n" + line)
    seen = []
    while not isinstance(event := core.next_event(), type(NEED_DATA)):
        seen.append(event)
        core.accept()
    assert len(line) > 512
    assert isinstance(seen[-1], events.Rcpt)


def test_a_client_that_never_ends_its_line_takes_no_memory() -> None:
    core = at(State.READY)
    for _ in range(1000):
        core.receive(b"x" * 1000)
        assert core.next_event() is NEED_DATA
        assert core.buffered < LIMITS.command_line + 2000
