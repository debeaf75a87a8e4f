"""Mail that other people found hard to read (tests/data/mail): there is always an answer, and it is well-formed."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from mailsuite.mime.lines import to_crlf, to_lf
from mailsuite.mime.render import summary
from mailsuite.mime.search import content
from mailsuite.mime.seven_bit import Unconvertible, to_seven_bit
from mailsuite.mime.structure import Part, scan
from mailsuite.query import Body

DATA = Path(__file__).parents[2] / "data/mail"
MAIL = sorted(DATA.glob("*/*.eml"))
EACH = pytest.mark.parametrize("path", MAIL, ids=lambda path: f"{path.parent.name}-{path.stem}")

_LITERAL = re.compile(rb"\{(\d+)\}\r\n")


def skeleton(value: bytes) -> bytes:
    """An IMAP value with its strings left out."""
    left, at = b"", 0
    while at < len(value):
        if value[at : at + 1] == b'"':
            quoted = re.compile(rb'"(?:[^"\\\r\n]|\\["\\])*"').match(value, at)
            assert quoted is not None, value[at : at + 40]
            at = quoted.end()
        elif literal := _LITERAL.match(value, at):
            at = literal.end() + int(literal[1])
        else:
            left += value[at : at + 1]
            at += 1
    return left


def nested(part: Part) -> None:
    assert part.start <= part.body <= part.end
    for child in part.children:
        assert part.body <= child.start
        assert child.end <= part.end
        nested(child)
    for before, after in zip(part.children, part.children[1:], strict=False):
        assert before.end <= after.start


def test_there_are_some() -> None:
    assert len(MAIL) == 97


@EACH
def test_envelope_and_structure_are_well_formed(path: Path) -> None:
    found = summary(path.read_bytes())
    for value in (found.envelope, found.structure, found.body):
        left = skeleton(value)
        while b"()" in left or b"NIL" in left or b" " in left:
            left = left.replace(b"NIL", b"").replace(b" ", b"").replace(b"()", b"")
        assert re.fullmatch(rb"[0-9]*", left.replace(b"(", b"").replace(b")", b"")), left
        assert left.count(b"(") == left.count(b")")


@EACH
def test_parts_lie_in_one_another_and_side_by_side(path: Path) -> None:
    message = to_crlf(path.read_bytes())
    root = scan(message)
    nested(root)
    assert (root.start, root.end) == (0, len(message))


@EACH
def test_line_ends_make_no_difference(path: Path) -> None:
    message = path.read_bytes()
    assert summary(to_lf(message)) == summary(to_crlf(message))


@EACH
def test_it_can_be_searched_and_made_7_bit_or_not(path: Path) -> None:
    message = path.read_bytes()
    assert not content(message).holds(Body("no such words in any of them"))
    with contextlib.suppress(Unconvertible):
        converted = to_seven_bit(to_crlf(message))
        assert converted.isascii()
        assert len(scan(converted).children) == len(scan(to_crlf(message)).children)
