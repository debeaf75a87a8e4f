"""The bounds of one session."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """In octets, if nothing else is said.  What exceeds one is read, dropped, and answered at its place."""

    #: Text of one command, literals left out.
    line: int = 65536
    #: One literal that is not a message, after login and before.
    literal: int = 65536
    literal_before_login: int = 4096
    #: All literals of one command together.
    literals: int = 262144
    #: One message of APPEND, and messages in one APPEND (a count).
    message: int = 64 * 1024 * 1024
    messages: int = 100
    #: What is swallowed of refused non-synchronising literals in one session before it ends.
    swallow: int = 256 * 1024 * 1024
    #: Commands in a row that could not be understood before the session ends (a count).
    bad_commands: int = 20


DEFAULT = Limits()
