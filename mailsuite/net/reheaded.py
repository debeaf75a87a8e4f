"""A message at rest with another header block, of which only the header is in memory (IBody)."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailsuite.interfaces import IBody

#: Octets that a read gives at most.
MAX_READ = 1 << 20


@implementer(IBody)
class ReheadedBody:
    """``header`` stands in place of the first ``length`` octets of ``body``, which belongs to it from now on."""

    def __init__(self, body: IBody, length: int, header: bytes) -> None:
        self._body = body
        self._header = header
        #: How much further everything behind the header stands.
        self._shift = len(header) - length
        self.size: int = body.size + self._shift

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        length = min(length, MAX_READ)
        inside = self._header[offset : offset + length]
        if len(inside) == length or offset + len(inside) >= self.size:
            return succeed(inside)
        rest: Deferred[bytes] = self._body.read_at(offset + len(inside) - self._shift, length - len(inside))
        return rest.addCallback(lambda octets: inside + octets)

    def header(self) -> Deferred[bytes]:
        return succeed(self._header[:MAX_READ])

    def close(self) -> None:
        self._body.close()
