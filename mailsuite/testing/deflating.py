"""The client's side of a compressed connection (RFC 4978), for dialogue scripts: zlib as most clients use it."""

from __future__ import annotations

import zlib

_WINDOW = -15


class Deflating:
    """Base of links; ``deflate`` and ``plain`` switch."""

    def __init__(self) -> None:
        self._deflater: zlib._Compress | None = None
        self._inflater: zlib._Decompress | None = None

    def deflate(self) -> None:
        self._deflater = zlib.compressobj(9, zlib.DEFLATED, _WINDOW)
        self._inflater = zlib.decompressobj(_WINDOW)

    def plain(self) -> None:
        """What is sent is not compressed any more; what is received neither, behind the server's end."""
        self._deflater = None

    def packed(self, data: bytes) -> bytes:
        """What to send for these octets."""
        if self._deflater is None:
            return data
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def unpacked(self, data: bytes) -> bytes:
        """What was received."""
        if self._inflater is None:
            return data
        plain = self._inflater.decompress(data)
        if self._inflater.eof:
            plain += self._inflater.unused_data
            self._inflater = None
        return plain
