"""The body of one message as it comes off the wire, up to the size limit, with what was wrong noted.

After DATA it ends at CR LF . CR LF and nowhere else, however large or malformed it is, so what follows is never
mistaken; dots are unstuffed.  With BDAT its octets were counted by the client and are taken as they are.
"""

from __future__ import annotations

from mailsuite.smtp.events import Fault
from mailsuite.wire.dots import Unstuffer
from mailsuite.wire.line_ends import LineEnds
from mailsuite.wire.lines import LineBuffer

_NONE: frozenset[Fault] = frozenset()


class Body:
    """From the octet after DATA's line to the final dot."""

    def __init__(self, limit: int) -> None:
        """``limit``: octets that are given out; more are counted and dropped."""
        self.size = 0
        self._limit = limit
        self._unstuffer = Unstuffer()

    @property
    def ended(self) -> bool:
        return self._unstuffer.ended

    def take(self, buffer: LineBuffer) -> bytes:
        """Everything of the message in ``buffer``, to the final dot; what follows that stays there."""
        octets = self._unstuffer.feed(buffer.take_all())
        buffer.put_back(self._unstuffer.rest)
        room = max(self._limit - self.size, 0)
        self.size += len(octets)
        return octets if len(octets) <= room else octets[:room]

    def faults(self) -> frozenset[Fault]:
        """What was wrong; to be asked at the end."""
        return _faults(self.size > self._limit, self._unstuffer)


class ChunkedBody:
    """The chunks of one message (RFC 3030 §2), without the commands between them."""

    def __init__(self, limit: int, binary: bool) -> None:
        """``binary``: BODY=BINARYMIME, so any octets may come and lines mean nothing."""
        self.size = 0
        self._limit = limit
        self._watched = None if binary else LineEnds()

    def take(self, octets: bytes) -> bytes:
        """What is to be kept of the next octets."""
        if self._watched is not None:
            self._watched.watch(octets)
        room = max(self._limit - self.size, 0)
        self.size += len(octets)
        return octets if len(octets) <= room else octets[:room]

    @property
    def too_big(self) -> bool:
        return self.size > self._limit

    def faults(self) -> frozenset[Fault]:
        """What was wrong; to be asked at the end."""
        return _faults(self.too_big, self._watched or LineEnds())


def _faults(too_big: bool, text: Unstuffer | LineEnds) -> frozenset[Fault]:
    if not (too_big or text.bare_cr or text.bare_lf or text.nul):
        return _NONE
    found = (
        (too_big, Fault.TOO_BIG),
        (text.bare_cr, Fault.BARE_CR),
        (text.bare_lf, Fault.BARE_LF),
        (text.nul, Fault.NUL),
    )
    return frozenset(fault for there, fault in found if there)
