"""mime.ascii_header: 8-bit octets are seen in the header and nowhere else, however the message is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.ascii_header import AsciiHeader


def is_ascii(*pieces: bytes) -> bool:
    header = AsciiHeader()
    return all(header.feed(piece) for piece in pieces)


@pytest.mark.parametrize(
    ("message", "ascii_only"),
    [
        (b"", True),
        (b"Subject: x\r\n\r\n\xe4", True),
        (b"Subject: x\n\n\xe4", True),
        (b"Subject: \xe4\r\n\r\nx", False),
        (b"Subject: x\r\nTo: \xe4", False),
        (b"\r\n\xe4", True),
        (b"\n\xe4", True),
        (b"Subject: x\r\n\xe4\r\n\r\n", False),
        (b"Subject: x\r\n \r\n\xe4", False),
        (b"Subject: x\r\r\n\xe4", False),
    ],
)
def test_only_the_header_counts(message: bytes, ascii_only: bool) -> None:
    assert is_ascii(message) is ascii_only
    assert is_ascii(*(message[at : at + 1] for at in range(len(message)))) is ascii_only


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\xe4", b"\r\n\r\n"]).map(bytes), max_size=12), st.data())
def test_any_cut_gives_the_same(words: list[bytes], data: st.DataObject) -> None:
    message = b"".join(words)
    at = data.draw(st.integers(0, len(message)))
    assert is_ascii(message[:at], message[at:]) is is_ascii(message)
