"""The queue on disk (IQueue): files as ``queue.file`` describes them, and the ``Book`` of them in memory.

Promises: a message that ``placement`` published is attempted until each recipient is served, has failed and was
reported, or is dropped, whatever crashes in between; results are on disk when ``settle`` fires.  A crash may repeat an
attempt, never lose one.  Memory: one ``Queued`` a message, no bodies but of what is not in its place yet
(``queue.records``).  Trusts that no other process writes the folder while this one runs; ``net.control`` lets commands
reach a running server.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.disk.spool import Content
from mailsuite.errors import MailError, NotFound
from mailsuite.interfaces import IBody, IDisk, IOffload, IQueue
from mailsuite.model import EVERYTHING, Address, Envelope, Outcome, Pending, Queued, Selection
from mailsuite.queue.book import NONE_KEPT, Book, anywhere
from mailsuite.queue.file import Places, checked_via
from mailsuite.queue.folder import Folder
from mailsuite.queue.intake import QueuePlacement
from mailsuite.queue.records import Passing, Records
from mailsuite.queue.schedule import Schedule, Schedules, any_final


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
            await self._records.save(changed)

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
        unwritten = False
        try:
            if outcomes or kept or not lane or not changed.pending:
                await self._save_or_remove(changed)
        except MailError:
            unwritten = any_final(outcomes)
            raise
        finally:
            if not unwritten:
                self._book.release(id)
        return failures

    def write(self, id: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._write(id))

    async def _write(self, id: str) -> None:
        await self._save_or_remove(self._book.get(id))
        self._book.release(id)

    def list(self, which: Selection = EVERYTHING) -> Deferred[Sequence[Queued]]:
        return succeed(self._book.selected(which))

    def hold(self, id: str, held: bool) -> Deferred[None]:
        return Deferred.fromCoroutine(self._hold(id, held))

    async def _hold(self, id: str, held: bool) -> None:
        await self._records.save(self._book.held(id, held))

    def reroute(self, id: str, via: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._reroute(id, via))

    async def _reroute(self, id: str, via: str) -> None:
        await self._records.save(self._book.rerouted(id, checked_via(via)))

    def bounce(self, id: str, words: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._bounce(id, words))

    async def _bounce(self, id: str, words: str) -> None:
        await self._records.save(self._book.bounced(id, words))

    def kick(self, which: Selection) -> Deferred[int]:
        return Deferred.fromCoroutine(self._kick(which))

    async def _kick(self, which: Selection) -> int:
        kicked = self._book.kick(which)
        for saving in [self._records.save(queued) for queued in kicked if queued.attempts]:
            await saving
        return len(kicked)

    def drop(self, id: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._drop(id))

    async def _drop(self, id: str) -> None:
        self._book.get(id)
        await self._remove(id, sent=False)

    def when_due(self, room: Callable[[str], bool] = anywhere) -> float | None:
        return self._book.when_due(room)

    def watch(self, woken: Callable[[], None]) -> None:
        self._book.watch(woken)

    # -- disk ------------------------------------------------------------------------------------------------------

    async def _save_or_remove(self, queued: Queued) -> None:
        if queued.pending:
            await self._records.save(queued)
        else:
            await self._remove(queued.envelope.id)

    async def _remove(self, id: str, sent: bool = True) -> None:
        await self._records.remove(id, sent)
        self._book.remove(id)
