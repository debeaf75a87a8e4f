"""Whether the header of a message that arrives in pieces is ASCII: RFC 5322 §2.2, RFC 6532 §3."""

from __future__ import annotations

import re

# the empty line behind the last field; lines may end in LF alone
_END = re.compile(rb"\n\r?\n")


class AsciiHeader:
    """``feed`` the message in pieces of any size."""

    def __init__(self) -> None:
        self._carry = b"\n"  # what stands before a header is the end of a line
        self._ended = False

    def feed(self, data: bytes) -> bool:
        """Whether the header is ASCII, as far as it came."""
        if self._ended:
            return True
        text = self._carry + data
        end = _END.search(text)
        self._ended = end is not None
        self._carry = text[-2:]
        return (text if end is None else text[: end.start()]).isascii()
