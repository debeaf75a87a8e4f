"""The bounds of one session, and what is said where one is exceeded."""

from __future__ import annotations

import msgspec

from mailsuite.imap import codes
from mailsuite.imap.syntax.cursor import ProtocolError


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
    #: Parts of the messages that one APPEND puts together (CATENATE; a count).
    parts: int = 1000
    #: What is swallowed of refused non-synchronising literals in one session before it ends.
    swallow: int = 256 * 1024 * 1024
    #: Commands in a row that could not be understood before the session ends (a count).
    bad_commands: int = 20

    def check_literal(self, size: int, together: int, logged_in: bool) -> None:
        """A literal that is not a message, with ``together`` octets in its command so far.  Raises ProtocolError."""
        largest = self.literal if logged_in else self.literal_before_login
        if size > largest or together > self.literals:
            raise ProtocolError("the literal is too big", codes.TOOBIG)

    def check_message(self, size: int, offered: int) -> None:
        """A message of an APPEND that has offered so many before it.  Raises ProtocolError."""
        if not size:  # RFC 3502 section 6.3.11: an error, answered NO
            raise ProtocolError("a message cannot be empty", word=b"NO")
        self.check_part(size)
        self.check_messages(offered)

    def check_part(self, size: int) -> None:
        """Octets for a message.  Raises ProtocolError."""
        if size > self.message:
            raise ProtocolError("the message is too big", codes.TOOBIG, b"NO")

    def check_messages(self, offered: int) -> None:
        """One more, after so many in the same command.  Raises ProtocolError."""
        if offered >= self.messages:
            raise ProtocolError("too many messages in one command", codes.LIMIT, b"NO")


DEFAULT = Limits()
