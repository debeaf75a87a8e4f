"""Turns a message that arrives with CRLF into the LF form it is kept in, piece by piece.

The way back, ``mime.lines.to_crlf``, makes every line end CRLF.  Both together give back what arrived, whatever CRs it
holds, as long as it had no bare LF: a CRLF that follows another CR is therefore kept as it is.
"""

from __future__ import annotations

import re

from mailsuite.mime.lines import crlf_size, to_lf

_CRLF = re.compile(rb"(?<!\r)\r\n")


class StoredForm:
    """The converter.  ``size`` counts what it gave, ``wire`` what that will be with CRLF."""

    def __init__(self) -> None:
        self.size = 0
        self.wire = 0
        self._held = b""  # a CR that may be half of a CRLF
        self._in_run = False  # the octets before end in two or more CRs, all given already

    def convert(self, data: bytes) -> bytes:
        """The stored form of the next octets, but for a CR at their end."""
        verbatim = b""
        if self._in_run and data:
            verbatim, data = self._rest_of_run(data)
        data = self._held + data
        self._held = b""
        if data.endswith(b"\r"):
            if data.endswith(b"\r\r"):
                self._in_run = True
            else:
                data, self._held = data[:-1], b"\r"
        wire, without = len(data), data.replace(b"\r", b"")
        if without.replace(b"\n", b"\r\n") == data:  # as nearly always: every CR ends a line, and all of them go
            data = without
        else:
            data = _CRLF.sub(b"\n", data) if b"\r\r\n" in data else to_lf(data)
            wire = crlf_size(data)
        self.size += len(verbatim) + len(data)
        self.wire += len(verbatim) + wire
        return verbatim + data if verbatim else data

    def _rest_of_run(self, data: bytes) -> tuple[bytes, bytes]:
        """The CRs that go on, with the LF that ends them, which belongs to the last CR."""
        rest = data.lstrip(b"\r")
        run = len(data) - len(rest)
        self._in_run = not rest
        if rest.startswith(b"\n"):
            run += 1
        return data[:run], data[run:]

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        self.size += len(held)
        self.wire += len(held)
        return held
