"""``sendmail -bs``: the caller speaks SMTP on standard input and output, and the server answers."""

from __future__ import annotations

import os
import selectors
import socket

from mailsuite.net.socket_path import short_path
from mailsuite.sendmail.exits import Exit, Stop

_READ = 64 * 1024
_IN, _OUT = 0, 1
#: Seconds without an answer after which a caller who said no QUIT has heard all of them.
_QUIET = 10.0


def converse(path: str) -> Exit:
    """Until either side ends.  Raises Stop if the server cannot be reached."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(short_path(path))
    except OSError as error:
        connection.close()
        _write(b"421 4.3.2 The server cannot be reached\r\n")
        raise Stop(Exit.TEMPFAIL, f"the server cannot be reached: {path}: {error.strerror}") from None
    with connection:
        try:
            _pass_on(connection)
        except ConnectionError as error:
            raise Stop(Exit.TEMPFAIL, f"the server broke off: {error.strerror}") from None
    return Exit.OK


def _pass_on(connection: socket.socket) -> None:
    """Answers are read while there is still something to send: a server that nobody reads from reads no more.  The
    connection is not closed halfway, which the server would take for its end."""
    connection.setblocking(False)
    waiting, ended = b"", False
    with selectors.PollSelector() as ready:  # not epoll, which takes no plain files
        ready.register(connection, selectors.EVENT_READ)
        ready.register(_IN, selectors.EVENT_READ)
        while events := ready.select(_QUIET if ended and not waiting else None):
            for key, mask in events:
                if key.fileobj == _IN:
                    waiting = os.read(_IN, _READ)
                    ended = not waiting
                    ready.unregister(_IN)  # until that is sent
                elif mask & selectors.EVENT_READ:
                    if not (data := connection.recv(_READ)):
                        return
                    _write(data)
                elif (left := _unsent(connection, waiting)) is not None:
                    waiting = left
                    if not waiting:
                        ready.register(_IN, selectors.EVENT_READ)
                else:
                    waiting, ended = b"", True
            ready.modify(connection, selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0))


def _unsent(connection: socket.socket, data: bytes) -> bytes | None:
    """What is left of it; None if the server has left, of whom everything is still read."""
    try:
        return data[connection.send(data) :]
    except BlockingIOError:
        return data
    except (BrokenPipeError, ConnectionResetError):
        return None


def _write(data: bytes) -> None:
    """Raises Stop, without words if it is a pipe that nobody reads any more."""
    try:
        while data:
            data = data[os.write(_OUT, data) :]
    except BrokenPipeError:
        raise Stop(Exit.IOERR, "") from None
    except OSError as error:
        raise Stop(Exit.IOERR, f"standard output: {error.strerror}") from None
