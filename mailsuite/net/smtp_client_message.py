"""A message on its way to other hosts, read in pieces, and its 7-bit form for those that take nothing else."""

from __future__ import annotations

from mailsuite.interfaces import IBody, IOffload
from mailsuite.mime.header import header_end
from mailsuite.mime.seven_bit import Unconvertible, to_seven_bit
from mailsuite.mime.tls_required import is_waived

#: Octets read and written at a time.
PIECE = 64 * 1024
#: Octets up to which a message is converted: it is held in memory for that.
CONVERTED_LIMIT = 32 * 1024 * 1024


class Outgoing:
    """A message to send; what is small is read once, however many hosts it goes to.

    ``wanted`` is false once nobody waits for the outcome: no further host or address is to be tried.
    """

    def __init__(self, body: IBody, offload: IOffload) -> None:
        self._body = body
        self._offload = offload
        self._first = b""
        self._converted: Outgoing | None = None
        self.size: int = body.size
        self.eight_bit = False
        #: There are octets above 127 in the header.
        self.eight_bit_header = False
        self.wanted = True

    async def look(self) -> None:
        """Find out whether there are octets above 127 in it."""
        self._first = await self._body.read_at(0, PIECE)
        self.eight_bit_header = not self._header.isascii()
        piece, offset = self._first, 0
        while piece:
            if not piece.isascii():
                self.eight_bit = True
                return
            offset += len(piece)
            if offset >= self.size:
                return
            piece = await self._body.read_at(offset, PIECE)

    @property
    def at_hand(self) -> bool:
        """All of it is in memory: it is its first piece.  To be asked after ``look``."""
        return len(self._first) >= self.size

    @property
    def waives_tls(self) -> bool:
        """Its header says TLS-Required: No."""
        return is_waived(self._header)

    @property
    def _header(self) -> bytes:
        """As far as the first piece has it; to be asked after ``look``."""
        return self._first[: header_end(self._first)]

    @property
    def first(self) -> bytes:
        """Its first piece."""
        return self._first

    async def piece(self, offset: int) -> bytes:
        if offset < len(self._first):
            return self._first[offset:]
        return await self._body.read_at(offset, PIECE)

    async def seven_bit(self) -> Outgoing:
        """The same in ASCII (RFC 6152 §3), or itself if there is no such form."""
        if self._converted is None:
            self._converted = await self._convert()
        return self._converted

    async def _convert(self) -> Outgoing:
        if self.size > CONVERTED_LIMIT:
            return self
        pieces, offset = [], 0
        while offset < self.size and (piece := await self.piece(offset)):
            pieces.append(piece)
            offset += len(piece)
        try:
            octets = await self._offload.run(to_seven_bit, b"".join(pieces))
        except Unconvertible:
            return self
        converted = Outgoing(self._body, self._offload)
        converted._first, converted.size = octets, len(octets)
        return converted
