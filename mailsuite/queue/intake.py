"""One message on its way into the queue, as a ``disk.placement.Placement``.

A small one is put by the journal, a large one written under ``tmp`` and fsynced, and then renamed.  One that is sent on
before it is in its place never gets there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import msgspec

from mailsuite.disk.placement import SMALL_BODY
from mailsuite.disk.spool import Content
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk, IRecorded
from mailsuite.mime.lines import to_crlf
from mailsuite.model import Queued
from mailsuite.queue.file import Head, Places, checked_id, encode_head
from mailsuite.steps import Put, Rename, Step


class Stored(msgspec.Struct, frozen=True):
    """A message in the folder; ``offset`` is where in its file it begins, trace header first."""

    queued: Queued
    offset: int


class QueueHolder:
    """The queue as ``disk.placement.Holder``: no two messages have a file in common, so nothing is locked."""

    name = ""

    def locked(self, patience: float = -1) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def expect(self, placements: Sequence[object], recorded: IRecorded) -> None:
        """Nobody asks the folder for what ``DiskQueue.arrived`` has not told of."""

    def publish(self) -> None:
        """``DiskQueue.arrived`` does, in the reactor thread."""


class QueuePlacement:
    """Blocking, inside ``IOffload``.  ``stored`` is what the queue will hold of it once it is published."""

    holder = QueueHolder()

    def __init__(self, places: Places, disk: IDisk, queued: Queued, head: bytes, content: Content) -> None:
        self._disk = disk
        self._content = content
        id = checked_id(queued.envelope.id)
        self._fresh = f"{places.tmp}/{id}"
        self._final = f"{places.messages}/{id}"
        self._folder = places.tmp
        self._written = False
        self._head = head
        size = len(head) + content.wire
        self._top = encode_head(Head(queued.envelope, size))
        self._trace = head.replace(b"\r\n", b"\n")
        self.stored = Stored(msgspec.structs.replace(queued, size=size), len(self._top))

    @property
    def in_memory(self) -> bool:
        """It is small: ``octets`` can be asked for, and it is put by the journal alone."""
        return not self._content.path and self._content.stored <= SMALL_BODY

    @property
    def octets(self) -> bytes:
        """The message as sent."""
        return self._head + to_crlf(self._content.data)

    def prepare(self) -> None:
        if self._content.stored + len(self._top) + len(self._trace) > SMALL_BODY:
            self._disk.write_new(self._fresh, self._octets())
            self._written = True
            self._disk.sync_folder(self._folder)

    def reserve(self) -> None:
        """The queue takes everything."""

    def steps(self) -> Sequence[Step]:
        if self._written:
            return (Rename(self._fresh, self._final),)
        return (Put(self._final, b"".join(self._octets()), self._fresh),)

    def undo(self) -> None:
        if self._written:
            self._written = False
            with contextlib.suppress(FileNotFoundError, Temporary):
                self._disk.unlink(self._fresh)

    def _octets(self) -> Iterator[bytes]:
        yield self._top + self._trace
        yield from self._content.chunks()
