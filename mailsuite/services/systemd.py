"""Sockets that systemd opened for us: sd_listen_fds_with_names(3).

They are this process's if ``LISTEN_PID`` says so, which Twisted looks at; each has a name (systemd 227 or later).  No
child inherits them.  Only stream sockets that listen are taken, TCP or Unix.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping, Sequence

from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.interfaces import IReactorSocket

from mailsuite.errors import ConfigError

_NAMES = "LISTEN_FDNAMES"
_MOST = 1024


class Passed:
    """What was passed; each name can be taken once."""

    def __init__(self, descriptors: dict[str, list[int]] | None = None) -> None:
        """``descriptors``: open ones by their names."""
        self._descriptors = descriptors or {}

    def take(self, name: str) -> list[socket.socket]:
        """All sockets of that name, listening and non-blocking.  Raises ConfigError."""
        found = self._descriptors.pop(name, [])
        if not found:
            others = ", ".join(sorted(self._descriptors)) or "nothing"
            raise ConfigError(
                f"systemd passed no socket named {name} (it passed {others}): "
                "is the socket unit started, and FileDescriptorName= as in the configuration?"
            )
        return [_listening(descriptor, name) for descriptor in found]

    @property
    def left(self) -> list[str]:
        """Names that nobody took."""
        return sorted(self._descriptors)


def passed_sockets(environment: MutableMapping[str, str], reactor: IReactorSocket) -> Passed:
    """Those that were passed to this process; ``environment`` still has their names."""
    return named(_from_twisted(reactor), environment.pop(_NAMES, "").split(":"))


def named(descriptors: Sequence[int], names: Sequence[str]) -> Passed:
    """Each descriptor with its name."""
    found: dict[str, list[int]] = {}
    for descriptor, name in zip(descriptors, names, strict=False):
        found.setdefault(name, []).append(descriptor)
        os.set_inheritable(descriptor, False)
    return Passed(found)


def _from_twisted(reactor: IReactorSocket) -> list[int]:
    """Twisted takes the variables for itself as soon as its endpoints are imported, and tells by number what it got:
    this is the way to ask.  (It makes endpoints of them, which do nothing until they are listened on.)"""
    found: list[int] = []
    while len(found) < _MOST:
        try:
            endpoint = serverFromString(reactor, f"systemd:domain=INET:index={len(found)}")
        except IndexError:
            break
        assert isinstance(endpoint, AdoptedStreamServerEndpoint)  # noqa: S101 - that is what the words mean
        found.append(endpoint.fileno)
    return found


def _listening(descriptor: int, name: str) -> socket.socket:
    try:
        opened = socket.socket(fileno=descriptor)
        listens = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ConfigError(f"what systemd passed as {name} is no socket: {error.strerror}") from error
    if not listens or opened.type != socket.SOCK_STREAM:
        raise ConfigError(
            f"the socket that systemd passed as {name} does not listen: needed is ListenStream=, Accept=no"
        )
    opened.setblocking(False)
    return opened
