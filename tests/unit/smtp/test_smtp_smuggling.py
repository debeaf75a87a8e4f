"""SMTP smuggling: no malformed end of data ends a message, in any chunking, and nothing behind it becomes a command.

A sending server that lets such a sequence through in a body would otherwise vouch for a second, forged message
(CVE-2023-51764 and its kin).  The same for lines of commands: what is behind a bare CR, a bare LF or a NUL is never
one of its own.
"""

from __future__ import annotations

import itertools

import pytest
import smtp_world

from mailsuite.smtp import events
from mailsuite.smtp.extensions import Options
from mailsuite.smtp.reply import reply
from mailsuite.smtp.server import ServerCore
from mailsuite.smtp.states import State
from mailsuite.testing.dialogue import Cut, octets, random_cuts, whole
from mailsuite.testing.dialogue import Script as Dialogue
from mailsuite.testing.stages import MemoryStage
from mailsuite.wire.signals import NEED_DATA

#: What some server has taken for CR LF . CR LF at some time, and its neighbours.
FALSE_ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r.\n", b"\n.\r", b"\n\n.\n\n",
    b"\r\r.\r\r", b"\r\n.\r\r\n", b"\r\n\r.\r\n", b"\n\r.\r\n", b"\n\r.\n\r", b"\r\n.\n\r\n", b"\r\n.\n.\r\n",
    b"\r\n.\r.\r\n", b"\n.\r.\n",
    # NUL, and other octets that someone strips or takes for a line end
    b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\n.\r\x00\n", b"\r\x00\n.\r\n", b"\x00\n.\r\n", b"\n\x00.\x00\n",
    b"\r\n.\r\x00", b"\r\n.\x0b\r\n", b"\r\n.\x0c\r\n", b"\r\n.\x1a\r\n", b"\r\n.\x7f\r\n", b"\r\n.\x85\r\n",
    b"\x85.\x85", b"\r\n.\xe2\x80\xa8\r\n", b"\xff\xf4.\r\n",
    # white space and stuffed dots
    b"\r\n. \r\n", b"\r\n .\r\n", b"\r\n.\t\r\n", b"\r\n..\r\n", b"\r\n...\r\n", b"\r\n..\n", b"\n..\r\n", b"\n..\n",
    b"\r\n..\r",
]  # fmt: skip
#: The same right behind DATA, whose line ends in the CR LF that the final dot needs before it.
FALSE_STARTS = [
    b".\n", b".\r", b".\r\r\n", b".\n\r\n", b".\x00\r\n", b"\x00.\r\n", b"\n.\n", b"\r.\r\n", b"..\r\n", b". \r\n",
]  # fmt: skip
#: These do end it, for CR LF . CR LF is in them; what is wrong beside it is refused.
TRUE_ENDS = {
    b"\r\n.\r\n": False,
    b"\r\r\n.\r\n": True,
    b"\n\r\n.\r\n": True,
    b"\x00\r\n.\r\n": True,
    b"\r\n.\n\r\n.\r\n": True,
    b"\r\n..\r\n.\r\n": False,
}
FORGED = b"MAIL FROM:<admin@here.test>\r\nRCPT TO:<victim@here.test>\r\nDATA\r\nforged\r\n"
OPENING = b"EHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n"


def cuts_of(data: bytes, around: int) -> list[list[bytes]]:
    """Whole, octet by octet, and every way to cut once or twice near ``around``."""
    near = range(max(around - 6, 1), min(around + 8, len(data)))
    ways = [[data], [data[i : i + 1] for i in range(len(data))]]
    ways += [[data[:a], data[a:]] for a in near]
    ways += [[data[:a], data[a:b], data[b:]] for a, b in itertools.combinations(near, 2)]
    return ways


def session(pieces: list[bytes], mend: bool = False, xclient: bool = False) -> tuple[list[events.Event], ServerCore]:
    core, seen = ServerCore(Options("mx.test", mend_bare_lf=mend, xclient=xclient)), []
    for piece in pieces:
        core.receive(piece)
        while (event := core.next_event()) is not NEED_DATA:
            assert isinstance(event, events.Event)
            seen.append(event)
            if isinstance(event, events.MessageEnd):
                core.reply(reply(550, "5.6.0", "no") if event.faults else reply(250, "2.0.0", "Ok"))
            elif isinstance(event, events.Question):
                core.accept()
    return seen, core


