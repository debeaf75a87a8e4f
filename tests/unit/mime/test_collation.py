"""The collation i;unicode-casemap, RFC 5051."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.collation import casemap, searchable, wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("subject", "SUBJECT"),
        ("Größe", "GRÖßE"),
        ("é", "e\u0301"),  # decomposition
        ("\N{LATIN SMALL LETTER DZ WITH CARON}", "\N{LATIN CAPITAL LETTER DZ WITH CARON}"),
        ("\N{ANGSTROM SIGN}", "å"),
        ("ﬁ", "ﬁ"),
        ("ά", "Ά"),
        ("Привет", "пРИВЕТ"),
        ("①", "1"),  # compatibility decomposition
    ],
)
def test_what_is_equal(one: str, other: str) -> None:
    assert casemap(one) == casemap(other)


@pytest.mark.parametrize(("one", "other"), [("ß", "ss"), ("a", "b"), ("e", "é")])
def test_what_is_not(one: str, other: str) -> None:
    assert casemap(one) != casemap(other)


@given(st.text(), st.text(), st.text())
def test_a_text_is_found_in_what_holds_it(before: str, text: str, after: str) -> None:
    assert wanted(text.strip()) in searchable(before + text + after)


def test_white_space_is_one_space() -> None:
    assert searchable(" a\r\n\tb\n") == "A B"
    assert wanted("a  b ") == "A B "
    assert wanted(" ") == " "
    assert wanted("") == ""
