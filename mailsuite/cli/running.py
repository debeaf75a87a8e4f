"""The running server as commands reach it: through its control socket (``net.control``), open to its owner alone."""

from __future__ import annotations

import socket
from typing import Any

import msgspec

from mailsuite.errors import NotFound, Temporary
from mailsuite.net.control import Answer, Page, Refused, Request
from mailsuite.net.socket_path import short_path

#: Seconds to wait for an answer.
PATIENCE = 30.0

_ANSWERS = msgspec.json.Decoder(Answer)


def connect(path: str) -> socket.socket | None:
    """The server whose control socket is at ``path``, or None if none runs."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(short_path(path))
    except (FileNotFoundError, ConnectionRefusedError):  # none, or one left by a crash
        connection.close()
        return None
    return connection


class Running:
    """Asks over a connection; closing that is left to the caller."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")

    def ask(self, request: Request) -> Any:
        """The result, or a ``Page`` of one.  Raises NotFound with the server's words if it refuses, Temporary if
        it does not answer."""
        try:
            self._connection.sendall(msgspec.json.encode(request) + b"\n")
            line = self._stream.readline()
        except OSError as error:
            raise Temporary(f"the running server does not answer: {error}") from error
        if not line.endswith(b"\n"):
            raise Temporary("the running server broke off; is it stopping?")
        answer = _ANSWERS.decode(line)
        if isinstance(answer, Refused):
            raise NotFound(answer.error)
        return answer if isinstance(answer, Page) else answer.result
