"""A place in one command's octets, and the smallest things that can stand there.

A command is one ``bytes`` without its final CRLF; literals stand in it as they came, ``{5}`` CRLF and the octets.
Every reader takes what it names or raises ``ProtocolError`` with words for the person at the other end.
"""

from __future__ import annotations

import re

from mailsuite.imap import codes
from mailsuite.imap.dialect import REV1, Dialect

#: Literal announcement, RFC 3501 section 9 and RFC 7888: "{" number ["+"] "}" CRLF.  Also reads LITERAL-'s.
LITERAL = re.compile(rb"\{([0-9]{1,10})\+?\}\r\n")


class ProtocolError(Exception):
    """The client's command cannot be done as it was sent; ``word`` is BAD (not understood) or NO (refused).  Octets
    as ``text`` go out as they are."""

    def __init__(self, text: str | bytes, code: bytes = b"", word: bytes = b"BAD") -> None:
        super().__init__(text)
        self.text = text if isinstance(text, bytes) else text.encode("ascii", "replace")
        self.code = code
        self.word = word


def over_limit(text: str) -> ProtocolError:
    """More than this server takes in one command: a refusal (RFC 5530 §3, LIMIT)."""
    return ProtocolError(text, codes.LIMIT, b"NO")


class Cursor:
    """Reads forward through ``data``; ``pos`` is where it stands."""

    __slots__ = ("data", "dialect", "pos")

    def __init__(self, data: bytes, dialect: Dialect = REV1) -> None:
        self.data = data
        self.pos = 0
        self.dialect = dialect

    def take(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        """What ``pattern`` matches here, which must be something."""
        found = pattern.match(self.data, self.pos)
        if found is None:
            raise self.expected(what)
        self.pos = found.end()
        return found.group()

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """What ``pattern`` matches here, if it does."""
        found = pattern.match(self.data, self.pos)
        if found is not None:
            self.pos = found.end()
        return found

    def skip(self, octets: bytes) -> bool:
        """Step over exactly these octets, if they stand here."""
        if self.data.startswith(octets, self.pos):
            self.pos += len(octets)
            return True
        return False

    def looking_at(self, octets: bytes) -> bool:
        return self.data.startswith(octets, self.pos)

    def need(self, octets: bytes) -> None:
        if not self.skip(octets):
            raise self.expected(repr(octets.decode()))

    def space(self) -> None:
        if not self.skip(b" "):
            raise self.expected("a space")

    @property
    def at_end(self) -> bool:
        return self.pos >= len(self.data)

    def end(self) -> None:
        """Nothing may follow."""
        if not self.at_end:
            raise self.expected("the end of the command")

    def expected(self, what: str) -> ProtocolError:
        """The error for here: what should stand, and a little of what does."""
        found = self.data[self.pos : self.pos + 20]
        shown = "the end" if not found else repr(found.decode("ascii", "replace").replace("\ufffd", "?"))
        return ProtocolError(f"expected {what}, found {shown}")
