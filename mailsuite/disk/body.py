"""Messages at rest as the octets that go over the wire (IBody).

A file may have LF, CRLF or both; every LF without a CR before it becomes CRLF.  A small message is one read and then
memory (``OctetsBody``); a large one is read in pieces of 256 KiB, with marks on the way so that going back is cheap,
and never costs more memory than a piece (``FileBody``).  ``open_body`` chooses; it blocks, so it belongs in a thread.
The file descriptor stays open, so a rename or removal after opening does no harm.
"""

from __future__ import annotations

import bisect
import itertools
import os

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.disk.meaning import meaning_of
from mailsuite.disk.opening import open_file
from mailsuite.errors import Corrupt, Temporary
from mailsuite.interfaces import IBody, IOffload
from mailsuite.mime.header import header_end
from mailsuite.mime.lines import crlf_size, to_crlf

#: Stored octets up to which a message is read at once and kept in memory.
SMALL = 128 * 1024
#: Stored octets a read takes from a large message.
PIECE = 256 * 1024
#: Octets that a whole message is first asked for: most have fewer, and room for more costs more than the reading.
_FIRST_READ = 64 * 1024
#: Octets that ``read_at`` gives at most, and of a header.
MAX_READ = 1 << 20

_numbers = itertools.count()


def header_of(octets: bytes) -> bytes:
    """The header block of a message with its empty line; all of it if there is none."""
    return octets[: header_end(octets)]


@implementer(IBody)
class OctetsBody:
    """A message in memory, CRLF."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.size = len(octets)

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        return succeed(self.octets[offset : offset + min(length, MAX_READ)])

    def header(self) -> Deferred[bytes]:
        return succeed(header_of(self.octets)[:MAX_READ])

    def close(self) -> None:
        """Nothing is held."""


class _Mark(msgspec.Struct, frozen=True):
    """A place in a file: octets before it as sent and as stored, and whether a CR stands right before it."""

    sent: int
    stored: int
    after_cr: bool


class WireReader:
    """Reads an open file in its CRLF form.  Blocking; one call at a time."""

    def __init__(self, fd: int, start: int) -> None:
        self._fd = fd
        self._marks = [_Mark(0, start, False)]
        self._place = self._marks[0]  # where the next piece begins
        self._piece = b""  # the last piece, as sent, ending at _place.sent

    def measure(self) -> int:
        """The size as sent, by reading everything once."""
        while self._next():
            pass
        return self._place.sent

    def read(self, offset: int, length: int) -> bytes:
        parts: list[bytes] = []
        self._seek(offset)
        while length > 0:
            skip = len(self._piece) - (self._place.sent - offset)
            part = self._piece[skip : skip + length]
            if not part and not self._next():
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return b"".join(parts)

    def _seek(self, offset: int) -> None:
        """Make the last piece one that ends at or past ``offset`` and does not begin past it."""
        begins = self._place.sent - len(self._piece)
        if not begins <= offset <= self._place.sent:
            index = bisect.bisect_right(self._marks, offset, key=lambda mark: mark.sent) - 1
            if offset < begins or self._marks[index].sent > self._place.sent:
                self._place, self._piece = self._marks[index], b""
        while self._place.sent < offset and self._next():
            pass

    def _next(self) -> bool:
        """Read one more piece; False at the end."""
        stored = os.pread(self._fd, PIECE, self._place.stored)
        if not stored:
            return False
        sent = to_crlf(stored)
        if self._place.after_cr and stored.startswith(b"\n"):
            sent = sent[1:]
        self._piece = sent
        self._place = _Mark(self._place.sent + len(sent), self._place.stored + len(stored), stored.endswith(b"\r"))
        if self._place.sent > self._marks[-1].sent:
            self._marks.append(self._place)
        return True


@implementer(IBody)
class FileBody:
    """A large message: ``head`` (CRLF) and then what the open file holds from ``start`` on.  Takes over ``fd``.

    ``size`` is octets as sent, head included; a file that turns out shorter fails reads with ``Corrupt``.
    """

    def __init__(self, fd: int, offload: IOffload, size: int, start: int = 0, head: bytes = b"") -> None:
        self.size = size
        self._head = head
        self._fd = fd
        self._reader = WireReader(fd, start)
        self._offload = offload
        self._lane = f"body:{next(_numbers)}"
        self._closed = False

    def read_at(self, offset: int, length: int) -> Deferred[bytes]:
        if self._closed:
            return fail(Temporary("the message was closed"))
        length = max(0, min(length, MAX_READ, self.size - offset))
        return self._offload.run_in(self._lane, self._read, offset, length)

    def _read(self, offset: int, length: int) -> bytes:
        octets = self._head[offset : offset + length]
        inside = max(0, offset - len(self._head))
        try:
            octets += self._reader.read(inside, length - len(octets))
        except OSError as error:
            raise Temporary(f"the message cannot be read: {error.strerror}") from error
        if len(octets) != length:
            raise Corrupt("the message file is shorter than its name says; see the store's verify command")
        return octets

    def header(self) -> Deferred[bytes]:
        return self.read_at(0, MAX_READ).addCallback(header_of)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._offload.run_in(self._lane, os.close, self._fd)


def open_body(path: str, offload: IOffload, start: int = 0, head: bytes = b"", size: int | None = None) -> IBody:
    """The message in ``path`` from octet ``start`` on, with ``head`` (CRLF lines) before it.  Blocking.

    ``size``, octets as sent without ``head``, saves measuring a large file whose size is known.  FileNotFoundError if
    it is gone, ``Temporary`` if it cannot be read.
    """
    try:
        fd = open_file(path)
        try:
            octets = os.pread(fd, SMALL + 1, start)
            if len(octets) <= SMALL:
                return OctetsBody(head + to_crlf(octets))
            if size is None:
                size = WireReader(fd, start).measure()
            body = FileBody(fd, offload, len(head) + size, start, head)
            fd = -1
            return body
        finally:
            if fd >= 0:
                os.close(fd)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise meaning_of(error, path) from error


def read_stored(path: str, limit: int) -> bytes:
    """At most ``limit`` octets of a file as they lie.  Blocking; FileNotFoundError if it is gone."""
    fd = open_file(path)
    try:
        octets = os.read(fd, min(limit, _FIRST_READ))
        if len(octets) == _FIRST_READ < limit:
            octets += os.read(fd, limit - _FIRST_READ)
        return octets
    finally:
        os.close(fd)


def measure(path: str) -> tuple[int, int]:
    """(stored size, size as sent) of a file, by reading it.  Blocking; FileNotFoundError if it is gone."""
    octets = read_stored(path, SMALL + 1)
    if len(octets) <= SMALL:
        return len(octets), crlf_size(octets)
    fd = open_file(path)
    try:
        return os.fstat(fd).st_size, WireReader(fd, 0).measure()
    finally:
        os.close(fd)
