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
        os.write(_OUT, b"421 4.3.2 The server cannot be reached\r\n")
        raise Stop(Exit.TEMPFAIL, f"the server cannot be reached: {path}: {error.strerror}") from None
    with connection:
        try:
            _pass_on(connection)
        except ConnectionError as error:
            raise Stop(Exit.TEMPFAIL, f"the server broke off: {error.strerror}") from None
    return Exit.OK


def _pass_on(connection: socket.socket) -> None:
    """The connection is not closed halfway, which the server would take for its end."""
    ended = False
    with selectors.DefaultSelector() as ready:
        ready.register(connection, selectors.EVENT_READ)
        try:
            ready.register(_IN, selectors.EVENT_READ)
        except PermissionError:  # a plain file is always ready
            while _sent(connection, os.read(_IN, _READ)):
                pass
            ended = True
        while events := ready.select(_QUIET if ended else None):
            for key, _ in events:
                if key.fileobj is connection:
                    if not (data := connection.recv(_READ)):
                        return
                    _write(data)
                elif not _sent(connection, os.read(_IN, _READ)):
                    ready.unregister(_IN)
                    ended = True


def _sent(connection: socket.socket, data: bytes) -> bool:
    """False if that was all, or if the server has left: what it said before is still read."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return bool(data)


def _write(data: bytes) -> None:
    """Raises Stop, without words if it is a pipe that nobody reads any more."""
    try:
        while data:
            data = data[os.write(_OUT, data) :]
    except BrokenPipeError:
        raise Stop(Exit.IOERR, "") from None
    except OSError as error:
        raise Stop(Exit.IOERR, f"standard output: {error.strerror}") from None
