"""Sockets that systemd opened for us: sd_listen_fds(3), its variables and the rules of taking them.

``LISTEN_PID`` must be this process, or they are somebody else's.  They are taken out of the environment, so that no
child believes that they are its own, and are not inherited further.  Only stream sockets that listen are taken, TCP or
Unix.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from mailsuite.errors import ConfigError

#: The first descriptor that is passed.
_FIRST = 3
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
#: What a socket unit without FileDescriptorName= is called by sd_listen_fds_with_names(3).
_UNNAMED = "unknown"
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


def passed_sockets(environment: MutableMapping[str, str], pid: int | None = None) -> Passed:
    """Those that ``environment`` tells of; it does no more afterwards."""
    told, count, names = (environment.pop(variable, "") for variable in _VARIABLES)
    if told != str(os.getpid() if pid is None else pid) or not count.isdigit():
        return Passed()
    called = names.split(":") if names else []
    found: dict[str, list[int]] = {}
    for index in range(min(int(count), _MOST)):
        name = called[index] if index < len(called) and called[index] else _UNNAMED
        found.setdefault(name, []).append(_FIRST + index)
        os.set_inheritable(_FIRST + index, False)
    return Passed(found)


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
