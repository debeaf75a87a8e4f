"""What is wrong with a text's line ends is found whatever the cut."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mailsuite.wire.line_ends import LineEnds, has_only_crlf

PIECES = st.lists(st.text("a\r\n\0", max_size=8).map(str.encode) | st.just(b"a\r\nb\r\n"), max_size=8)


@given(PIECES)
def test_faults_are_those_of_the_whole_text(pieces: list[bytes]) -> None:
    seen, text = LineEnds(), b"".join(pieces)
    for piece in pieces:
        seen.watch(piece)
    assert seen.bare_cr == bool(re.search(rb"\r(?!\n)", text))
    assert seen.bare_lf == bool(re.search(rb"(?<!\r)\n", text))
    assert seen.nul == (b"\0" in text)


@given(PIECES)
def test_only_crlf_is_neither_fault(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    assert has_only_crlf(text) == (not re.search(rb"\r(?!\n)|(?<!\r)\n", text))
