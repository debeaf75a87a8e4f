"""A bounded buffer that gives out lines, for protocols whose commands end in CR LF.

Promises: any cut of the input gives the same lines; memory stays within ``limit`` plus what was received and not yet
taken; a line over the limit is reported where it ends, and what follows is read from its proper start; each octet is
looked at a bounded number of times, however small the pieces.  A line that ends in a bare LF is a fault unless the
buffer is lenient.  What the octets of a line may be is the caller's business.
"""

from __future__ import annotations

import enum

from mailsuite.wire.signals import NEED_DATA, Signal


class LineFault(enum.Enum):
    """What ``take_line`` gives in place of a line that cannot be used; the line itself is gone."""

    TOO_LONG = "longer than the limit"
    BARE_LF = "ends in LF without CR"


class LineBuffer:
    """Received octets that wait to be taken, as lines or as they are."""

    def __init__(self, limit: int, lenient: bool = False) -> None:
        """``limit``: octets of a line with its ending.  ``lenient``: a bare LF ends a line as well as CR LF."""
        self.limit = limit
        self._lenient = lenient
        self._data = b""
        self._at = 0
        self._late: list[bytes] = []
        self._late_size = 0
        # What was dropped of a line over the limit: nothing, or its last octet (is the LF that ends it bare?).
        self._dropped = b""

    def __len__(self) -> int:
        """Octets that were received and not taken."""
        return len(self._data) - self._at + self._late_size

    @property
    def too_long(self) -> bool:
        """The line that has not ended, as ``take_line`` found, is over the limit already."""
        return bool(self._dropped)

    def receive(self, data: bytes) -> None:
        """Add octets."""
        if data:
            self._late.append(data)
            self._late_size += len(data)

    def take_line(self) -> bytes | LineFault | Signal:
        """The next line without its ending, a fault, or NEED_DATA when no line has ended."""
        if self._late:
            self._join()
        start = self._at
        end = self._data.find(b"\n", start)
        if end < 0:
            self._drop_excess()
            return NEED_DATA
        self._at = end + 1
        return self._line(start, end)

    def peek(self, most: int) -> bytes:
        """The next octets, ``most`` of them, as they wait; they are taken all the same later."""
        if self._late:
            self._join()
        return self._data[self._at : self._at + most]

    def take_all(self) -> bytes:
        """Everything received and not taken."""
        if self._late:
            self._join()
        data = self._data[self._at :] if self._at else self._data
        self._data, self._at = b"", 0
        return data

    def take(self, most: int) -> bytes:
        """What was received and not taken, up to ``most`` octets."""
        if self._late:
            self._join()
        data = self._data[self._at : self._at + most]
        self._at += len(data)
        return data

    def put_back(self, data: bytes) -> None:
        """Octets of ``take_all`` that were not used: they come first again."""
        if data:
            self._data, self._at = data + self._data[self._at :], 0

    def clear(self) -> None:
        """Forget everything received, the start of a line too."""
        self.take_all()
        self._dropped = b""

    def _line(self, start: int, end: int) -> bytes | LineFault:
        """The line whose LF is at ``end``."""
        dropped, self._dropped = self._dropped, b""
        before = self._data[end - 1 : end] if end > start else dropped
        crlf = before == b"\r"
        if not crlf and not self._lenient:
            return LineFault.BARE_LF
        if dropped or end + 1 - start > self.limit:
            return LineFault.TOO_LONG
        return self._data[start : end - 1 if crlf else end]

    def _drop_excess(self) -> None:
        """The line that has not ended is over the limit already: keep only its last octet in mind."""
        size = len(self._data) - self._at
        if size and (self._dropped or size >= self.limit):
            self._dropped = self._data[-1:]
            self._data, self._at = b"", 0

    def _join(self) -> None:
        left = self._data[self._at :] if self._at < len(self._data) else b""
        self._data = b"".join((left, *self._late)) if left or len(self._late) > 1 else self._late[0]
        self._at = 0
        self._late.clear()
        self._late_size = 0
