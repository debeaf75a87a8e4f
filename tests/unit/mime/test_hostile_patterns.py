"""Fields that are made to cost much do not: each of these took minutes while every octet began a look at the rest."""

from __future__ import annotations

import pytest

from mailsuite.mime import dsn
from mailsuite.mime.parameters import parse_value
from mailsuite.sendmail import letter


@pytest.mark.parametrize("unit", [b"\\(", b"(", b"(\\(", b'"', b'\\"(', b"()", b"(a", b"\\"])
def test_comments(unit: bytes) -> None:
    assert parse_value(b"text/plain; (" + unit * (400_000 // len(unit))).main == b"text/plain"


def test_comments_go_and_pairs_stay() -> None:
    assert parse_value(b'text/plain (a \\) (b) c); x="(y\\""').parameters == ((b"x", b'(y"'),)


def test_a_message_id_that_is_referred_to() -> None:
    assert dsn._MESSAGE_ID.search(b"<" + b"@" * 400_000) is None
    found = dsn._MESSAGE_ID.search(b"x <a.b@c@d>")
    assert found is not None
    assert found[0] == b"<a.b@c@d>"


def test_line_ends_of_a_letter() -> None:
    assert letter._LINE_END.sub(b"\n", b"a\r\r\nb\rc\r") == b"a\n" + b"b\rc\n"
    assert letter._LINE_END.search(b"\r" * 400_000 + b"x") is None
