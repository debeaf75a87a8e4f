"""Serves a Unix socket that is bound already.

Twisted's ``adoptStreamPort`` gives the socket's name mode 0666 and removes it at the end, which is wrong for a socket
with permissions of its own and impossible for one of systemd's.  The port here never touches the name.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import unix
from twisted.internet.interfaces import IListeningPort, IProtocolFactory


class _Adopted(unix.Port):
    """Believes that its name is an abstract one (unix(7)), which has no file."""

    def __init__(self, opened: socket.socket, factory: IProtocolFactory, backlog: int, reactor: Any) -> None:
        name = opened.getsockname()
        shown = name.encode() if isinstance(name, str) else name
        super().__init__(b"\0" + shown.lstrip(b"\0"), factory, backlog, reactor=reactor)
        self._preexistingSocket = opened


def listen_unix(reactor: Any, opened: socket.socket, factory: IProtocolFactory, backlog: int = 1024) -> IListeningPort:
    """The port owns the socket, which listens already; ``backlog`` connections may wait to be accepted."""
    port = _Adopted(opened, factory, backlog, reactor)
    port.startListening()
    return port
