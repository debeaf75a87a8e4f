"""wire.lines: lines out of octets in any cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.wire.lines import LineBuffer, LineFault
from mailsuite.wire.signals import NEED_DATA


def lines_of(buffer: LineBuffer, pieces: list[bytes]) -> list[object]:
    got: list[object] = []
    for piece in pieces:
        buffer.receive(piece)
        while (line := buffer.take_line()) is not NEED_DATA:
            got.append(line)
    return got


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"NOOP\r\n", [b"NOOP"]),
        (b"\r\n", [b""]),
        (b"a\r\nb\r\nc", [b"a", b"b"]),
        (b"a\n", [LineFault.BARE_LF]),
        (b"\n", [LineFault.BARE_LF]),
        (b"a\nb\r\n", [LineFault.BARE_LF, b"b"]),
        (b"a\rb\r\n", [b"a\rb"]),
        (b"a\r\r\n", [b"a\r"]),
        (b"12345678\r\nx\r\n", [b"12345678", b"x"]),
        (b"123456789\r\nx\r\n", [LineFault.TOO_LONG, b"x"]),
        (b"1" * 100 + b"\r\nx\r\n", [LineFault.TOO_LONG, b"x"]),
        (b"1" * 100 + b"\nx\r\n", [LineFault.BARE_LF, b"x"]),
    ],
)
def test_lines_end_in_crlf_and_keep_to_the_limit(octets: bytes, expected: list[object]) -> None:
    assert lines_of(LineBuffer(10), [octets]) == expected
    assert lines_of(LineBuffer(10), [octets[i : i + 1] for i in range(len(octets))]) == expected


def test_a_lenient_buffer_takes_bare_lf_as_an_ending() -> None:
    assert lines_of(LineBuffer(10, lenient=True), [b"a\nb\r\n\n"]) == [b"a", b"b", b""]
    assert lines_of(LineBuffer(10, lenient=True), [b"0123456789\nb\n"]) == [LineFault.TOO_LONG, b"b"]


@given(st.lists(st.text("a\r\n.", max_size=30).map(str.encode), max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_cut_gives_the_same_lines(pieces: list[bytes]) -> None:
    whole = LineBuffer(12)
    cut = LineBuffer(12)
    assert lines_of(cut, pieces) == lines_of(whole, [b"".join(pieces)])
    assert cut.take_all() == whole.take_all()


def test_a_line_without_end_takes_no_memory() -> None:
    buffer = LineBuffer(512)
    for _ in range(1000):
        buffer.receive(b"x" * 1000)
        assert buffer.take_line() is NEED_DATA
        assert len(buffer) < 512
    buffer.receive(b"\r\nNOOP\r\n")
    assert buffer.take_line() is LineFault.TOO_LONG
    assert buffer.take_line() == b"NOOP"


def test_what_was_put_back_comes_first() -> None:
    buffer = LineBuffer(100)
    buffer.receive(b"DATA\r\nbody")
    assert buffer.take_line() == b"DATA"
    assert buffer.take_all() == b"body"
    buffer.receive(b"T\r\n")
    buffer.put_back(b"QUI")
    assert len(buffer) == 6
    assert buffer.take_line() == b"QUIT"
    assert len(buffer) == 0


def test_clear_forgets_the_start_of_a_line_too() -> None:
    buffer = LineBuffer(8)
    buffer.receive(b"0123456789")
    assert buffer.take_line() is NEED_DATA
    buffer.clear()
    buffer.receive(b"NOOP\r\n")
    assert buffer.take_line() == b"NOOP"
