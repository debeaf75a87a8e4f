"""The queue on disk (IQueue): files as ``queue.file`` describes them, and the ``Book`` of them in memory.

Promises: a message that ``placement`` published is attempted until each recipient is served, has failed and was
reported, or is dropped, whatever crashes in between; results are on disk when ``settle`` fires.  A crash may repeat an
attempt, never lose one.  Memory: one ``Queued`` a message, no bodies but of what is not in its place yet
(``queue.records``).  Trusts that no other process writes the folder while this one runs; ``net.control`` lets commands
reach a running server.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.disk.spool import Content
from mailsuite.errors import MailError, NotFound, NotWritten, Temporary
from mailsuite.interfaces import IBody, IDisk, IOffload, IQueue
from mailsuite.model import (
    EVERYTHING,
    Address,
    Drop,
    Envelope,
    Kick,
    Order,
    Ordered,
    Outcome,
    Pending,
    Queued,
    Selection,
)
from mailsuite.queue.book import NONE_KEPT, Book, anywhere
from mailsuite.queue.file import Places, state_of
from mailsuite.queue.folder import Folder
from mailsuite.queue.intake import QueuePlacement
from mailsuite.queue.orders import Change, change_by, is_meant, refuse_unwritten
from mailsuite.queue.records import Passing, Records
from mailsuite.queue.schedule import Schedule, Schedules, would_repeat
from mailsuite.queue.turns import Turns
from mailsuite.queue.writes import AT_ONCE


@implementer(IQueue)
class DiskQueue:
    """Messages under the folder ``root``.  Empty until ``load`` has fired."""

    log = Logger()

    def __init__(
        self,
        root: str,
        disk: IDisk,
        offload: IOffload,
        clock: IReactorTime,
        schedules: Schedules | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._disk = disk
        self._offload = offload
        self._clock = clock
        self._places = Places(root)
        self._folder = Folder(self._places, disk)
        self._records = Records(self._folder, disk, offload)
        self._turns = Turns()
        self._book = Book(schedules or Schedule(), clock.seconds, rng or random.Random())  # noqa: S311 - jitter
        self._waking = False

    # -- start, and messages coming in -----------------------------------------------------------------------------

    def load(self, sweep: bool = True) -> Deferred[int]:
        """Read the folder, made if it is not there; fires with how many messages wait.

        What cannot be read is set aside with a log line.  ``sweep`` also removes what a crash left half done; a
        program that looks at the folder of a running server must not."""
        return Deferred.fromCoroutine(self._load(sweep))

    async def _load(self, sweep: bool) -> int:
        found, problems = await self._offload.run(self._folder.read, sweep)
        for problem in problems:
            self.log.error("queue: {problem}", problem=problem)
        for stored in found:
            self._records.add(stored)
            self._book.add(stored.queued)
        self._book.wake()
        return len(found)

    def placement(self, envelope: Envelope, head: bytes, content: Content) -> QueuePlacement:
        """What puts this message into the queue, for ``disk.placement.place``; ``arrived`` follows when it has.

        ``head`` goes on top of the message (CRLF lines)."""
        due = max(self._clock.seconds(), envelope.release)
        pending = tuple(Pending(recipient) for recipient in envelope.recipients)
        queued = Queued(envelope, pending, due, expires=0.0, size=0)
        return QueuePlacement(self._places, self._disk, queued, head, content)

    def arrived(self, placement: QueuePlacement, passing: Passing | None = None) -> None:
        """A placement was published (called in the reactor thread): the message is due now.  With ``passing`` it is
        durable only, and ``placed`` follows."""
        if passing is None:
            self._records.add(placement.stored)
        else:
            self._records.add_passing(placement, passing)
        self._book.add(placement.stored.queued)
        if not self._waking:  # once for all that arrive in this turn of the reactor
            self._waking = True
            self._clock.callLater(0, self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._book.wake()

    def placed(self, placement: QueuePlacement) -> None:
        """Its file is there, if it is still wanted."""
        self._records.placed(placement.stored.queued.envelope.id)

    # -- IQueue ----------------------------------------------------------------------------------------------------

    def lease(self, limit: int, enter: Callable[[str], bool] = anywhere) -> Deferred[Sequence[Queued]]:
        return succeed(self._book.lease(limit, enter))

    def body(self, id: str) -> Deferred[IBody]:
        if id not in self._book:
            return fail(NotFound(f"no message {id} in the queue"))
        return self._records.body(self._book.get(id))

    def note(self, id: str, served: Collection[Address]) -> Deferred[None]:
        return Deferred.fromCoroutine(self._note(id, served))

    async def _note(self, id: str, served: Collection[Address]) -> None:
        changed = self._book.noted(id, served)
        if changed.pending:  # else what removes it follows at once
            self._book.put(changed)
            await self._write_down(id, done=True)

    def settle(
        self,
        id: str,
        outcomes: Sequence[Outcome],
        told: bool = False,
        lane: str = "",
        kept: Mapping[Address, str] = NONE_KEPT,
    ) -> Deferred[Sequence[Outcome]]:
        return Deferred.fromCoroutine(self._settle(id, outcomes, told, lane, kept))

    async def _settle(
        self, id: str, outcomes: Sequence[Outcome], told: bool, lane: str, kept: Mapping[Address, str]
    ) -> Sequence[Outcome]:
        changed, failures = self._book.settled(id, outcomes, told, lane, kept)
        # Memory first: should the disk fail now, this process still does not repeat what was done.
        self._book.put(changed)
        ends = True
        try:
            if outcomes or kept or not lane or not changed.pending or changed.unwritten:
                await self._write_down(id, done=would_repeat(outcomes, told))
        except NotWritten:
            ends = False
            raise
        finally:
            if ends:
                self._book.release(id)
        return failures

    def write(self, id: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._write(id))

    async def _write(self, id: str) -> None:
        await self._write_down(id, done=True)
        self._book.release(id)

    def list(self, which: Selection = EVERYTHING) -> Deferred[Sequence[Queued]]:
        return succeed(self._book.shown(which))

    def order(self, which: Selection, order: Order) -> Deferred[Ordered]:
        return Deferred.fromCoroutine(self._order(which, order))

    async def _order(self, which: Selection, order: Order) -> Ordered:
        now = self._clock.seconds()
        doing = self._doing(order, now)
        ids = [one.envelope.id for one in self._book.selected(which) if is_meant(order, one, now)]
        done: list[str] = []
        failed: dict[str, str] = {}
        for at in range(0, len(ids), AT_ONCE):  # these are written together
            if at:  # others have their turn, also where there is nothing to write
                await deferLater(self._clock, 0)
            for id, change in [(id, Deferred.fromCoroutine(doing(id))) for id in ids[at : at + AT_ONCE]]:
                try:
                    await change
                except NotFound:  # gone by then
                    continue
                except MailError as error:
                    failed[id] = str(error)
                else:
                    done.append(id)
            self._book.wake()  # also for what failed: meanwhile it was leased to nobody
        return Ordered(tuple(done), failed)

    def _doing(self, order: Order, now: float) -> Callable[[str], Coroutine[Deferred[Any], Any, None]]:
        if isinstance(order, Drop):
            return partial(self._alone, self._drop)
        return partial(self._alone, partial(self._change, change_by(order, now), isinstance(order, Kick)))

    async def _alone(self, do: Callable[[Queued], Coroutine[Deferred[Any], Any, None]], id: str) -> None:
        """When it is its turn, and no attempt begins before it is over: so an attempt goes by an order that is done, or
        was under way before.  NotFound."""
        await self._turns.take(id)
        try:
            queued = self._book.get(id)
            reserved = self._book.reserve(id)
            try:
                await do(queued)
            finally:
                if reserved:
                    self._book.release(id)
        finally:
            self._turns.end(id)

    async def _change(self, change: Change, spare: bool, queued: Queued) -> None:
        """Durable first, and then in force.  What attempts say (``settle``, ``note``) is in force at once, also while
        this is being written, and is written behind it (``queue.turns``).  So the change is made once more, to what
        the message has become: memory and disk have both then, and if this cannot be written neither has it.
        ``spare``: nothing is written where that would be what is written already."""
        refuse_unwritten(queued)
        changed = change(queued)
        if not spare or state_of(changed) != state_of(queued):
            await self._records.save(changed)
        self._book.put(change(self._book.get(queued.envelope.id)))  # there yet: only who has the turn removes it

    async def _drop(self, queued: Queued) -> None:
        await self._remove(queued.envelope.id, sent=not queued.pending)

    def when_due(self, room: Callable[[str], bool] = anywhere) -> float | None:
        return self._book.when_due(room)

    def watch(self, woken: Callable[[], None]) -> None:
        self._book.watch(woken)

    # -- disk ------------------------------------------------------------------------------------------------------

    async def _write_down(self, id: str, done: bool) -> None:
        """What is known of it when it is its turn, which may be that it is to be removed.  NotWritten if that cannot be
        and something is ``done`` that nobody wants twice."""
        await self._turns.take(id)
        try:
            queued = self._book.get(id)
            if queued.pending:
                await self._records.save(queued)
                if queued.unwritten:
                    self._mark(id, "")
            else:
                await self._remove(id)
        except Temporary as error:
            if not done and not queued.unwritten:
                raise
            self._mark(id, str(error))
            raise NotWritten(str(error)) from error
        finally:
            self._turns.end(id)

    def _mark(self, id: str, unwritten: str) -> None:
        self._book.put(msgspec.structs.replace(self._book.get(id), unwritten=unwritten))

    async def _remove(self, id: str, sent: bool = True) -> None:
        await self._records.remove(id, sent)
        self._book.remove(id)
