"""The folder for mail while the server cannot be asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailsuite.errors import Corrupt
from mailsuite.model import Address, Recipient
from mailsuite.sendmail.maildrop import Head, abandoned, opened, put, whole

HEAD = Head(Address("a", "b"), (Recipient(Address("ü", "d"), notify=frozenset(("DELAY",))),), "id", "FULL", True, True)


def test_what_is_put_is_what_is_read(tmp_path: Path) -> None:
    name = put(str(tmp_path), HEAD, b"Subject: x\n\nbody\n")
    dropped = opened(str(tmp_path / name))
    assert dropped.head == HEAD
    assert os.read(dropped.fd, 100) == b"Subject: x\n\nbody\n"
    assert (dropped.size, dropped.uid) == (17, os.getuid())
    os.close(dropped.fd)


def test_only_what_is_whole_is_taken_oldest_first(tmp_path: Path) -> None:
    names = [put(str(tmp_path), HEAD, b"x\n") for _ in range(3)]
    for at, name in enumerate(reversed(names)):
        os.utime(tmp_path / name, (1000 + at, 1000 + at))
    half = tmp_path / "half"
    half.write_bytes(b"{")
    half.chmod(0o600)
    os.utime(half, (500, 500))
    assert whole(str(tmp_path)) == names[::-1]
    assert abandoned(str(tmp_path), 500.0) == []
    assert abandoned(str(tmp_path), 501.0) == ["half"]


def test_nothing_but_a_plain_file_with_one_name_is_read(tmp_path: Path) -> None:
    name = put(str(tmp_path), HEAD, b"x\n")
    os.link(tmp_path / name, tmp_path / "again")
    os.symlink("/etc/passwd", tmp_path / "link")
    os.mkfifo(tmp_path / "fifo", 0o744)
    assert set(whole(str(tmp_path))) == {name, "again", "link", "fifo"}
    for wrong in ("again", "fifo"):
        with pytest.raises(Corrupt):
            opened(str(tmp_path / wrong))
    with pytest.raises(OSError, match="symbolic"):
        opened(str(tmp_path / "link"))


@pytest.mark.parametrize(
    "text", [b"", b"{}\n\nx", b"no json\n\nx", b'{"sender":{"local":"a","domain":"b"}}', b"\xff\n\n"]
)
def test_what_has_no_envelope_is_corrupt(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x").write_bytes(text)
    with pytest.raises(Corrupt):
        opened(str(tmp_path / "x"))


def test_what_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(str(tmp_path), HEAD, b"x\n")
    assert os.listdir(tmp_path) == []
