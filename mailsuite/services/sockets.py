"""Takes the ports before anything else happens, so that what is wrong with one is told where the user sees it.

Sockets are bound and listen at once; the kernel holds back whoever connects until the socket's endpoint is listened
on, when all state is open.  IPv6 sockets are for IPv6 only, so IPv4 clients always have IPv4 addresses.  A Unix socket
gets its permissions before anybody can connect; a name that a crash left is taken over, one that is in use is not.
Sockets of systemd come through ``services.systemd``.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import socket
import stat
from collections.abc import Sequence

from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorSocket

from mailsuite.config.place import Systemd, Unix, place_of
from mailsuite.config.schema import EVERYWHERE, Listener
from mailsuite.errors import ConfigError
from mailsuite.services.systemd import Passed
from mailsuite.services.unix_port import listen_unix

#: Connections that wait to be accepted.
_BACKLOG = 1024
_ANY_IPV4, _ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - what `*` stands for
#: What a machine without IPv6 says.
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Taken:
    """A port that is ours."""

    def __init__(self, listener: Listener, opened: socket.socket, path: str = "") -> None:
        """``path``: of a Unix socket that is to go with the server."""
        self.listener = listener
        self._socket = opened
        self._path = path
        self._name = f"{listener.service.value} {_shown(opened)}"

    def __str__(self) -> str:
        """``smtp 127.0.0.1:2025``."""
        return self._name

    async def listen(self, reactor: IReactorSocket, factory: IProtocolFactory) -> IListeningPort:
        """Serve it, once; the port owns the socket."""
        if self._socket.family == socket.AF_UNIX:
            return listen_unix(reactor, self._socket, factory)
        family = self._socket.family
        return await AdoptedStreamServerEndpoint(reactor, self._socket.detach(), family).listen(factory)

    def close(self) -> None:
        """Give it back, and the name of a Unix socket of our own; the rest is nothing if it is being served."""
        if self._path:
            with contextlib.suppress(OSError):  # whoever we are now may not; the next start takes the name over
                os.unlink(self._path)
        self._socket.close()


def take(listeners: Sequence[Listener], passed: Passed | None = None) -> list[Taken]:
    """The ports of all listeners, or none of them.  ``passed``: systemd's sockets.  Raises ConfigError."""
    taken: list[Taken] = []
    try:
        for listener in listeners:
            taken += _take(listener, passed or Passed())
    except BaseException:
        for one in taken:
            one.close()
        raise
    return taken


def _take(listener: Listener, passed: Passed) -> list[Taken]:
    where = place_of(listener.address, listener.port)
    if isinstance(where, Systemd):
        return [Taken(listener, opened) for opened in passed.take(where.name)]
    if isinstance(where, Unix):
        return [Taken(listener, _open_unix(listener, where.path), where.path)]
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


def _open_unix(listener: Listener, path: str) -> socket.socket:
    try:
        _clear(path)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            _bind_unix(opened, listener, path)
        except BaseException:
            opened.close()
            raise
    except (OSError, KeyError) as error:
        raise ConfigError(f"cannot listen on {path}: {error}") from error
    return opened


def _bind_unix(opened: socket.socket, listener: Listener, path: str) -> None:
    """Nobody can connect before ``listen``, when owner and mode are as they should be."""
    opened.bind(path)
    try:
        owner = pwd.getpwnam(listener.owner).pw_uid if listener.owner else -1
        group = grp.getgrnam(listener.group).gr_gid if listener.group else -1
        if (owner, group) != (-1, -1):
            os.chown(path, owner, group)
        os.chmod(path, int(listener.mode, 8))
        opened.listen(_BACKLOG)
    except BaseException:
        os.unlink(path)
        raise


def _clear(path: str) -> None:
    """Remove a socket that a crash left; OSError if somebody listens on it, or if it is something else."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.EEXIST, "something else has this name, not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
    raise OSError(errno.EADDRINUSE, "another program listens there")


def _shown(opened: socket.socket) -> str:
    """``127.0.0.1:25``, ``[::1]:25``, ``unix:/run/mailsuite/lmtp``."""
    name = opened.getsockname()
    if opened.family == socket.AF_UNIX:
        return f"unix:{name if isinstance(name, str) else name.decode(errors='replace')}"
    host, port = name[:2]
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def _reason(error: OSError) -> str:
    words = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.EACCES:
        return f"{words}; ports below 1024 are root's: start as root with --uid and --gid"
    if error.errno == errno.EADDRINUSE:
        return f"{words}; another program has the port"
    return words
