"""HTML's character references, replaced in pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.entities import LONGEST, References
from mailsuite.mime.search import content
from mailsuite.query import Body


def fed(pieces: list[str]) -> str:
    references = References()
    return "".join([*(references.feed(piece, False) for piece in pieces), references.feed("", True)])


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Gr&uuml;&#223;e &#x20AC;5", "Grüße €5"),
        ("a&nbsp;b", "a\xa0b"),
        ("a &amp; b &lt;c&gt; &quot;&#65;", "a &amp; b &lt;c&gt; &quot;&#65;"),
        ("&nosuch; & &; &# &#; &#x;", "&nosuch; & &; &# &#; &#x;"),
        ("&CounterClockwiseContourIntegral;", "∳"),
        ("&#55296; &#xd800; &#9999999;", "\ufffd \ufffd \ufffd"),
        ("?a=1&uuml=2", "?a=1&uuml=2"),
    ],
)
def test_references(text: str, seen: str) -> None:
    assert fed([text]) == seen
    assert fed(list(text)) == seen


@given(
    st.lists(st.sampled_from(["&", "&#", "x", ";", "uuml", "223", "amp", " ", "a" * LONGEST])).map("".join), st.data()
)
def test_any_cut_is_read_alike(text: str, data: st.DataObject) -> None:
    at = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]
    assert fed(pieces) == fed([text])


@pytest.mark.parametrize(
    ("kind", "found"), [("text/html", True), ("Text/HTML; charset=us-ascii", True), ("text/plain", False)]
)
def test_they_are_found_in_html(kind: str, found: bool) -> None:
    message = content(f"Content-Type: {kind}\n\n<p>Sch&ouml;ne&nbsp;Gr&uuml;&szlig;e &amp; mehr</p>\n".encode())
    assert message.holds(Body("schöne grüße")) is found
    assert message.holds(Body("&amp; mehr"))
