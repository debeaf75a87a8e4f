"""A message on its way to other hosts, read in pieces."""

from __future__ import annotations

from mailsuite.interfaces import IBody

#: Octets read and written at a time.
PIECE = 64 * 1024


class Outgoing:
    """A message to send; what is small is read once, however many hosts it goes to.

    ``wanted`` is false once nobody waits for the outcome: no further host or address is to be tried.
    """

    def __init__(self, body: IBody) -> None:
        self._body = body
        self._first = b""
        self.size: int = body.size
        self.eight_bit = False
        self.wanted = True

    async def look(self) -> None:
        """Find out whether there are octets above 127 in it."""
        self._first = await self._body.read_at(0, PIECE)
        piece, offset = self._first, 0
        while piece:
            if not piece.isascii():
                self.eight_bit = True
                return
            offset += len(piece)
            if offset >= self.size:
                return
            piece = await self._body.read_at(offset, PIECE)

    async def piece(self, offset: int) -> bytes:
        if offset < len(self._first):
            return self._first[offset:]
        return await self._body.read_at(offset, PIECE)
