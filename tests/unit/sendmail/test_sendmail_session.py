"""A message given to a server over a Unix socket, and servers that leave."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsuite.model import Address, Delayed, Delivered, Outcome, Recipient
from mailsuite.sendmail.session import TOGETHER, Post, Unreachable, deliver

ME = Address("me", "here.test")
#: Answers to EHLO, MAIL, DATA; all else, the final dot too, is answered 250.
_SAID = {b"EHLO": b"250 here.test", b"DATA": b"354 go on", b"QUIT": b"221 goodbye"}


@contextlib.contextmanager
def server(folder: Path, messages: int) -> Iterator[str]:
    """Takes so many messages, and leaves; its path."""
    path = str(folder / "socket")
    with socket.socket(socket.AF_UNIX) as port:
        port.bind(path)
        port.listen()
        thread = threading.Thread(target=_serve, args=(port, messages))
        thread.start()
        yield path
        thread.join()


def _serve(port: socket.socket, messages: int) -> None:
    connection, _ = port.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 here.test\r\n")
        reading = False
        for line in lines:
            reading = (reading or line[:4] == b"DATA") and line != b".\r\n"
            if not reading or line[:4] == b"DATA":
                connection.sendall(_SAID.get(line[:4].upper(), b"250 ok") + b"\r\n")
            messages -= line == b".\r\n"
            if not messages:
                return


def sent(path: str, count: int, shown: list[str] | None = None) -> list[Outcome]:
    to = tuple(Recipient(Address(f"u{number}", "b.test")) for number in range(count))
    return deliver(path, "here.test", Post(ME, to, b"Subject: x\n\nx\n"), None if shown is None else shown.append)


def test_each_recipient_has_an_outcome_and_the_dialogue_is_shown(tmp_path: Path) -> None:
    shown: list[str] = []
    with server(tmp_path, 2) as path:
        (outcome,) = sent(path, 1, shown)
    assert isinstance(outcome, Delivered)
    assert shown[:2] == ["220 here.test", ">>> EHLO localhost"]
    assert ">>> (14 octets of message)" in shown


@pytest.fixture
def soon() -> Iterator[None]:
    """TimeoutError in place of a loop without end."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("soon")
def test_those_whose_turn_comes_after_the_server_has_left_are_delayed(tmp_path: Path) -> None:
    """Recipients of three transactions; it leaves after the first."""
    with server(tmp_path, 1) as path:
        outcomes = sent(path, 2 * TOGETHER + 1)
    assert [type(one) for one in outcomes] == [Delivered] * TOGETHER + [Delayed] * (TOGETHER + 1)
    assert len({one.recipient for one in outcomes}) == 2 * TOGETHER + 1


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="No such file or directory"):
        sent(str(tmp_path / "nothing"), 1)
