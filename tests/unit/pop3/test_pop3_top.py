"""TOP's cut: header, empty line, so many lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.pop3.top import TopCut


def top(message: bytes, lines: int, *cuts: int) -> bytes:
    cut = TopCut(lines)
    out = b""
    for start, end in zip([0, *cuts], [*cuts, len(message)], strict=True):
        if not cut.ended:
            out += cut.feed(message[start:end])
    return out


@pytest.mark.parametrize(
    ("message", "lines", "expected"),
    [
        (b"A: b\r\n\r\n1\r\n2\r\n", 0, b"A: b\r\n\r\n"),
        (b"A: b\r\n\r\n1\r\n2\r\n", 1, b"A: b\r\n\r\n1\r\n"),
        (b"A: b\r\n\r\n1\r\n2\r\n", 2, b"A: b\r\n\r\n1\r\n2\r\n"),
        (b"A: b\r\n\r\n1\r\n2\r\n", 3, b"A: b\r\n\r\n1\r\n2\r\n"),
        (b"A: b\r\n\r\n1\r\n2", 2, b"A: b\r\n\r\n1\r\n2"),
        (b"A: b\r\n\r\n\r\n\r\n", 1, b"A: b\r\n\r\n\r\n"),
        (b"\r\n1\r\n2\r\n", 1, b"\r\n1\r\n"),
        (b"\r\n", 5, b"\r\n"),
        (b"A: b\r\nC: d\r\n", 0, b"A: b\r\nC: d\r\n"),
        (b"", 3, b""),
    ],
)
def test_top(message: bytes, lines: int, expected: bytes) -> None:
    assert top(message, lines) == expected
    for at in range(len(message)):
        assert top(message, lines, at) == expected


def test_it_says_when_it_wants_no_more() -> None:
    cut = TopCut(1)
    cut.feed(b"A: b\r\n\r\n1")
    assert not cut.ended
    cut.feed(b"\r\n2")
    assert cut.ended


@given(st.lists(st.sampled_from([b"a", b"\r\n", b".", b"\r\n\r\n"]), max_size=20), st.integers(0, 5), st.data())
def test_any_cut_gives_the_same_top(parts: list[bytes], lines: int, data: st.DataObject) -> None:
    message = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(message)), max_size=5)))
    found = top(message, lines, *cuts)
    assert message.startswith(found)
    assert found == top(message, lines)
    header, blank, body = (b"\r\n" + message).partition(b"\r\n\r\n")
    kept = body.split(b"\r\n")
    expected = (header + blank + b"\r\n".join(kept[:lines]) + (b"\r\n" if 0 < lines < len(kept) else b""))[2:]
    assert found == expected
