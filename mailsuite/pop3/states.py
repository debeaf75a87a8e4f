"""Which commands there are, in which states they are allowed, and how many arguments they take.

RFC 1939 §3: a session is in AUTHORIZATION until a login succeeds, then in TRANSACTION until QUIT, then in UPDATE.
"""

from __future__ import annotations

import enum

import msgspec


class State(enum.Enum):
    AUTHORIZATION = "before the login"
    #: Inside an AUTH exchange: the next line is no command.
    EXCHANGE = "in an authentication exchange"
    TRANSACTION = "after the login"
    #: QUIT was given, or the server has had enough.
    ENDED = "at the end"


class Command(msgspec.Struct, frozen=True):
    """A row: ``arguments`` is the least and the most of them."""

    keyword: str
    states: tuple[State, ...]
    arguments: tuple[int, int]
    #: The one argument is the rest of the line, spaces included.
    whole: bool = False


_BEFORE = (State.AUTHORIZATION,)
_AFTER = (State.TRANSACTION,)
_BOTH = _BEFORE + _AFTER

COMMANDS: dict[bytes, Command] = {
    row.keyword.encode(): row
    for row in (
        Command("CAPA", _BOTH, (0, 0)),  # RFC 2449 §5
        Command("STLS", _BEFORE, (0, 0)),  # RFC 2595 §4
        Command("USER", _BEFORE, (1, 1), whole=True),  # RFC 1939 §7
        Command("PASS", _BEFORE, (1, 1), whole=True),  # RFC 1939 §7: spaces belong to the password
        Command("APOP", _BEFORE, (2, 2)),  # RFC 1939 §7
        Command("AUTH", _BEFORE, (1, 2)),  # RFC 5034 §4
        Command("UTF8", _BEFORE, (0, 0)),  # RFC 6856 §2.1
        Command("LANG", _BOTH, (0, 1)),  # RFC 6856 §3.2
        Command("STAT", _AFTER, (0, 0)),  # RFC 1939 §5
        Command("LIST", _AFTER, (0, 1)),  # RFC 1939 §5
        Command("UIDL", _AFTER, (0, 1)),  # RFC 1939 §7
        Command("RETR", _AFTER, (1, 1)),  # RFC 1939 §5
        Command("TOP", _AFTER, (2, 2)),  # RFC 1939 §7
        Command("DELE", _AFTER, (1, 1)),  # RFC 1939 §5
        Command("RSET", _AFTER, (0, 0)),  # RFC 1939 §5
        Command("NOOP", _AFTER, (0, 0)),  # RFC 1939 §5
        Command("QUIT", _BOTH, (0, 0)),  # RFC 1939 §§4, 6
    )
}
