"""The body of one message as it comes off the wire: unstuffed, up to the size limit, with what was wrong noted.

It ends at CR LF . CR LF and nowhere else, however large or malformed it is, so what follows is never mistaken.
"""

from __future__ import annotations

from mailsuite.smtp.events import Fault
from mailsuite.wire.dots import Unstuffer
from mailsuite.wire.lines import LineBuffer


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
        found = (
            (self.size > self._limit, Fault.TOO_BIG),
            (self._unstuffer.bare_cr, Fault.BARE_CR),
            (self._unstuffer.bare_lf, Fault.BARE_LF),
            (self._unstuffer.nul, Fault.NUL),
        )
        return frozenset(fault for there, fault in found if there)
