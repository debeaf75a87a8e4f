"""The input buffer: whole lines or counted octets, each octet looked at once however the input is cut."""

from __future__ import annotations

import re

import msgspec

# literal = "{" number ["+"] "}" CRLF, at the end of a line (RFC 3501 section 9, RFC 7888 section 3)
_LITERAL = re.compile(rb"\{([0-9]+)(\+?)\}\Z")
#: More digits than any literal that is let in; what is announced with more is as large as can be.
_MOST_DIGITS = 18
#: What is kept of a line that is too long: its beginning (the tag) and its end (a literal's announcement).
_KEPT_HEAD, _KEPT_TAIL = 256, 64


class Announced(msgspec.Struct, frozen=True):
    """A literal of ``size`` octets follows; ``client_waits`` until it is told to go ahead."""

    size: int
    client_waits: bool


class Line(msgspec.Struct, frozen=True):
    """A line without its end.  Of an ``overlong`` one only the beginning and the end are left."""

    text: bytes
    overlong: bool = False

    @property
    def announced(self) -> Announced | None:
        """What its end says of a literal behind it."""
        if not self.text.endswith(b"}"):
            return None
        found = _LITERAL.match(self.text, self.text.rfind(b"{"))
        if found is None:
            return None
        digits = found.group(1).lstrip(b"0") or b"0"
        size = int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
        return Announced(size, client_waits=not found.group(2))


class Reader:
    """CRLF ends a line; so does LF alone, for people with a terminal (nothing else in IMAP could be meant by it)."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._head = b""
        self._unwanted = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        if self._unwanted:
            dropped = min(self._unwanted, len(data))
            self._unwanted -= dropped
            data = data[dropped:]
        self._buffer += data

    def clear(self) -> None:
        """Forget what waits; what comes next is the beginning of a line."""
        self._buffer.clear()
        self._scanned = self._unwanted = 0
        self._head = b""

    def line(self, limit: int) -> Line | None:
        """The next line, or None until it is complete; one of more than ``limit`` octets comes back ``overlong``,
        and no more than that is ever held of it."""
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
            self._shorten(limit)
            return None
        text = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        head, self._head = self._head, b""
        text = text.removesuffix(b"\r")
        if head or len(text) > limit:
            return Line((head or text[: min(_KEPT_HEAD, limit)]) + b" " + text[-_KEPT_TAIL:], overlong=True)
        return Line(text)

    def _shorten(self, limit: int) -> None:
        """Forget the middle of a line that is too long already."""
        if len(self._buffer) <= limit + 1:  # its last octet may be the CR of its end
            return
        self._head = self._head or bytes(self._buffer[: min(_KEPT_HEAD, limit)])
        del self._buffer[: -_KEPT_TAIL - 1]
        self._scanned = len(self._buffer)

    def octets(self, count: int) -> bytes:
        """Up to ``count`` octets, what is there; empty if nothing is."""
        if count >= len(self._buffer):
            data = bytes(self._buffer)
            self._buffer.clear()
        else:
            data = bytes(memoryview(self._buffer)[:count])
            del self._buffer[:count]
        self._scanned = 0
        return data

    def skip(self, count: int) -> None:
        """Nobody wants the next ``count`` octets, those that are here and those to come."""
        here = min(count, len(self._buffer))
        del self._buffer[:here]
        self._unwanted = count - here
        self._scanned = 0
