"""What the disk has of each queued message, and is to have: its body, the state that attempts leave, its removal.

A message may be sent before its file is in its place: its octets are in memory then, its state has a file already, and
what is done with is not put there at all.  Removing is: unlink the message, unlink the state, in one unit.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred, succeed

from mailsuite.disk.body import OctetsBody, open_body
from mailsuite.errors import NotFound
from mailsuite.interfaces import IBody, IDisk, IOffload
from mailsuite.model import Queued
from mailsuite.queue.file import encode_state, state_of
from mailsuite.queue.folder import Folder
from mailsuite.queue.intake import QueuePlacement, Stored
from mailsuite.queue.writes import Writes
from mailsuite.steps import Put, Unlink


class Passing(Protocol):
    """A message that is durable, and perhaps not in its place yet.  ``perform``, which blocks, puts it there."""

    def perform(self) -> None: ...

    def forgo(self) -> bool:
        """It need not be placed any more; whether it will not be."""

    def over(self, path: str) -> Deferred[None]:
        """It was forgone, and its file is to be removed should a crash bring it back; fires when that is durable, fails
        with ``Temporary``."""


class _Fresh(msgspec.Struct):
    placement: QueuePlacement
    passing: Passing
    has_state: bool = False


class Records:
    """Those of one ``folder``.  Of one message one thing at a time is written (``queue.turns``)."""

    def __init__(self, folder: Folder, disk: IDisk, offload: IOffload) -> None:
        self._folder = folder
        self._offload = offload
        self._writes = Writes(disk, offload)
        #: Where in its file each message begins.
        self._offsets: dict[str, int] = {}
        #: What is durable and not in its place yet.
        self._fresh: dict[str, _Fresh] = {}

    def add(self, stored: Stored) -> None:
        """It is in its place."""
        self._offsets[stored.queued.envelope.id] = stored.offset

    def add_passing(self, placement: QueuePlacement, passing: Passing) -> None:
        """It is durable, and will be in its place when ``placed`` is called."""
        self.add(placement.stored)
        self._fresh[placement.stored.queued.envelope.id] = _Fresh(placement, passing)

    def placed(self, id: str) -> None:
        self._fresh.pop(id, None)

    def body(self, queued: Queued) -> Deferred[IBody]:
        """Fails with ``NotFound`` if its file is gone."""
        fresh = self._fresh.get(queued.envelope.id)
        if fresh is not None:
            return succeed(OctetsBody(fresh.placement.octets))
        return Deferred.fromCoroutine(self._body(queued))

    async def _body(self, queued: Queued) -> IBody:
        id = queued.envelope.id
        path, start = self._folder.message(id), self._offsets[id]
        try:
            return await self._offload.run(open_body, path, self._offload, start=start, size=queued.size)
        except FileNotFoundError:
            raise NotFound(f"the message {id} is gone from the queue folder") from None

    def save(self, queued: Queued) -> Deferred[None]:
        """Its state is on disk when this fires; fails with ``Temporary``, and the state from before is there."""
        state = state_of(queued)
        id = queued.envelope.id
        if id in self._fresh:
            self._fresh[id].has_state = True
        return self._writes.commit(Put(self._folder.state(id), encode_state(state)))

    async def remove(self, id: str, sent: bool = True) -> None:
        """What was not ``sent`` is put in its place first: it has to be there still should the removal be refused.
        Raises ``Temporary``."""
        fresh = self._fresh.get(id)
        message = self._folder.message(id)
        removal = (Unlink(message), Unlink(self._folder.state(id)))
        if fresh is None:
            await self._writes.commit(*removal)
        elif not (sent and fresh.passing.forgo()):
            await self._writes.commit(*removal, unplaced=fresh.passing)
        elif fresh.has_state:  # its state is written before, or after it would come back
            await self._writes.commit(*removal)
        else:
            await fresh.passing.over(message)
        self._offsets.pop(id, None)
        self._fresh.pop(id, None)
