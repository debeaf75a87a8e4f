"""APPEND and REPLACE as they arrive: RFC 3501 §6.3.11, RFC 3502, RFC 3516 §4.4, RFC 4469, RFC 8508."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.imap import events
from mailsuite.imap.events import AppendBegin, AppendChunk, AppendEnd, AppendText, AppendUrl, Hangup
from mailsuite.imap.limits import Limits
from mailsuite.imap.server import ServerCore
from mailsuite.model import NO_FLAGS, SEEN
from mailsuite.query import STAR, Numbers, Uids
from mailsuite.wire.signals import PAUSED

T = b"a"
SELECTED = b"0 LOGIN u p\r\n0 SELECT box\r\n"


def begin(size: int, index: int = 0, binary: bool = False, **more: object) -> AppendBegin:
    return AppendBegin(T, "x", NO_FLAGS, None, size, index, binary, **more)  # type: ignore[arg-type]


def url(text: bytes) -> AppendUrl:
    return AppendUrl(T, text)


END = AppendEnd(T)

GOOD = [
    (b"APPEND x {1+}\r\nA", [begin(1), AppendChunk(T, b"A"), END]),
    (b"append {1+}\r\nx {1+}\r\nA", [begin(1), AppendChunk(T, b"A"), END]),
    (
        b"APPEND x (\\seen) {1+}\r\nA {2+}\r\nBC",
        [
            AppendBegin(T, "x", frozenset({SEEN}), None, 1, 0),
            AppendChunk(T, b"A"),
            begin(2, 1),
            AppendChunk(T, b"BC"),
            END,
        ],
    ),
    (
        b'APPEND x " 1-Jan-1970 00:01:00 +0000" ~{2+}\r\n\0\0',
        [AppendBegin(T, "x", NO_FLAGS, 60.0, 2, 0, True), AppendChunk(T, b"\0\0"), END],
    ),
    (b'APPEND x CATENATE (URL "/y/;UID=1")', [begin(0), url(b"/y/;UID=1"), END]),
    (b"APPEND x catenate (url a url {2+}\r\nb))", [begin(0), url(b"a"), url(b"b)"), END]),
    (
        b"APPEND x CATENATE (URL {1+}\r\na TEXT {2+}\r\nBC URL d TEXT {0+}\r\n) {1+}\r\nE",
        [
            begin(0),
            url(b"a"),
            AppendText(T, 2),
            AppendChunk(T, b"BC"),
            url(b"d"),
            AppendText(T, 0),
            begin(1, 1),
            AppendChunk(T, b"E"),
            END,
        ],
    ),
    # RFC 6855 section 4
    (b"APPEND x UTF8 (~{2+}\r\n\xc3\xa4)", [begin(2), AppendChunk(T, b"\xc3\xa4"), END]),
    (
        b"APPEND x utf8 (~{1+}\r\nA) ~{1+}\r\nB UTF8 (~{1+}\r\nC)",
        [
            begin(1),
            AppendChunk(T, b"A"),
            begin(1, 1, True),
            AppendChunk(T, b"B"),
            begin(1, 2),
            AppendChunk(T, b"C"),
            END,
        ],
    ),
    (
        b"APPEND x CATENATE (UTF8 (~{1+}\r\nA) URL b TEXT {1+}\r\nC)",
        [begin(0), AppendText(T, 1), AppendChunk(T, b"A"), url(b"b"), AppendText(T, 1), AppendChunk(T, b"C"), END],
    ),
    (b"REPLACE 7 x {1+}\r\nA", [begin(1, replaces=Numbers(((7, 7),))), AppendChunk(T, b"A"), END]),
    (b"REPLACE * {1+}\r\nx {1+}\r\nA", [begin(1, replaces=Numbers(((STAR, STAR),))), AppendChunk(T, b"A"), END]),
    (b"UID REPLACE 7 x CATENATE (URL a)", [begin(0, replaces=Uids(((7, 7),))), url(b"a"), END]),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_reads_messages(new_session: type, text: bytes, expected: list[events.Command]) -> None:
    session = new_session()
    session.send(SELECTED)
    session.take()
    assert session.send(T + b" " + text + b"\r\n") == b"a OK done\r\n"
    assert session.take() == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (b"APPEND x", b"BAD"),
        (b"APPEND x (\\Seen)", b"BAD"),
        (b'APPEND x "bad date" {3+}\r\nabc', b"BAD"),
        (b"APPEND x {0+}\r\n", b"NO"),
        (b"APPEND x CATENATE ()", b"BAD"),
        (b"APPEND x CATENATE (URL a", b"BAD"),
        (b"APPEND x CATENATE (URL a) y", b"BAD"),
        (b"APPEND x CATENATE (URL a)(URL b)", b"BAD"),
        (b"APPEND x CATENATE (TEXT abc)", b"BAD"),
        (b"APPEND x CATENATE (TEXT ~{3+}\r\nabc)", b"BAD"),
        (b"APPEND x CATENATE (TEXT {3+}\r\nabc", b"BAD"),
        (b"APPEND x CATENATE (TEXT {3+}\r\na\0c)", b"NO [UNKNOWN-CTE]"),
        (b"APPEND x CATENATE (TEXT {999+}\r\n" + b"x" * 999 + b")", b"NO [TOOBIG]"),
        (b"APPEND x CATENATE (" + b" ".join([b"URL a"] * 6) + b")", b"NO [LIMIT]"),
        (b"APPEND x {3+}\r\na\0c", b"NO [UNKNOWN-CTE]"),
        (b"APPEND x UTF8 (~{3+}\r\na\0c)", b"NO [UNKNOWN-CTE]"),
        (b"APPEND x UTF8 (~{3+}\r\nabc", b"BAD"),
        (b"APPEND x UTF8 (~{3+}\r\nabc ~{1+}\r\nA", b"BAD"),
        (b"APPEND x UTF8 (URL a)", b"BAD"),
        (b"APPEND x UTF8 ~{3+}\r\nabc", b"BAD"),
        (b"APPEND x CATENATE (UTF8 (~{3+}\r\nabc URL b))", b"BAD"),
        (b"APPEND x CATENATE (UTF8 (TEXT {3+}\r\nabc))", b"BAD"),
        (b"REPLACE x {1+}\r\nA", b"BAD"),
        (b"REPLACE 1:2 x {1+}\r\nA", b"BAD"),
        (b"REPLACE 0 x {1+}\r\nA", b"BAD"),
        (b"REPLACE 99999999999 x {1+}\r\nA", b"BAD"),
        (b"REPLACE 1 x {1+}\r\nA {1+}\r\nB", b"BAD"),
        (b"UID REPLACE 4294967296 x {1+}\r\nA", b"BAD"),
    ],
)
def test_refuses_what_is_malformed_and_reads_no_command_in_it(new_session: type, text: bytes, answer: bytes) -> None:
    session = new_session(Limits(message=500, parts=5))
    session.send(SELECTED)
    session.take()
    said = session.send(T + b" " + text + b"\r\nb NOOP\r\n")
    assert said.startswith(T + b" " + answer)
    assert said.endswith(b"\r\nb OK done\r\n")
    taken = session.take()
    begun = [event for event in taken if isinstance(event, AppendBegin)]
    assert not begun or isinstance(taken[-2], events.AppendAbort)


def test_a_refused_url_is_not_waited_for(new_session: type) -> None:
    """A client that waits does not send the literal behind it, another has it swallowed."""
    for literal, rest in ((b"{5}", b""), (b"{5+}", b"\r\nb IDL)")):
        session = new_session()
        session.send(SELECTED)
        session.take()
        session.bad_urls = True
        said = session.send(b"a APPEND x CATENATE (URL a TEXT " + literal + rest + b"\r\nc NOOP\r\n")
        assert said == b"a NO [BADURL a] not there\r\nc OK done\r\n"


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_any_cut_gives_the_same(new_session: type, text: bytes, expected: list[events.Command]) -> None:
    text = T + b" " + text + b"\r\n"
    cuts = [[at] for at in range(len(text))] + [list(range(len(text)))]
    for cut in cuts:
        session = new_session()
        session.send(SELECTED)
        session.take()
        for start, end in zip([0, *cut], [*cut, len(text)], strict=True):
            session.send(text[start:end])
        assert _joined(session.take()) == expected


def _joined(taken: list[events.Command]) -> list[events.Command]:
    joined: list[events.Command] = []
    for event in taken:
        if isinstance(event, AppendChunk) and joined and isinstance(joined[-1], AppendChunk):
            joined[-1] = AppendChunk(T, joined[-1].data + event.data)
        else:
            joined.append(event)
    return joined


# -- whatever comes, and however it is answered ------------------------------------------------------------------------

_TOKENS = [
    *(b"a APPEND x", b"a APPEND {1+}\r\nx", b"a REPLACE 1 x", b"a UID REPLACE * x", b" ", b"\r\n", b"(", b")", b"\0"),
    *(b" {3+}\r\n", b" {3}\r\n", b" ~{3+}\r\n", b" {0+}\r\n", b" {600+}\r\n", b"abc", b"(\\Seen)", b'"x"', b"CATENATE"),
    *(
        b" CATENATE (URL a",
        b" URL b",
        b" URL {1+}\r\nc",
        b" TEXT {3+}\r\n",
        b" TEXT {3}\r\n",
        b"b NOOP\r\n",
        b"*",
        b"{",
    ),
]


def _answer(core: ServerCore, event: events.Command | Hangup, choice: int) -> None:
    """As an adapter might: go on, refuse, or finish."""
    if isinstance(event, AppendChunk | events.AppendAbort | Hangup):
        if isinstance(event, AppendChunk) and choice == 0:
            core.no(event.tag, b"the disk is full")
    elif isinstance(event, AppendBegin | AppendText | AppendUrl) and choice:
        core.accept()
    elif choice == 1:
        core.no(event.tag, b"no")
    else:
        core.ok(event.tag, b"done")


@given(st.lists(st.sampled_from(_TOKENS), max_size=30), st.lists(st.integers(0, 3), min_size=1), st.integers(1, 50))
def test_nothing_that_comes_breaks_the_core(tokens: list[bytes], choices: list[int], step: int) -> None:
    core = ServerCore(Limits(message=500, messages=3, parts=4, swallow=5000))
    octets = SELECTED + b"".join(tokens) + b"\r\n"
    asked = itertools.cycle(choices)
    begun = ended = 0
    for start in range(0, len(octets), step):
        core.receive(octets[start : start + step])
        while isinstance(event := core.next_event(), events.Command | Hangup):
            begun += isinstance(event, AppendBegin) and event.index == 0
            ended += isinstance(event, AppendEnd | events.AppendAbort)
            _answer(core, event, 3 if isinstance(event, events.Login | events.Select) else next(asked))
        assert core.next_event() is not PAUSED
        core.data_to_send()
    assert ended <= begun
