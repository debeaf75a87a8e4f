"""DEFLATE both ways: any cut, any flush, bombs, and the octets behind the end."""

import contextlib
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.wire.deflate import PIECE, Deflate, Garbled


def packed(*parts: bytes, flush: int = zlib.Z_SYNC_FLUSH, window: int = -15, level: int = 9) -> bytes:
    """Each part and a flush behind it."""
    deflater = zlib.compressobj(level, zlib.DEFLATED, window)
    return b"".join(deflater.compress(part) + deflater.flush(flush) for part in parts)


def taken(deflate: Deflate) -> bytes:
    """All that is there."""
    pieces = []
    while piece := deflate.next():
        assert len(piece) <= PIECE
        pieces.append(piece)
    return b"".join(pieces)


@given(st.lists(st.binary(max_size=200), max_size=8), st.sampled_from([0, 1, 9]), st.integers(1, 50))
def test_whatever_is_compressed_comes_out_however_it_is_cut(parts: list[bytes], level: int, size: int) -> None:
    sent = packed(*parts, level=level)
    deflate = Deflate()
    found = b""
    for at in range(0, len(sent), size):
        deflate.receive(sent[at : at + size])
        found += taken(deflate)
    assert found == b"".join(parts)


@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=8), st.sets(st.integers(0, 8)))
def test_a_client_understands_what_is_sent_also_when_the_compressor_was_forgotten(
    parts: list[bytes], forgotten: set[int]
) -> None:
    deflate = Deflate()
    client = zlib.decompressobj(-15)
    for number, part in enumerate(parts):
        if number in forgotten:
            deflate.forget()
        assert client.decompress(deflate.send(part)) == part  # at once: it ends in a flush
    client.decompress(deflate.finish() + b"plain")
    assert client.eof
    assert client.unused_data == b"plain"


@pytest.mark.parametrize("cut", range(1, 24))
def test_what_is_plain_behind_a_flush_is_left_alone(cut: int) -> None:
    sent = packed(b"a UNAUTHENTICATE\r\n") + b"b LOGIN ann secret\r\n"
    deflate = Deflate()
    found = b""
    for part in (sent[:cut], sent[cut:]):
        deflate.receive(part)
        while not deflate.over and (piece := deflate.next()):
            found += piece
            if found.endswith(b"\n"):
                deflate.finish()
    assert deflate.over
    assert (found, deflate.leftover()) == (b"a UNAUTHENTICATE\r\n", b"b LOGIN ann secret\r\n")


@pytest.mark.parametrize("finished", [False, True])
def test_what_is_plain_behind_the_end_is_left_alone_if_we_ended_too(finished: bool) -> None:
    deflate = Deflate()
    deflate.receive(packed(b"a", flush=zlib.Z_FINISH) + b"plain")
    assert deflate.next() == b"a"
    if finished:
        deflate.finish()
        assert (deflate.next(), deflate.over, deflate.send(b"b")) == (b"", True, b"b")
    else:
        with pytest.raises(Garbled):
            deflate.next()
    assert deflate.leftover() == b"plain"


def test_octets_that_grow_a_thousandfold_are_inflated_in_pieces_as_they_are_wanted() -> None:
    deflate = Deflate()
    sent = packed(bytes(50_000_000))
    deflate.receive(sent)
    assert len(deflate.next()) == PIECE
    assert deflate.buffered > len(sent) - 8192  # most of it is as it came
    assert PIECE + len(taken(deflate)) == 50_000_000


@given(st.binary(max_size=300))
def test_nothing_but_garbled_is_raised(data: bytes) -> None:
    deflate = Deflate()
    deflate.receive(data)
    with contextlib.suppress(Garbled):
        taken(deflate)


def test_what_does_not_compress_goes_through() -> None:
    noise = random.Random(1).randbytes(200_000)
    deflate = Deflate()
    deflate.receive(packed(noise))
    assert taken(deflate) == noise
    assert zlib.decompressobj(-15).decompress(deflate.send(noise)) == noise
