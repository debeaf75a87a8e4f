"""wire.canonical: nothing leaves it but CR LF line ends, and a text that has no others is left alone.

And ``Mender`` of wire.line_ends, which does the same for bare LF alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.wire.canonical import Canonical
from mailsuite.wire.line_ends import Mender

TEXTS = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b"\0", b".", b"a", b"\xff"]), max_size=30).map(b"".join)


def canonical(pieces: list[bytes]) -> bytes:
    text = Canonical()
    return b"".join([text.feed(piece) for piece in pieces]) + text.finish()


@pytest.mark.parametrize(
    ("given_", "sent"),
    [
        (b"", b""),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\rb\r", b"a\r\nb\r\n"),
        (b"a\r\r\nb", b"a\r\n\r\nb"),
        (b"a\n\r\nb", b"a\r\n\r\nb"),
        (b"a\n\rb", b"a\r\n\r\nb"),
        (b"\n.\n", b"\r\n.\r\n"),
        (b"a\0b", b"ab"),
        (b"a\r\0\nb", b"a\r\nb"),
    ],
)
def test_every_line_end_becomes_crlf(given_: bytes, sent: bytes) -> None:
    assert canonical([given_]) == sent
    assert canonical([given_[at : at + 1] for at in range(len(given_))]) == sent


@given(st.lists(TEXTS, max_size=8))
def test_any_cut_gives_the_same_and_nothing_bare(pieces: list[bytes]) -> None:
    whole = canonical([b"".join(pieces)])
    assert canonical(pieces) == whole
    rest = whole.replace(b"\r\n", b"")
    assert not any(octet in rest for octet in (b"\r", b"\n", b"\0"))
    assert canonical([whole]) == whole


@given(st.lists(TEXTS, max_size=8))
def test_mending_gives_bare_lf_its_cr_in_any_cut_and_changes_nothing_else(pieces: list[bytes]) -> None:
    mender, text = Mender(), b"".join(pieces)
    mended = b"".join([mender.feed(piece) for piece in pieces])
    assert mended == text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
