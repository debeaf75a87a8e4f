"""How much a session may take, and how much of that it has taken."""

from __future__ import annotations

import enum

import msgspec

from mailsuite.pop3.texts import Text


class Limits(msgspec.Struct, frozen=True):
    #: Octets of a command line with its end; RFC 2449 §4 asks for 255.
    line: int = 512
    #: Octets of a line in an AUTH exchange with its end, RFC 5034 §4.
    exchange_line: int = 12288
    #: Commands before the connection ends.
    commands: int = 1_000_000
    #: Commands that are refused as unknown, misplaced or malformed before the connection ends.
    faults: int = 20
    #: Logins that fail before the connection ends.
    failed_logins: int = 5


class Limit(enum.Enum):
    """One that ends the session; the values are the options' names."""

    NONE = ""
    COMMANDS = "pop3.commands"
    FAULTS = "limits.errors"
    FAILED_LOGINS = "limits.login_failures"


#: The last word to who meets a limit, with its response code (RFC 3206); a mistake is no system's trouble.
LAST_WORDS: dict[Limit, tuple[Text, str]] = {
    Limit.COMMANDS: (Text.TOO_MANY_COMMANDS, "SYS/TEMP"),
    Limit.FAULTS: (Text.TOO_MANY_FAULTS, ""),
    Limit.FAILED_LOGINS: (Text.TOO_MANY_LOGINS, "AUTH"),
}


class Tally:
    """``met`` is the limit that the session has come to."""

    def __init__(self, limits: Limits) -> None:
        self.met = Limit.NONE
        self._commands = limits.commands
        self._left = {
            Limit.FAULTS: limits.faults,
            Limit.FAILED_LOGINS: limits.failed_logins,
        }

    def command(self) -> bool:
        """One more command; whether it is one too many, and not to be done."""
        self._commands -= 1
        if self._commands < 0:
            self.met = Limit.COMMANDS
        return self._commands < 0

    def count(self, limit: Limit) -> bool:
        """One more of these; whether that is the end."""
        self._left[limit] -= 1
        if self._left[limit] <= 0:
            self.met = limit
        return self._left[limit] <= 0