def mails(seen: list[events.Event]) -> list[str]:
    return [event.sender.local for event in seen if isinstance(event, events.Mail)]


def ends(seen: list[events.Event]) -> list[events.MessageEnd]:
    return [event for event in seen if isinstance(event, events.MessageEnd)]


def body_of(seen: list[events.Event]) -> bytes:
    return b"".join(event.data for event in seen if isinstance(event, events.Chunk))


PIPELINED = pytest.mark.parametrize("pipelined", [True, False], ids=["pipelined", "alone"])
PLACES = [
    *(pytest.param(b"Subject: x\r\n\r\nharmless", end, id=f"in a line {end!r}") for end in FALSE_ENDS),
    *(pytest.param(b"Subject: x\r\n\r\nharmless\r\n", end, id=f"behind a line {end!r}") for end in FALSE_STARTS),
    *(pytest.param(b"", end, id=f"behind DATA {end!r}") for end in FALSE_STARTS),
]


@pytest.mark.parametrize(("before", "false_end"), PLACES)
@PIPELINED
def test_a_false_end_ends_nothing(before: bytes, false_end: bytes, pipelined: bool) -> None:
    opening = [] if pipelined else [OPENING]
    before = (OPENING if pipelined else b"") + before
    data = before + false_end + FORGED + b".\r\nNOOP\r\n"
    for pieces in cuts_of(data, len(before) + len(false_end) // 2):
        seen, core = session(opening + pieces)
        assert mails(seen) == ["a"]
        assert len(ends(seen)) == 1
        assert body_of(seen).endswith(FORGED)
        assert core.state is State.READY
        assert core.data_to_send().endswith(b"\r\n250 2.0.0 Ok\r\n")


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_what_another_server_could_take_for_an_end_is_refused(false_end: bytes) -> None:
    data = OPENING + b"harmless" + false_end + b"more\r\n.\r\n"
    (end,) = ends(session([data])[0])
    rest = false_end.replace(b"\r\n", b"")
    assert bool(end.faults) == any(octet in rest for octet in (b"\r", b"\n", b"\0"))


@pytest.mark.parametrize(("before", "false_end"), PLACES)
def test_where_bare_lf_is_mended_a_false_end_ends_nothing_either(before: bytes, false_end: bytes) -> None:
    data = before + false_end + FORGED + b".\r\nNOOP\r\n"
    for pieces in cuts_of(data, len(before) + len(false_end) // 2):
        seen, core = session([OPENING, *pieces], mend=True)
        body = body_of(seen)
        (end,) = ends(seen)
        assert mails(seen) == ["a"]
        assert body.endswith(FORGED)
        assert body.count(b"\n") == body.count(b"\r\n")
        rest = body.replace(b"\r\n", b"")
        assert bool(end.faults) == any(octet in rest for octet in (b"\r", b"\0"))
        assert end.size == len(body)
        assert core.state is State.READY


@pytest.mark.parametrize("true_end", TRUE_ENDS, ids=repr)
@PIPELINED
def test_a_true_end_ends_it_whatever_is_beside_it(true_end: bytes, pipelined: bool) -> None:
    opening = [] if pipelined else [OPENING]
    before = (OPENING if pipelined else b"") + b"one"
    for pieces in cuts_of(before + true_end + FORGED + b".\r\n", len(before) + len(true_end) // 2):
        seen, _ = session(opening + pieces)
        assert mails(seen) == ["a", "admin"]
        first, second = ends(seen)
        assert bool(first.faults) is TRUE_ENDS[true_end]
        assert not second.faults


# -- lines of commands -----------------------------------------------------------------------------------------------

#: Between two commands in place of CR LF -> is the session over?  A bare LF could have been meant as a line end.
FALSE_LINE_ENDS = {
    b"\n": True,
    b"\n\n": True,
    b"\n\r": True,
    b"\r": False,
    b"\r\r": False,
    b"\x00": False,
    b"\r\x00": False,
    b"\x0b": False,
    b"\x0c": False,
    b"\x1c": False,
    b"\x85": False,
    b"\xe2\x80\xa8": False,
}
COMMANDS = [
    (b"EHLO x\r\n", b"MAIL FROM:<a@far.test>", b"RCPT TO:<bob@here.test>"),
    (b"EHLO x\r\nMAIL FROM:<a@far.test>\r\n", b"RCPT TO:<bob@here.test>", b"DATA"),
    (b"EHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<bob@here.test>\r\n", b"DATA", b"QUIT"),
    (b"EHLO x\r\n", b"RSET", b"MAIL FROM:<a@far.test>"),
    (b"EHLO x\r\n", b"NOOP", b"MAIL FROM:<a@far.test>"),
    (b"", b"EHLO x", b"MAIL FROM:<a@far.test>"),
    (b"EHLO x\r\n", b"AUTH PLAIN", b"MAIL FROM:<a@far.test>"),
    (b"EHLO x\r\n", b"STARTTLS", b"MAIL FROM:<a@far.test>"),
    (b"EHLO x\r\n", b"XYZZY", b"MAIL FROM:<a@far.test>"),
]


@pytest.mark.parametrize("line_end", FALSE_LINE_ENDS, ids=repr)
@pytest.mark.parametrize(("before", "first", "second"), COMMANDS, ids=[first.decode() for _, first, _ in COMMANDS])
@PIPELINED
def test_neither_half_of_a_malformed_line_runs(
    before: bytes, first: bytes, second: bytes, line_end: bytes, pipelined: bool
) -> None:
    base, _ = session([before])
    opening = [] if pipelined else [before]
    start = before if pipelined else b""
    for pieces in cuts_of(start + first + line_end + second + b"\r\nNOOP\r\n", len(start) + len(first)):
        seen, core = session(opening + pieces)
        said = core.data_to_send().split(b"\r\n")
        assert [event for event in seen if not isinstance(event, events.Hangup)] == base
        if FALSE_LINE_ENDS[line_end]:
            assert core.state is State.CLOSED
            assert said[-2].startswith(b"421 ")
        else:
            assert said[-3].startswith(b"500 ")
            assert said[-2].startswith(b"250 ")


#: In xtext (RFC 3461 §4) a parameter may hold octets that a line may not; they would end up in header fields.
HIDDEN = [
    (b"EHLO x\r\n", b"MAIL FROM:<a@far.test> ENVID=%b"),
    (b"EHLO x\r\nMAIL FROM:<a@far.test>\r\n", b"RCPT TO:<bob@here.test> ORCPT=rfc822;%b"),
    (b"EHLO x\r\n", b"XCLIENT HELO=%b"),
    (b"EHLO x\r\n", b"XCLIENT NAME=%b"),
    (b"EHLO x\r\n", b"XCLIENT LOGIN=%b"),
]


@pytest.mark.parametrize(("before", "command"), HIDDEN, ids=[command.decode() for _, command in HIDDEN])
@pytest.mark.parametrize("octets", [b"a+0D+0AX-Forged:+20yes", b"a+0Ab", b"a+0Db", b"a+00b", b"a+7Fb"], ids=repr)
def test_no_line_end_comes_hidden_in_a_parameter(before: bytes, command: bytes, octets: bytes) -> None:
    base, _ = session([before], xclient=True)
    seen, core = session([before + command % octets + b"\r\n"], xclient=True)
    assert seen == base
    assert core.data_to_send().split(b"\r\n")[-2].startswith(b"501 ")
    taken, core = session([before + command % b"a.test" + b"\r\n"], xclient=True)
    assert len(taken) == len(base) + 1


# -- chunks (RFC 3030) -----------------------------------------------------------------------------------------------

ENVELOPE = b"EHLO x\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<bob@here.test>\r\n"
#: What a chunk may hold that something else would take for its end, or for commands.
CHUNKS = [
    b"\r\n.\r\n" + FORGED + b".\r\n", b"\n.\n" + FORGED, b"QUIT\r\n", b"RSET\r\n" + FORGED, b"BDAT 6 LAST\r\nQUIT\r\n",
    b"\r\n", b"\r", b"\n", b".", b".\r\n", b"\x00",
]  # fmt: skip
#: After BDAT: nobody can tell where the next command is, so there is none.
SIZES_THAT_ARE_NONE = [
    b"", b" ", b" LAST", b" -1", b" +27", b" 0x1b", b" 27LAST", b" 27,LAST", b" 27 LASTLY", b" 27 LAST LAST", b" 27 27",
    b" 1e1", b" 27.0", b" \xef\xbc\x92\xef\xbc\x97", b" \xd9\xa2\xd9\xa7", b" 2_7", b" 27\x00", b" 27\r", b"\x0027",
    b" 999999999999999999999999",
]  # fmt: skip


@pytest.mark.parametrize("chunk", CHUNKS, ids=repr)
@pytest.mark.parametrize("last", [True, False], ids=["last", "two chunks"])
@PIPELINED
def test_a_chunk_is_as_long_as_it_says_whatever_is_in_it(chunk: bytes, last: bool, pipelined: bool) -> None:
    opening = [] if pipelined else [ENVELOPE]
    before = (ENVELOPE if pipelined else b"") + b"BDAT %d%s\r\n" % (len(chunk), b" LAST" * last)
    rest = b"" if last else b"BDAT %d LAST\r\n" % len(chunk) + chunk
    for pieces in cuts_of(before + chunk + rest + b"NOOP\r\n", len(before) + len(chunk)):
        seen, core = session(opening + pieces)
        assert mails(seen) == ["a"]
        assert len(ends(seen)) == 1
        assert body_of(seen) == chunk * (1 if last else 2)
        assert core.state is State.READY
        assert core.data_to_send().endswith(b"\r\n250 2.0.0 Ok\r\n")


@pytest.mark.parametrize(
    "before", [b"", b"EHLO x\r\n", b"HELO x\r\n", b"EHLO x\r\nMAIL FROM:<a@far.test>\r\n"], ids=repr
)
@PIPELINED
def test_a_chunk_out_of_place_is_no_command(before: bytes, pipelined: bool) -> None:
    base, _ = session([before])
    opening = [] if pipelined else [before]
    bdat = b"BDAT %d\r\n" % len(FORGED)
    start = (before if pipelined else b"") + bdat
    for pieces in cuts_of(start + FORGED + b"NOOP\r\n", len(start)):
        seen, core = session(opening + pieces)
        said = core.data_to_send().split(b"\r\n")
        assert seen == base
        assert said[-3].startswith(b"503 ")
        assert said[-2].startswith(b"250 ")


@pytest.mark.parametrize("size", SIZES_THAT_ARE_NONE, ids=repr)
@PIPELINED
def test_behind_a_chunk_of_unknown_size_nothing_runs(size: bytes, pipelined: bool) -> None:
    base, _ = session([ENVELOPE])
    opening = [] if pipelined else [ENVELOPE]
    start = (ENVELOPE if pipelined else b"") + b"BDAT" + size
    for pieces in cuts_of(start + b"\r\n" + FORGED + b".\r\nRSET\r\n" + FORGED, len(start)):
        seen, core = session(opening + pieces)
        assert [event for event in seen if not isinstance(event, events.Hangup)] == base
        assert core.state is State.CLOSED


def test_a_body_after_data_knows_no_chunks() -> None:
    seen, core = session([OPENING + b"BDAT 6 LAST\r\nQUIT\r\n\r\n.\r\nNOOP\r\n"])
    assert body_of(seen) == b"BDAT 6 LAST\r\nQUIT\r\n\r\n"
    assert len(ends(seen)) == 1
    assert core.state is State.READY


# -- the whole server ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [whole, octets, random_cuts(3)], ids=["whole", "octets", "cuts"])
@pytest.mark.parametrize("service", ["smtp", "lmtp"])
def test_the_server_stores_what_was_sent_as_one_message_or_refuses_it(cut: Cut, service: str) -> None:
    hello = b"LHLO x\r\n" if service == "lmtp" else b"EHLO x\r\n"
    envelope = b"MAIL FROM:<a@far.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n"
    for false_end in FALSE_ENDS:
        stage = MemoryStage(smtp_world.build, Dialogue("smuggling", {"service": service}, ()))
        link = stage.connect()
        body = b"Subject: x\r\n\r\nharmless" + false_end + FORGED
        for piece in cut(hello + envelope + body + b".\r\nQUIT\r\n"):
            link.send(piece)
        said = link.rest().split(b"\r\n")
        malformed = any(octet in body.replace(b"\r\n", b"") for octet in (b"\r", b"\n", b"\0"))
        assert said[-3][:10] == (b"550 5.6.0 " if malformed else b"250 2.0.0 "), false_end
        assert said[-2].startswith(b"221 ")
        taken = [] if malformed else [body.replace(b"\r\n.", b"\r\n")]
        assert [one.octets for one in stage.factory.delivery.commits] == taken
        stage.end()
