"""Transfer encodings taken off piece by piece, RFC 2045 §6: as decoding the whole would."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailsuite.errors import Undecodable
from mailsuite.mime import transfer
from mailsuite.mime.encodings import decode

ENCODINGS = (b"", b"7bit", b" 8BIT ", b"binary", b"Base64", b"quoted-printable (why not)")


def decoded(encoding: bytes, pieces: list[bytes]) -> bytes:
    decoder = transfer.decoder(encoding)
    return b"".join(map(decoder.feed, pieces)) + decoder.end()


@pytest.mark.parametrize(
    ("encoding", "encoded", "octets"),
    [
        (b"", b"as it is\r\n", b"as it is\r\n"),
        (b"base64", b"aGVs\r\nbG8=", b"hello"),
        (b"BASE64", b"aGVsbG8=aGk=\r\n", b"hellohi"),
        (b"base64", b"!aG Vs", b"hel"),
        (b"quoted-printable", b"a=3Db=\r\nc  \r\nd", b"a=bc\r\nd"),
        (b"quoted-printable", b"=4=\r\n1", b"A"),
        (b"quoted-printable", b"=zz=", b"=zz="),
    ],
)
def test_decodes(encoding: bytes, encoded: bytes, octets: bytes) -> None:
    assert decoded(encoding, [encoded]) == octets


@pytest.mark.parametrize("encoding", [b"x-uuencode", b"utf-8", b"8-bit", b"quoted printable"])
def test_an_encoding_that_nobody_knows_is_told(encoding: bytes) -> None:
    with pytest.raises(Undecodable):
        transfer.decoder(encoding)


_BODY = st.lists(st.sampled_from([b"=", b"=\r\n", b"\r\n", b"4", b"1", b" ", b"\t", b"QUJD", b"x", b"\0", b"\xff"]))


@given(st.sampled_from(ENCODINGS), _BODY, st.data())
def test_any_cut_gives_the_same(encoding: bytes, words: list[bytes], data: st.DataObject) -> None:
    body = b"".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    word = encoding.partition(b"(")[0].strip()
    assert decoded(encoding, pieces) == decode(body, word)


@given(st.binary(max_size=200), st.integers(1, 50))
@example(b" " * 200, 7)
def test_a_line_without_end_costs_no_memory(octets: bytes, size: int) -> None:
    decoder = transfer.decoder(b"quoted-printable")
    line = octets * (4 * transfer.MAX_LINE // max(len(octets), 1))
    for start in range(0, len(line), size * 1000):
        decoder.feed(line[start : start + size * 1000])
        assert len(decoder._line) <= transfer.MAX_LINE + size * 1000  # type: ignore[union-attr]
