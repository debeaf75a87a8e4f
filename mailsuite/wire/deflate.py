"""DEFLATE between a connection and its language: raw RFC 1951 both ways, as RFC 4978 has it.

What came is inflated piece by piece, only as far as somebody asks for it, so octets that grow a thousandfold cost one
piece.  A piece never reaches past the sender's flush (RFC 1951 §3.2.4: an empty stored block), so what is no longer
compressed behind one is still there, untouched.  The compressor may be forgotten between two answers: what comes next
then refers to nothing that came before, which any inflater understands.
"""

from __future__ import annotations

import zlib

#: Octets that one ``next`` gives at most, and that it looks at.
PIECE = 16 * 1024
_LOOKED_AT = 4 * 1024
#: How a flush ends.
_FLUSHED = b"\x00\x00\xff\xff"
#: A sender may use all of RFC 1951's window; we use a quarter of it, and tables to fit: 80 KiB while we answer.
_WINDOW_THERE, _WINDOW_HERE = -15, -13
_TABLES = 7
#: The fastest, which leaves three tenths of typical answers (RFC 4978 §4).
_LEVEL = 1


class Garbled(Exception):
    """What came is not compressed as it should be."""


class Deflate:
    """Both directions of one connection."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_WINDOW_THERE)
        self._waiting = bytearray()
        self._last = b""  # the last octets that were inflated, as many as end a flush
        self._finished = False
        self._more = False  # the inflater has kept something back
        self._deflater: zlib._Compress | None = None

    def receive(self, data: bytes) -> None:
        """Octets as they came."""
        self._waiting += data

    @property
    def buffered(self) -> int:
        """Octets that came and were not inflated yet."""
        return len(self._waiting)

    def next(self) -> bytes:
        """The next octets of what was sent, at most ``PIECE``; none: there are no more.  Raises ``Garbled``."""
        while (self._more or self._waiting) and not self.over:
            if self._inflater.eof:
                raise Garbled("there is something behind the end")
            if data := self._inflated(b"" if self._more else self._chunk()):
                return data
        return b""

    def _chunk(self) -> bytes:
        """What to look at next: up to a flush."""
        seen = self._last + self._waiting[:_LOOKED_AT]
        flushed = seen.find(_FLUSHED, 1)  # not the last one again
        end = len(seen) if flushed < 0 else flushed + len(_FLUSHED)
        return bytes(seen[len(self._last) : end])

    def _inflated(self, chunk: bytes) -> bytes:
        try:
            data = self._inflater.decompress(chunk, PIECE)
        except zlib.error as error:
            raise Garbled(str(error)) from None
        left = len(self._inflater.unconsumed_tail) + len(self._inflater.unused_data)
        used = chunk[: len(chunk) - left]
        del self._waiting[: len(used)]
        self._last = (self._last + used)[-len(_FLUSHED) :]
        self._more = len(data) == PIECE and not self._inflater.eof
        return data

    @property
    def over(self) -> bool:
        """Behind ``finish``: the sender's last flush or its end has come, so that nothing is compressed any more."""
        return self._finished and (self._inflater.eof or self._last == _FLUSHED)

    def leftover(self) -> bytes:
        """What came behind that."""
        data = bytes(self._waiting)
        self._waiting.clear()
        return data

    def send(self, data: bytes) -> bytes:
        """These octets compressed, all of them; as they are behind ``finish``."""
        if self._finished:
            return data
        if self._deflater is None:
            self._deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_HERE, _TABLES)
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        """The end; nothing is compressed behind it, and nothing behind what the sender last flushes."""
        deflater = self._deflater or zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_HERE, _TABLES)
        self._deflater, self._finished = None, True
        return deflater.flush(zlib.Z_FINISH)

    def forget(self) -> None:
        """Give back the memory of the compressor until it is needed again."""
        self._deflater = None
