"""Takes the ports before anything else happens, so that what is wrong with one is told where the user sees it.

Sockets are bound and listen at once; the kernel holds back whoever connects until the socket's endpoint is listened
on, when all state is open.  IPv6 sockets are for IPv6 only, so IPv4 clients always have IPv4 addresses.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence

from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IReactorSocket, IStreamServerEndpoint

from mailsuite.config.schema import EVERYWHERE, Listener
from mailsuite.errors import ConfigError

#: Connections that wait to be accepted.
_BACKLOG = 1024
_ANY_IPV4, _ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - what `*` stands for
#: What a machine without IPv6 says.
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Taken:
    """A port that is ours."""

    def __init__(self, listener: Listener, opened: socket.socket) -> None:
        self.listener = listener
        self._socket = opened
        host, port = opened.getsockname()[:2]
        self._name = f"{listener.service.value} {f'[{host}]' if ':' in host else host}:{port}"

    def __str__(self) -> str:
        """``smtp 127.0.0.1:2025``."""
        return self._name

    def endpoint(self, reactor: IReactorSocket) -> IStreamServerEndpoint:
        """What a factory listens on, once; the endpoint owns the socket."""
        family = self._socket.family
        return AdoptedStreamServerEndpoint(reactor, self._socket.detach(), family)

    def close(self) -> None:
        """Give it back; nothing if an endpoint has it."""
        self._socket.close()


def take(listeners: Sequence[Listener]) -> list[Taken]:
    """The ports of all listeners, or none of them.  Raises ConfigError."""
    taken: list[Taken] = []
    try:
        for listener in listeners:
            taken += _take(listener)
    except BaseException:
        for one in taken:
            one.close()
        raise
    return taken


def _take(listener: Listener) -> list[Taken]:
    if listener.address != EVERYWHERE:
        return [Taken(listener, _open(listener, listener.address))]
    taken = [Taken(listener, _open(listener, _ANY_IPV4))]
    try:
        taken.append(Taken(listener, _open(listener, _ANY_IPV6)))
    except ConfigError as error:
        if not isinstance(error.__cause__, OSError) or error.__cause__.errno not in _NO_IPV6:
            taken[0].close()
            raise
    return taken


def _open(listener: Listener, address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((address, listener.port))
            opened.listen(_BACKLOG)
        except BaseException:
            opened.close()
            raise
    except OSError as error:
        raise ConfigError(f"cannot listen on {address} port {listener.port}: {_reason(error)}") from error
    return opened


def _reason(error: OSError) -> str:
    words = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.EACCES:
        return f"{words}; ports below 1024 are root's: start as root with --uid and --gid"
    if error.errno == errno.EADDRINUSE:
        return f"{words}; another program has the port"
    return words
