"""The body of one message as it comes off the wire, up to the size limit, with what was wrong noted.

After DATA it ends at CR LF . CR LF and nowhere else, however large or malformed it is, so what follows is never
mistaken; dots are unstuffed.  With BDAT its octets were counted by the client and are taken as they are.  A bare LF is
a fault, or by option a line end like any other, which changes nothing of where the body ends.
"""

from __future__ import annotations

from mailsuite.smtp.events import Fault
from mailsuite.wire.dots import Unstuffer
from mailsuite.wire.line_ends import LineEnds, Mender
from mailsuite.wire.lines import LineBuffer

_NONE: frozenset[Fault] = frozenset()


class Body:
    """From the octet after DATA's line to the final dot."""

    def __init__(self, limit: int, mend: bool = False) -> None:
        """``limit``: octets that are given out; more are counted and dropped.  ``mend``: bare LF gets its CR."""
        self.size = 0
        self._limit = limit
        self._unstuffer = Unstuffer()
        self._mender = Mender() if mend else None

    @property
    def ended(self) -> bool:
        return self._unstuffer.ended

    def take(self, buffer: LineBuffer) -> bytes:
        """Everything of the message in ``buffer``, to the final dot; what follows that stays there."""
        octets = self._unstuffer.feed(buffer.take_all())
        buffer.put_back(self._unstuffer.rest)
        if self._mender is not None:
            octets = self._mender.feed(octets)
        room = max(self._limit - self.size, 0)
        self.size += len(octets)
        return octets if len(octets) <= room else octets[:room]

    def faults(self) -> frozenset[Fault]:
        """What was wrong; to be asked at the end."""
        return _faults(self.size > self._limit, self._unstuffer, self._mender is not None)


class ChunkedBody:
    """The chunks of one message (RFC 3030 §2), without the commands between them."""

    def __init__(self, limit: int, binary: bool, mend: bool = False) -> None:
        """``binary``: BODY=BINARYMIME, so any octets may come and lines mean nothing.  ``mend``: see ``Body``."""
        self.size = 0
        self._limit = limit
        self._watched = None if binary else LineEnds()
        self._mender = Mender() if mend and not binary else None

    def take(self, octets: bytes) -> bytes:
        """What is to be kept of the next octets."""
        if self._watched is not None:
            self._watched.watch(octets)
        if self._mender is not None:
            octets = self._mender.feed(octets)
        room = max(self._limit - self.size, 0)
        self.size += len(octets)
        return octets if len(octets) <= room else octets[:room]

    @property
    def too_big(self) -> bool:
        return self.size > self._limit

    def faults(self) -> frozenset[Fault]:
        """What was wrong; to be asked at the end."""
        return _faults(self.too_big, self._watched or LineEnds(), self._mender is not None)


def _faults(too_big: bool, text: Unstuffer | LineEnds, mended: bool) -> frozenset[Fault]:
    if not (too_big or text.bare_cr or text.bare_lf or text.nul):
        return _NONE
    found = (
        (too_big, Fault.TOO_BIG),
        (text.bare_cr, Fault.BARE_CR),
        (text.bare_lf and not mended, Fault.BARE_LF),
        (text.nul, Fault.NUL),
    )
    return frozenset(fault for there, fault in found if there)
