"""Clients that do not wait for their turn: who speaks before the greeting, or behind EHLO before its answer.

RFC 5321 §3.1 has the server speak first, RFC 2920 §3.1 lets nothing follow EHLO in one go: programs that send spam
often do both, mail servers never.  Looked at are only strangers on port 25 and the like: no submission, no LMTP, nobody
trusted.  Costs one system call a connection.
"""

from __future__ import annotations

import socket
from typing import Any

from mailsuite.net.connection import Connection
from mailsuite.net.smtp_settings import Service, SMTPSettings


def is_watched(settings: SMTPSettings, trusted: bool) -> bool:
    """Whether such a client has to wait for its turn."""
    return settings.refuse_early and settings.service is Service.SMTP and not trusted


def has_spoken(connection: Connection[Any]) -> bool:
    """Whether the client has sent something that nobody asked for yet."""
    return connection.early or connection.core.buffered > 0 or (not connection.secure and _is_waiting(connection))


def _is_waiting(connection: Connection[Any]) -> bool:
    """In the kernel; what is under TLS is a handshake."""
    handle = connection.transport.getHandle()
    if not isinstance(handle, socket.socket):
        return False
    try:
        return bool(handle.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False
