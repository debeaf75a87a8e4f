"""IBody over octets in memory, and everything that is in any IBody."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.disk.body import MAX_READ
from mailsuite.errors import Expunged
from mailsuite.interfaces import IBody


@implementer(IBody)
class MemoryBody:
    """Octets as IBody.  ``gone`` makes every read fail with ``Expunged``."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.size = len(octets)
        self.gone = False
        self.closed = False

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        if self.gone:
            return fail(Expunged("the message is gone"))
        return succeed(self.octets[offset : offset + min(length, MAX_READ)])

    def header(self) -> Deferred[bytes]:
        if self.gone:
            return fail(Expunged("the message is gone"))
        return succeed(header_of(self.octets)[:MAX_READ])

    def close(self) -> None:
        self.closed = True


def header_of(octets: bytes) -> bytes:
    if octets.startswith(b"\r\n"):
        return b"\r\n"
    end = octets.find(b"\r\n\r\n")
    return octets[: end + 4] if end >= 0 else octets


async def octets_of(body: IBody) -> bytes:
    """Everything in an IBody, which is then closed."""
    parts, offset = [], 0
    while offset < body.size:
        parts.append(await body.read_at(offset, 1 << 20))
        offset += len(parts[-1])
    body.close()
    return b"".join(parts)
