"""wire.dots: only CR LF . CR LF ends a body, and stuffing is undone exactly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.wire.dots import Stuffer, Unstuffer


def unstuff(pieces: list[bytes]) -> tuple[bytes, bool, bytes, bool, bool, bool]:
    """(body, ended, rest, bare CR, bare LF, NUL)"""
    unstuffer, body = Unstuffer(), []
    for n, piece in enumerate(pieces):
        body.append(unstuffer.feed(piece))
        if unstuffer.ended:
            unstuffer.rest += b"".join(pieces[n + 1 :])
            break
    return b"".join(body), unstuffer.ended, unstuffer.rest, unstuffer.bare_cr, unstuffer.bare_lf, unstuffer.nul


def single(octets: bytes) -> list[bytes]:
    return [octets[i : i + 1] for i in range(len(octets))]


@pytest.mark.parametrize(
    ("wire", "body", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
        (b"..a\r\n.b\r\n...\r\n.\r\n", b".a\r\nb\r\n..\r\n", b""),
        (b"..\r\n.\r\n", b".\r\n", b""),
        (b"a.\r\n.\r\n", b"a.\r\n", b""),
    ],
)
def test_a_clean_body_ends_at_the_final_dot(wire: bytes, body: bytes, rest: bytes) -> None:
    expected = (body, True, rest, False, False, False)
    assert unstuff([wire]) == expected
    assert unstuff(single(wire)) == expected


@pytest.mark.parametrize(
    ("wire", "bare_cr", "bare_lf", "nul"),
    [
        (b"a\n.\n", False, True, False),
        (b"a\n.\r\n", False, True, False),
        (b"a\r.\r", True, False, False),
        (b"a\r.\r\n", True, False, False),
        (b"a\r\n.\n", False, True, False),
        (b"a\r\n.\r", False, False, False),
        (b"a\r\n.\rX", True, False, False),
        (b"a\r\n\0.\r\n", False, False, True),
        (b"a\r\n.\0\r\n", False, False, True),
        (b"a\r\n.\r\r\n", True, False, False),
        (b"a\r\r\n.\n", True, True, False),
        (b".\n", False, True, False),
        (b".\r", False, False, False),
        (b" .\r\n", False, False, False),
    ],
)
def test_a_malformed_end_does_not_end_the_body(wire: bytes, bare_cr: bool, bare_lf: bool, nul: bool) -> None:
    for pieces in ([wire], single(wire)):
        assert unstuff(pieces)[1] is False
        _, ended, rest, cr, lf, zero = unstuff([*pieces, b"b\r\n.\r\nQUIT\r\n"])
        assert (ended, rest) == (True, b"QUIT\r\n")
        assert (lf, zero) == (bare_lf, nul)
        assert cr == (bare_cr or wire.endswith(b"\r"))


OCTETS = st.text("a.\r\n\0", max_size=12).map(str.encode)


@given(st.lists(OCTETS, max_size=10))
@settings(max_examples=300, deadline=None)
def test_any_cut_unstuffs_to_the_same(pieces: list[bytes]) -> None:
    assert unstuff(pieces) == unstuff([b"".join(pieces)])


def reference(wire: bytes) -> tuple[bytes, bool]:
    """RFC 5321 §4.5.2, line by line."""
    body = b""
    lines = wire.split(b"\r\n")
    for line in lines[:-1]:
        if line == b".":
            return body, True
        body += (line[1:] if line.startswith(b".") else line) + b"\r\n"
    return body, False


@given(st.lists(OCTETS, max_size=10).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_unstuffing_agrees_with_the_rule_line_by_line(wire: bytes) -> None:
    body, ended, *_ = unstuff([wire])
    expected, expected_ended = reference(wire)
    assert ended == expected_ended
    assert body == expected if ended else body.startswith(expected)


@given(st.lists(st.text("a.\r\n", max_size=12).map(str.encode), max_size=10))
@settings(max_examples=300, deadline=None)
def test_what_was_stuffed_in_any_cut_comes_back(pieces: list[bytes]) -> None:
    message = b"".join(pieces)
    stuffer = Stuffer()
    wire = b"".join(stuffer.feed(piece) for piece in pieces) + stuffer.finish()
    body, ended, rest, *_ = unstuff([wire])
    ended_message = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
    assert (body, ended, rest) == (ended_message, True, b"")


def test_a_stuffed_message_is_what_the_rfc_says() -> None:
    stuffer = Stuffer()
    assert stuffer.feed(b".a\r\n..\r\nb.") + stuffer.finish() == b"..a\r\n...\r\nb.\r\n.\r\n"
    assert Stuffer().finish() == b".\r\n"
