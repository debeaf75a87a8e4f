"""Any cut of any input gives the same events and the same answers, and no input raises."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailsuite.imap import events
from mailsuite.imap.events import Command, Hangup
from mailsuite.imap.limits import Limits

if TYPE_CHECKING:
    from conftest import Session

SMALL = Limits(line=300, literal=40, literal_before_login=20, literals=100, message=200, messages=3, swallow=3000)

SESSION = (
    b"a CAPABILITY\r\nb NOOP extra\r\n\r\nc LOGIN {3+}\r\nu v {2+}\r\npw\r\n"
    b'd LIST "" "*"\r\ne SELECT inbox\r\nf UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (Date Subject)]<0.99>)\r\n'
    b"g APPEND x (\\Seen) {23+}\r\nFrom: a\r\n\r\nx NOOP\r\nzz\r\n {3+}\r\nabc\r\n"
    b"h APPEND x {5+}\r\nabcde bad\r\ni APPEND x {999+}\r\n" + b"q" * 999 + b"\r\n"
    b"j SEARCH CHARSET UTF-8 SUBJECT {4+}\r\n\xc3\xa4\xc3\xb6 UNSEEN\r\n"
    b"k NOOP " + b"y" * 400 + b" {12+}\r\nz LOGOUT\r\n\r\n\r\n"
    b"l SELECT {50+}\r\n" + b"m" * 50 + b" {3+}\r\nabc\r\nm IDLE\r\nDONE\r\nn IDLE\r\no NOOP\r\n"
    b"p APPEND x {5+}\r\na\x00cde\r\nq STORE 1 +FLAGS.SILENT (\\Deleted)\r\n"
    b"\xff\xfe {2}\r\nr NOOP\nt LOGOUT\r\nu NOOP\r\n"
)


def joined(seen: list[Command | Hangup]) -> list[Command | Hangup]:
    """The events with neighbouring chunks made one: where they are cut is the only thing that may differ."""
    out: list[Command | Hangup] = []
    for event in seen:
        if isinstance(event, events.AppendChunk) and out and isinstance(out[-1], events.AppendChunk):
            out[-1] = events.AppendChunk(event.tag, out[-1].data + event.data)
        else:
            out.append(event)
    return out


def run(new_session: type[Session], pieces: list[bytes]) -> tuple[list[Command | Hangup], bytes, object]:
    session = new_session(SMALL)
    sent = b"".join(map(session.send, pieces))
    return joined(session.events), sent, session.core.state


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[low:high] for low, high in pairwise(bounds)]


def without_nul_races(outcome: tuple[list[Command | Hangup], bytes, object]) -> object:
    """What of a message was carried before its NUL was seen depends on the cut, and does not matter."""
    seen, sent, state = outcome
    kept = [
        event
        for event, after in zip(seen, [*seen[1:], None], strict=False)
        if not (isinstance(event, events.AppendChunk) and isinstance(after, events.AppendAbort))
    ]
    return kept, sent, state


def test_the_session_means_what_it_should(new_session: type[Session]) -> None:
    seen, sent, _ = run(new_session, [SESSION])
    tags = [line.split(b" ", 2)[:2] for line in sent.split(b"\r\n") if not line.startswith((b"*", b"+")) and line]
    assert b" ".join(tag + b":" + word for tag, word in tags) == (
        b"a:OK b:BAD c:OK d:OK e:OK f:OK g:OK h:BAD i:NO j:OK k:BAD l:BAD m:OK n:BAD p:NO q:OK r:OK t:OK"
    )
    assert isinstance(seen[-1], events.Logout)


def test_octet_by_octet(new_session: type[Session]) -> None:
    whole = run(new_session, [SESSION])
    assert without_nul_races(run(new_session, [bytes([octet]) for octet in SESSION])) == without_nul_races(whole)


@given(st.lists(st.integers(0, len(SESSION)), max_size=12))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_cut(new_session: type[Session], places: list[int]) -> None:
    whole = run(new_session, [SESSION])
    assert without_nul_races(run(new_session, cut(SESSION, places))) == without_nul_races(whole)


# fmt: off
WORDS = st.sampled_from([
    b"a ", b"b2 ", b"* ", b"\r\n", b"\r\n", b"\n", b"\r", b" ", b"(", b")", b'"', b"\\", b"{3}", b"{3+}", b"{20+}\r\n",
    b"{3+}\r\n", b"{999999+}\r\n", b"{2}\r\n", b"LOGIN ", b"LOGIN u p\r\n", b"SELECT x\r\n", b"APPEND x ", b"FETCH ",
    b"UID ", b"SEARCH ", b"IDLE\r\n", b"DONE\r\n", b"AUTHENTICATE PLAIN\r\n", b"STORE 1 FLAGS ", b"BODY[", b"]",
    b"1:*", b"\x00", b"\xff", b"NOOP\r\n", b"OR ", b"NOT ", b"LIST ", b"RETURN ", b"ID ", b"x" * 310, b"CREATE ",
    b"&", b"<0.1>",
])
# fmt: on
INPUT = st.lists(st.one_of(WORDS, st.binary(max_size=6)), max_size=60).map(b"".join)


@given(INPUT, st.booleans(), st.lists(st.integers(0, 10_000), max_size=6))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_random_input_never_raises_and_cuts_do_not_matter(
    new_session: type[Session], data: bytes, logged_in: bool, places: list[int]
) -> None:
    if logged_in:
        data = b"0 LOGIN u p\r\n0 SELECT box\r\n" + data
    whole = run(new_session, [data])
    assert without_nul_races(run(new_session, cut(data, places))) == without_nul_races(whole)


@pytest.mark.parametrize("limit", [1, 2, 5, 40])
@given(st.lists(st.sampled_from([b"abc", b"\r\n", b"\r", b"\n", b"x" * 37, b"{1+}", b" "]), max_size=20).map(b"".join))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_line_limits_do_not_depend_on_cuts(new_session: type[Session], limit: int, data: bytes) -> None:
    outcomes = []
    for pieces in ([data], [bytes([octet]) for octet in data]):
        session = new_session(Limits(line=limit, bad_commands=1000))
        outcomes.append(b"".join(map(session.send, pieces)))
    assert outcomes[0] == outcomes[1]
