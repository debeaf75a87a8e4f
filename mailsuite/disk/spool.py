"""Messages on their way in (IDraft): in memory up to a limit, then in a temporary file written by threads.

What arrives with CRLF is kept in the LF form it will be stored in.  Writers are held back once ``MAX_WAITING`` octets
wait for the disk, so a message of any size costs little more than the memory limit.  Nothing here is durable: a commit
copies the content to where it promises to keep it.  Files that a crashed process left are removed by ``clean``.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.disk.body import OctetsBody, open_body
from mailsuite.disk.lines import StoredForm
from mailsuite.disk.meaning import meaning_of
from mailsuite.errors import Temporary
from mailsuite.interfaces import IBody, IDraft, IOffload
from mailsuite.mime.header import header_end
from mailsuite.mime.lines import to_crlf

#: Octets handed to a thread at once, and how many may wait for the disk before the writer is held back.
BLOCK = 256 * 1024
MAX_WAITING = 1 << 20
#: Octets of a header that are kept for looking at.
MAX_HEADER = 256 * 1024
_SUFFIX = ".draft"
_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)


class Content(msgspec.Struct, frozen=True):
    """A finished draft for blocking code: ``data`` in memory, or the file ``path``; LF form.

    ``stored`` and ``wire`` are its octets as kept and as sent.
    """

    data: bytes
    path: str
    stored: int
    wire: int

    def chunks(self, length: int = BLOCK) -> Iterator[bytes]:
        """All of it, in pieces.  Blocking; ``Temporary`` if the file cannot be read."""
        if not self.path:
            yield self.data
            return
        try:
            with open(self.path, "rb", buffering=0) as file:
                while piece := file.read(length):
                    yield piece
        except OSError as error:
            raise meaning_of(error, self.path) from error


def content_of(draft: IDraft) -> Content | Deferred[Content]:
    """The content of any draft, at once if it is in memory; one that is not of a spool is read into memory."""
    if isinstance(draft, Draft):
        return draft.content()
    return Deferred.fromCoroutine(_read_content(draft))


async def _read_content(draft: IDraft) -> Content:
    body = await draft.body()
    form, parts, offset = StoredForm(), [], 0
    while offset < body.size:
        octets = await body.read_at(offset, MAX_WAITING)
        offset += len(octets)
        parts.append(form.convert(octets))
    parts.append(form.end())
    body.close()
    return Content(b"".join(parts), "", form.size, form.wire)


class Spool:
    """Makes drafts; their files live in ``folder``, which only this process uses."""

    def __init__(self, folder: str, offload: IOffload, memory_limit: int = 1 << 20) -> None:
        """``memory_limit``: octets of a draft that stay in memory."""
        self._folder = folder
        self._offload = offload
        self._limit = memory_limit
        self._numbers = itertools.count()

    def clean(self) -> int:
        """Make the folder, or remove what an earlier process left in it; how many files.  Blocking, at start."""
        os.makedirs(self._folder, 0o700, exist_ok=True)
        left = [name for name in os.listdir(self._folder) if name.endswith(_SUFFIX)]
        for name in left:
            os.unlink(os.path.join(self._folder, name))
        return len(left)

    def draft(self) -> Draft:
        number = next(self._numbers)
        return Draft(f"{self._folder}/{number}{_SUFFIX}", self._offload, self._limit)


@implementer(IDraft)
class Draft:
    """One message on its way in."""

    def __init__(self, path: str, offload: IOffload, memory_limit: int) -> None:
        self.size = 0
        self._offload = offload
        self._limit = memory_limit
        self._form = StoredForm()
        self._parts: list[bytes] = []
        self._kept = 0  # octets in _parts
        self._head = bytearray()
        self._in_header = True
        self._file = _File(path, offload)
        self._spilled = False
        self._ended = False
        self._discarded = False

    # -- what arrived so far -------------------------------------------------------------------------------------

    @property
    def received(self) -> int:
        head = bytes(self._head)
        return len(_RECEIVED.findall(head[: header_end(head)]))

    def header(self) -> bytes:
        head = bytes(self._head)
        return to_crlf(head[: header_end(head)])[:MAX_HEADER]

    def _look_at_header(self, stored: bytes) -> None:
        """Keep the start until the header is surely in it."""
        searched = max(0, len(self._head) - 2)
        self._head += stored[: MAX_HEADER - len(self._head)]
        ended = self._head.startswith((b"\n", b"\r\n")) or self._head.find(b"\n\n", searched) >= 0
        self._in_header = not ended and len(self._head) < MAX_HEADER

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> Deferred[None] | None:
        if self._file.failed is not None:
            return fail(self._file.failed)
        self.size += len(data)
        self._keep(self._form.convert(data))
        if self._spilled or self._form.size > self._limit:
            self._spilled = True
            if self._kept >= BLOCK:
                self._hand_over()
            return self._file.room()
        return None

    def _keep(self, stored: bytes) -> None:
        if self._in_header:
            self._look_at_header(stored)
        if stored:
            self._parts.append(stored)
            self._kept += len(stored)

    def _hand_over(self) -> None:
        self._file.write(b"".join(self._parts), self._kept)
        self._parts, self._kept = [], 0

    # -- the end -------------------------------------------------------------------------------------------------

    def content(self) -> Content | Deferred[Content]:
        """The finished message for a blocking commit, at once if it is in memory; the draft takes no more writes.
        ``Temporary`` if its file could not be written."""
        if not self._ended:
            self._ended = True
            self._keep(self._form.end())
            if self._spilled and self._parts:
                self._hand_over()
            elif not self._spilled:
                self._parts = [b"".join(self._parts)]
        if not self._spilled:
            return Content(self._parts[0], "", self._form.size, self._form.wire)
        done = Content(b"", self._file.path, self._form.size, self._form.wire)
        return self._file.written().addCallback(lambda _: done)

    def body(self) -> Deferred[IBody]:
        content = self.content()
        return (content if isinstance(content, Deferred) else succeed(content)).addCallback(self._open)

    def _open(self, content: Content) -> IBody | Deferred[IBody]:
        if not content.path:
            return OctetsBody(to_crlf(content.data))
        return self._offload.run(open_body, content.path, self._offload, size=content.wire)

    def discard(self) -> None:
        if self._discarded:
            return
        self._discarded = self._ended = True
        self._parts, self._kept = [b""], 0
        self._head.clear()
        if self._spilled:
            self._file.remove()


class _File:
    """The temporary file of a draft.  Work on it runs in its own lane, so it is in order."""

    def __init__(self, path: str, offload: IOffload) -> None:
        self.path = path
        self.failed: Temporary | None = None
        self._offload = offload
        self._lane = f"draft:{path}"
        self._fd = -1
        self._waiting = 0
        self._held: list[Deferred[None]] = []

    def write(self, data: bytes, length: int) -> None:
        self._waiting += length
        self._offload.run_in(self._lane, self._append, data).addCallbacks(
            self._appended, self._could_not, callbackArgs=(length,)
        )

    def _append(self, data: bytes) -> None:
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def _appended(self, _: object, length: int) -> None:
        self._waiting -= length
        if self._waiting <= MAX_WAITING:
            self._release()

    def _could_not(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, OSError):
            self.failed = meaning_of(error, self.path)
        else:
            self.failed = Temporary(f"{self.path}: {failure.getErrorMessage()}")
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for waiting in held:
            if self.failed is not None:
                waiting.errback(self.failed)
            else:
                waiting.callback(None)

    def room(self) -> Deferred[None] | None:
        """None while more may be written, else when."""
        if self.failed is not None:
            return fail(self.failed)
        if self._waiting <= MAX_WAITING:
            return None
        waiting: Deferred[None] = Deferred(self._held_no_more)
        self._held.append(waiting)
        return waiting

    def _held_no_more(self, waiting: Deferred[None]) -> None:
        if waiting in self._held:
            self._held.remove(waiting)

    def written(self) -> Deferred[None]:
        """When all that was handed over is in the file, which is then closed."""

        def check(_: object) -> None:
            if self.failed is not None:
                raise self.failed

        return self._offload.run_in(self._lane, self._close).addCallback(check)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        self._offload.run_in(self._lane, self._remove)

    def _remove(self) -> None:
        self._close()
        if os.path.exists(self.path):
            os.unlink(self.path)
