"""One message on its way into the queue, as a ``disk.placement.Placement``.

Prepared under ``tmp`` (written and fsynced), published by one rename and one folder sync.
"""

from __future__ import annotations

import contextlib
import os.path
from collections.abc import Iterator

import msgspec

from mailsuite.disk.spool import Content
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk
from mailsuite.model import Queued
from mailsuite.queue.file import Head, Places, checked_id, encode_head


class Stored(msgspec.Struct, frozen=True):
    """A message in the folder; ``offset`` is where in its file it begins, trace header first."""

    queued: Queued
    offset: int


class QueuePlacement:
    """Blocking, inside ``IOffload``.  ``stored`` is what the queue will hold of it once it is published."""

    def __init__(self, places: Places, disk: IDisk, queued: Queued, head: bytes, content: Content) -> None:
        self._disk = disk
        self._content = content
        id = checked_id(queued.envelope.id)
        self._fresh = os.path.join(places.tmp, id)
        self._final = os.path.join(places.messages, id)
        self._folder = places.messages
        size = len(head) + content.wire
        self._top = encode_head(Head(queued.envelope, size))
        self._trace = head.replace(b"\r\n", b"\n")
        self.stored = Stored(msgspec.structs.replace(queued, size=size), len(self._top))

    def prepare(self) -> None:
        self._disk.write_new(self._fresh, self._octets())

    def publish(self) -> None:
        self._disk.rename(self._fresh, self._final)
        self._disk.sync_folder(self._folder)

    def undo(self) -> None:
        for path in (self._final, self._fresh):
            with contextlib.suppress(FileNotFoundError, Temporary):
                self._disk.unlink(path)

    def _octets(self) -> Iterator[bytes]:
        yield self._top + self._trace
        yield from self._content.chunks()
