"""The first part of a message for TOP (RFC 1939 §7): header, empty line, and some lines of the body.

Takes the message in any cut; its line ends are CRLF, so an LF ends a line.
"""

from __future__ import annotations

_BLANK = b"\n\r\n"


class TopCut:
    """Cuts after ``lines`` lines of the body; ``ended`` says that nothing more is wanted."""

    def __init__(self, lines: int) -> None:
        self.ended = False
        self._left = lines
        self._in_header = True
        # The end of the header so far, as far as it may begin the blank line; a message may begin with that.
        self._tail = b"\n"

    def feed(self, data: bytes) -> bytes:
        """What of ``data`` belongs to the top."""
        if not self._in_header:
            return self._body(data)
        raw = self._tail + data
        end = raw.find(_BLANK)
        if end < 0:
            self._tail = raw[-2:]
            return data
        self._in_header = False
        start = end + len(_BLANK) - len(self._tail)
        return data[:start] + self._body(data[start:])

    def _body(self, data: bytes) -> bytes:
        count = data.count(b"\n")
        if count < self._left:
            self._left -= count
            return data
        lines = data.split(b"\n", self._left)[: self._left]
        self._left = 0
        self.ended = True
        return b"".join(line + b"\n" for line in lines)
