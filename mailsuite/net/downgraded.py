"""A message of any size in its downgraded form (``mime.downgrade``), read in pieces like every body."""

from __future__ import annotations

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.errors import Temporary
from mailsuite.interfaces import IBody
from mailsuite.mime.downgrade import Edit, edit, headers
from mailsuite.mime.header import header_end
from mailsuite.mime.structure import Scanner

#: Octets that are read at a time, and that ``read_at`` and ``header`` give at most.
_PIECE = 256 * 1024
MAX_READ = 1 << 20


class _Run(msgspec.Struct, frozen=True):
    """``length`` octets of the downgraded form from ``start`` on: ``text``, or those of the message from ``source``."""

    start: int
    length: int
    source: int
    text: bytes = b""


async def downgraded(body: IBody) -> IBody:
    """The downgraded form of ``body``, which belongs to it from now on; all of it is read once for that.  Raises what
    reading does."""
    try:
        scanner, at = Scanner(), 0
        while at < body.size:
            piece = await body.read_at(at, _PIECE)
            if not piece:
                raise Temporary("the message ends before its end")
            scanner.feed(piece)
            at += len(piece)
        found: list[Edit] = []
        for span in headers(scanner.finish()):
            change = edit(span, await body.read_at(span.start, span.length))
            if change is not None:
                found.append(change)
    except BaseException:
        body.close()
        raise
    return DowngradedBody(body, found)


@implementer(IBody)
class DowngradedBody:
    """``body`` after the edits, which are in order."""

    def __init__(self, body: IBody, edits: list[Edit]) -> None:
        self._body = body
        self._runs: list[_Run] = []
        self.size = at = 0
        for change in edits:
            self._add(change.start - at, at)
            self._add(len(change.text), 0, change.text)
            at = change.end
        self._add(body.size - at, at)

    def _add(self, length: int, source: int, text: bytes = b"") -> None:
        if length:
            self._runs.append(_Run(self.size, length, source, text))
            self.size += length

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        return Deferred.fromCoroutine(self._read(offset, min(length, MAX_READ)))

    async def _read(self, offset: int, length: int) -> bytes:
        parts: list[bytes] = []
        for run in self._runs:
            first, last = max(offset, run.start) - run.start, min(offset + length, run.start + run.length) - run.start
            if first < last:
                inside = run.text[first:last] or await self._body.read_at(run.source + first, last - first)
                parts.append(inside)
        return b"".join(parts)

    def header(self) -> Deferred[bytes]:
        return self.read_at(0, MAX_READ).addCallback(lambda octets: octets[: header_end(octets)])

    def close(self) -> None:
        self._body.close()
