"""Words that were typed from memory, RFC 6203."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.fuzzy import EXACT, NEAR, WORDS, pieces, score

TEXT = "THE QUARTERLY REPORT OF THE ZEBRA HOUSE"


@pytest.mark.parametrize(
    ("wanted", "points"),
    [
        ("ZEBRA HOUSE", EXACT),
        ("QUARTER", EXACT),
        ("HOUSE ZEBRA", WORDS),
        ("ZEBAR", NEAR),
        ("ZEBRAA", NEAR),
        ("ZEBR", EXACT),
        ("ZEBA", NEAR),
        ("ZABRA", NEAR),
        ("EZBRA", NEAR),
        ("XZEBRA", NEAR),
        ("REPORT ZABRA", (WORDS + NEAR) // 2),
        ("ZABAR", 0),
        ("THX", 0),
        ("ZEBRA LION", 0),
        ("", EXACT),
    ],
)
def test_scores(wanted: str, points: int) -> None:
    assert score(TEXT, wanted) == points


@given(st.text("ABCDE", min_size=1, max_size=12), st.text("ABCDE ", max_size=40))
def test_what_is_found_holds_a_piece(word: str, text: str) -> None:
    if score(text, word):
        assert any(piece in text for piece in pieces(word))


def test_no_words_take_long() -> None:
    start = time.process_time()
    for wanted in ("A" * 100_000, " ".join(["ABCDEFGHIJ"] * 10_000), "AB" * 20, "." * 40):
        score("ABABABAB " * 20_000, wanted)
    assert time.process_time() - start < 3.0
