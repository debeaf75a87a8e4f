"""The input buffer by itself."""

from __future__ import annotations

import pytest

from mailsuite.imap.reader import Announced, Line, Reader


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_lines_come_when_they_are_complete(reader: Reader) -> None:
    reader.feed(b"one\r\ntw")
    assert reader.line(10) == Line(b"one")
    assert reader.line(10) is None
    reader.feed(b"o\nthree\r\n")
    assert reader.line(10) == Line(b"two")
    assert reader.line(10) == Line(b"three")
    assert len(reader) == 0


@pytest.mark.parametrize("cut", [0, 9, 10, 11, 12, 13])
def test_the_limit_counts_without_the_lines_end(reader: Reader, cut: int) -> None:
    for line, overlong in ((b"0123456789\r\n", False), (b"0123456789a\r\n", True)):
        reader.feed(line[:cut])
        found = reader.line(10)
        reader.feed(line[cut:])
        found = found or reader.line(10)
        assert found is not None
        assert found.overlong is overlong
        assert reader.line(10) is None


def test_of_an_overlong_line_its_beginning_and_its_end_are_left(reader: Reader) -> None:
    reader.feed(b"tag COMMAND " + b"x" * 1000)
    assert reader.line(300) is None
    assert len(reader) < 100
    reader.feed(b"y" * 1000 + b" {7+}\r\nnext\r\n")
    line = reader.line(300)
    assert line is not None
    assert line.overlong
    assert line.text.startswith(b"tag COMMAND ")
    assert line.announced == Announced(7, client_waits=False)
    assert reader.line(300) == Line(b"next")


def test_octets_are_given_as_they_come(reader: Reader) -> None:
    reader.feed(b"a\nbcd")
    assert reader.octets(4) == b"a\nbc"
    assert reader.octets(4) == b"d"
    assert reader.octets(4) == b""


def test_a_line_end_among_octets_does_not_confuse_the_next_line(reader: Reader) -> None:
    reader.feed(b"abc")
    assert reader.line(10) is None
    assert reader.octets(2) == b"ab"
    reader.feed(b"\r\nx\r\n")
    assert reader.line(10) == Line(b"c")
    assert reader.line(10) == Line(b"x")


def test_what_is_skipped_may_not_be_here_yet(reader: Reader) -> None:
    reader.feed(b"ab")
    assert reader.line(10) is None
    reader.skip(6)
    reader.feed(b"c\r")
    reader.feed(b"")
    reader.feed(b"\ndef\r\ng\r\n")
    assert reader.line(10) == Line(b"ef")
    reader.skip(1)
    assert reader.line(10) == Line(b"")


def test_clear_forgets_everything(reader: Reader) -> None:
    reader.feed(b"tag " + b"x" * 100)
    assert reader.line(10) is None
    reader.skip(1000)
    reader.clear()
    assert len(reader) == 0
    reader.feed(b"a\r\n")
    assert reader.line(10) == Line(b"a")


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        (b"a {3}", Announced(3, True)),
        (b"{0+}", Announced(0, False)),
        (b"a {007}", Announced(7, True)),
        (b"a {3} ", None),
        (b"a {3-}", None),
        (b"a {}", None),
        (b"a 3}", None),
        (b"a {{3}", Announced(3, True)),
        (b"a {999999999999999999}", Announced(10**18 - 1, True)),
        (b"a {" + b"9" * 5000 + b"}", Announced(10**18, True)),
    ],
)
def test_announcements(text: bytes, announced: Announced | None) -> None:
    assert Line(text).announced == announced
