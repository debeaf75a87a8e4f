"""A stored file is opened only if it is one, and nobody waits for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mailsuite.disk.opening import open_file


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _link(path: Path) -> None:
    path.with_name("secret").write_bytes(b"of somebody else")
    path.symlink_to("secret")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, _socket, _link], ids=["pipe", "folder", "socket", "link"])
def test_what_is_no_regular_file_is_not_opened(
    make: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    make(Path("strange"))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="strange"):
        open_file("strange")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_is_opened_and_one_that_is_gone_says_so(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"octets")
    with open(open_file(str(tmp_path / "1")), "rb") as file:
        assert file.read() == b"octets"
    with pytest.raises(FileNotFoundError):
        open_file(str(tmp_path / "2"))
