"""SMTP on standard input and output, with a server that answers when it likes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from mailsuite.sendmail.exits import Exit

#: With a connection, and the octets that it heard of each time.
Serve: TypeAlias = Callable[[socket.socket, list[int]], None]
#: More than all sockets and pipes between us hold.
MUCH = 8 << 20
CONVERSE = """
import sys
from mailsuite.sendmail import pipe
from mailsuite.sendmail.exits import Stop
pipe._QUIET = 1.0
try:
    sys.exit(pipe.converse(sys.argv[1]))
except Stop as stop:
    sys.exit(stop.status)
"""


def answering(connection: socket.socket, heard: list[int]) -> None:
    """Says much before it reads any more: whoever does not listen meanwhile waits for ever."""
    connection.sendall(b"220 here\r\n")
    heard.append(len(connection.recv(65536)))
    connection.sendall(b"250 ok\r\n" * (MUCH // 8))
    end = b""
    while not end.endswith(b"QUIT\r\n"):
        data = connection.recv(65536)
        heard.append(len(data))
        end = end[-6:] + data
    connection.sendall(b"221 bye\r\n")


def leaving(connection: socket.socket, heard: list[int]) -> None:
    """Reads a little, says no, and leaves."""
    heard.append(len(connection.recv(65536)))
    connection.sendall(b"421 too much\r\n")


def staying(connection: socket.socket, heard: list[int]) -> None:
    """Answers, and waits for more until the caller has left."""
    connection.sendall(b"220 here\r\n")
    heard.append(len(connection.recv(65536)))
    connection.sendall(b"250 ok\r\n")
    connection.recv(65536)


def served(
    folder: Path, serve: Callable[[socket.socket, list[int]], None], data: bytes, plain: bool
) -> tuple[str, int]:
    """The last line that the caller reads, and how many octets the server heard."""
    heard: list[int] = []
    with socket.socket(socket.AF_UNIX) as port:
        port.bind(str(folder / "socket"))
        port.listen()

        def work() -> None:
            connection, _ = port.accept()
            with connection:
                serve(connection, heard)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        (folder / "input").write_bytes(data)
        command = [sys.executable, "-c", CONVERSE, str(folder / "socket")]
        with (folder / "input").open("rb") as file:
            given = {"stdin": file} if plain else {"input": data}
            done = subprocess.run(command, **given, capture_output=True, timeout=30, check=False)  # type: ignore[call-overload]
        thread.join(10)
    assert done.stderr == b""
    assert done.returncode in (Exit.OK, Exit.TEMPFAIL)
    return done.stdout.splitlines()[-1].decode(), sum(heard)


@pytest.mark.parametrize("plain", [True, False])
def test_answers_are_read_while_there_is_more_to_send(tmp_path: Path, plain: bool) -> None:
    data = b"NOOP\r\n" * (MUCH // 6) + b"QUIT\r\n"
    assert served(tmp_path, answering, data, plain) == ("221 bye", len(data))


@pytest.mark.parametrize("plain", [True, False])
def test_last_words_of_a_server_that_leaves_are_passed_on(tmp_path: Path, plain: bool) -> None:
    last, heard = served(tmp_path, leaving, b"NOOP\r\n" * (MUCH // 6), plain)
    assert (last, heard > 0) == ("421 too much", True)


@pytest.mark.parametrize("plain", [True, False])
def test_a_caller_who_said_no_quit_has_heard_all_when_nothing_more_comes(tmp_path: Path, plain: bool) -> None:
    assert served(tmp_path, staying, b"NOOP\r\n", plain) == ("250 ok", 6)


@pytest.mark.parametrize(("read", "status"), [(True, Exit.TEMPFAIL), (False, Exit.IOERR)])
def test_no_server_whether_anybody_reads_that_or_not(tmp_path: Path, read: bool, status: Exit) -> None:
    ours, theirs = os.pipe()
    if not read:
        os.close(ours)
    command = [sys.executable, "-c", CONVERSE, str(tmp_path / "socket")]
    with open(theirs, "wb") as out:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, timeout=30, check=False
        )
    assert (done.returncode, done.stderr) == (status, b"")
    if read:
        with open(ours, "rb") as answer:
            assert answer.read() == b"421 4.3.2 The server cannot be reached\r\n"
