"""Files read as they go over the wire, from any place, in bounded memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from mailsuite.disk import body as bodies
from mailsuite.disk.body import FileBody, OctetsBody, measure, open_body, read_stored
from mailsuite.errors import Corrupt, Temporary
from mailsuite.interfaces import IBody
from mailsuite.mime.lines import to_crlf
from mailsuite.offload import Inline
from mailsuite.testing.results import failure_of, result_of

HEAD = b"X: y\r\n"


@pytest.fixture
def tiny_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SMALL", 3)
    monkeypatch.setattr(bodies, "PIECE", 2)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("body") / "file"


@pytest.mark.usefixtures("tiny_pieces")
@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"ab"]), max_size=12).map(b"".join),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), max_size=6),
)
def test_any_part_in_any_order(path: Path, stored: bytes, reads: list[tuple[int, int]]) -> None:
    path.write_bytes(b"skip" + stored)
    body = open_body(str(path), Inline(), start=4, head=HEAD)
    wire = HEAD + to_crlf(stored)
    assert body.size == len(wire)
    for offset, length in reads:
        assert result_of(body.read_at(offset, length)) == wire[offset : offset + length]
    assert measure(str(path))[1] == len(to_crlf(b"skip" + stored))
    body.close()


@pytest.mark.parametrize("size", [10, 300_000])
def test_small_and_large_keep_the_contract(path: Path, size: int) -> None:
    path.write_bytes(b"A: b\n\n" + b"line\n" * (size // 5))
    body: Any = open_body(str(path), Inline())
    assert isinstance(body, OctetsBody if size == 10 else FileBody)
    verifyObject(IBody, body)
    assert result_of(body.header()) == b"A: b\r\n\r\n"
    os.unlink(path)
    whole = b"".join(result_of(body.read_at(at, 100_000)) for at in range(0, body.size, 100_000))
    assert whole == b"A: b\r\n\r\n" + b"line\r\n" * (size // 5)
    body.close()
    body.close()


def test_a_read_gives_at_most_a_mebibyte(path: Path) -> None:
    path.write_bytes(b"x" * 3_000_000)
    body = open_body(str(path), Inline())
    assert len(result_of(body.read_at(5, 3_000_000))) == 1 << 20
    body.close()


def test_a_closed_body_gives_nothing(path: Path) -> None:
    path.write_bytes(b"x" * 300_000)
    body = open_body(str(path), Inline())
    descriptors = len(os.listdir("/proc/self/fd"))
    body.close()
    assert len(os.listdir("/proc/self/fd")) == descriptors - 1
    failure_of(body.read_at(0, 1), Temporary)


def test_a_file_shorter_than_promised_is_corrupt(path: Path) -> None:
    path.write_bytes(b"x" * 300_000)
    body = open_body(str(path), Inline(), size=300_005)
    failure_of(body.read_at(299_990, 20), Corrupt)
    body.close()


def test_opening_says_what_is_wrong(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_body(str(path) + "none", Inline())
    with pytest.raises(Temporary):
        open_body(str(path.parent), Inline())


@pytest.mark.parametrize("size", [0, 65_535, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("limit", [1, 65_535, 65_536, 65_537, 300_000])
def test_a_file_is_read_up_to_the_limit(tmp_path: Path, size: int, limit: int) -> None:
    octets = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "message").write_bytes(octets[:size])
    assert read_stored(str(tmp_path / "message"), limit) == octets[: min(size, limit)]
