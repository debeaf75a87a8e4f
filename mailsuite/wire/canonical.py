"""Makes a text fit for DATA: every line ends in CR LF, there is no other CR or LF and no NUL (RFC 5321 §2.3.8).

For what we send, whoever wrote it: a bare CR or LF that we passed on could be the end of data to the next server, and
what follows it a forged message.  Takes octets in any cut, gives the same for every cut, and costs little
where nothing is wrong (``wire.line_ends``).
"""

from __future__ import annotations

import re

from mailsuite.wire.line_ends import has_only_crlf

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class Canonical:
    """One text."""

    def __init__(self) -> None:
        # A CR at the end of a piece may be half of a CR LF: it waits for the next one.
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The next octets, as they may be sent; a CR at their end comes with those that follow."""
        if b"\0" in data:
            data = data.replace(b"\0", b"")
        if self._held and data:
            data, self._held = self._held + data, b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        return data if has_only_crlf(data) else _BARE.sub(b"\r\n", data)

    def finish(self) -> bytes:
        """What was held back: a CR without LF at the very end was a line end."""
        held, self._held = self._held, b""
        return b"\r\n" if held else b""
