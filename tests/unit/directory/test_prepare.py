"""SASLprep: RFC 4013 §3's examples, and what people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.directory.prepare import prepare, prepared_or_same
from mailsuite.errors import InvalidName


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),  # soft hyphen is nothing
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("", ""),
        ("two words", "two words"),
        ("two\u00a0words", "two words"),
        ("two\u3000words", "two words"),
        ("pa\u0308sswort", "p\u00e4sswort"),  # as some keyboards and file systems spell it
        ("p\u00e4sswort", "p\u00e4sswort"),
        ("\uff41\uff42", "ab"),
        ("\u0645\u0631\u062d\u0628\u0627", "\u0645\u0631\u062d\u0628\u0627"),
        ("\U0001f600 smile", "\U0001f600 smile"),  # unassigned in Unicode 3.2
    ],
)
def test_prepared(text: str, prepared: str) -> None:
    assert prepare(text) == prepared == prepared_or_same(text)


@pytest.mark.parametrize(
    "text", ["\u0007", "\u0627\u0031", "a\u0627", "\u0627a\u0627", "\ue000", "\ufffd", "\x7f", "a\u2028b"]
)
def test_prohibited(text: str) -> None:
    with pytest.raises(InvalidName):
        prepare(text)
    assert prepared_or_same(text) == text


@given(st.text())
def test_nothing_but_its_error_and_twice_is_once(text: str) -> None:
    try:
        prepared = prepare(text)
    except InvalidName:
        return
    assert prepare(prepared) == prepared
