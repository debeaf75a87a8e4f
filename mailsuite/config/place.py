"""Where a listener listens: ``address`` of the configuration, taken apart.

An IP address or ``*`` needs a port; ``unix:PATH`` is a Unix socket that the server makes; ``systemd:NAME`` are the
sockets that systemd made and passes under that name (``FileDescriptorName=`` of the socket unit,
sd_listen_fds_with_names(3)).
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

UNIX, SYSTEMD = "unix:", "systemd:"


class Tcp(msgspec.Struct, frozen=True):
    """``address`` may be ``*``."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{f'[{self.address}]' if ':' in self.address else self.address}:{self.port}"


class Unix(msgspec.Struct, frozen=True):
    path: str

    def __str__(self) -> str:
        return UNIX + self.path


class Systemd(msgspec.Struct, frozen=True):
    name: str

    def __str__(self) -> str:
        return SYSTEMD + self.name


Place: TypeAlias = Tcp | Unix | Systemd


def place_of(address: str, port: int) -> Place:
    """Whether the address of a ``Tcp`` is one is not looked at."""
    if address.startswith(UNIX):
        return Unix(address.removeprefix(UNIX))
    if address.startswith(SYSTEMD):
        return Systemd(address.removeprefix(SYSTEMD))
    return Tcp(address, port)
