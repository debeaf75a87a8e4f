"""Runs the queue: takes what is due, lets it be carried, reports what failed, and writes down what became of it.

Nothing polls: it is woken by the queue and by one timer for the next due time.  Promises: a failed recipient leaves
the queue only after its notice is delivered, so a crash may repeat a notice but never lose one; a fault of ours
delays a message, it does not lose it; after ``stop`` has fired nothing is under way.  At most ``leases`` messages are
held in memory, ``at_once`` of them in a transaction, ``per_destination`` of those with one destination; what finds no
room there is given back until there is some, so that a slow destination delays nobody else.  What was sent keeps its
place until that is written down, however long a full disk takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError, NotFound, NotWritten
from mailsuite.happenings import Tried
from mailsuite.interfaces import IBody, ICourier, IObserver, IQueue, IReports, IRouter
from mailsuite.model import Address, Delayed, Delivered, Failed, Outcome, Queued, Status
from mailsuite.observers import NOBODY
from mailsuite.printable import printable
from mailsuite.queue.attempt import Attempted, Carrier
from mailsuite.queue.book import NONE_KEPT
from mailsuite.queue.hosts import Destinations, Place, UnreachableHosts
from mailsuite.queue.notify import wanted
from mailsuite.queue.schedule import given_up, is_too_late, too_late
from mailsuite.queue.unwritten import Unwritten

#: Seconds the timer waits at most, and after a queue that cannot be read.
LONGEST_WAIT = 3600.0
AFTER_FAULT = 60.0


class RunnerSettings(msgspec.Struct, frozen=True):
    #: Transactions at the same time.
    at_once: int = 50
    #: Of them, with one destination: to begin with, and when all goes well.
    first_per_destination: int = 5
    per_destination: int = 20
    #: Messages taken from the queue at the same time, those that wait for a slow host among them.
    leases: int = 200
    #: Seconds for which a host that did not answer is not tried again.
    unreachable: float = 60.0
    #: Seconds that what is under way may take when the server stops.
    grace: float = 10.0


class Runner:
    """``start`` it once the queue is loaded."""

    log = Logger()

    def __init__(
        self,
        queue: IQueue,
        router: IRouter,
        courier: ICourier,
        reports: IReports,
        clock: IReactorTime,
        settings: RunnerSettings | None = None,
        observer: IObserver = NOBODY,
    ) -> None:
        settings = settings or RunnerSettings()
        self._observer = observer
        self._queue = queue
        self._reports = reports
        self._clock = clock
        self._settings = settings
        self._destinations = Destinations(settings.first_per_destination, settings.per_destination)
        self._carrier = Carrier(
            router,
            courier,
            DeferredSemaphore(settings.at_once),
            self._destinations,
            UnreachableHosts(settings.unreachable, clock.seconds),
            observer,
            clock.seconds,
        )
        self._unwritten = Unwritten(queue, clock)
        self._running = False
        self._looking = False
        self._again = False
        self._timer: IDelayedCall | None = None
        #: Something is due that found no room, or will be and no timer tells of it.
        self._starved = False
        self._under_way: set[Deferred[bool]] = set()
        self._stopped: Deferred[None] | None = None

    def start(self) -> None:
        """Begin; a second runner on the same queue would share its work."""
        self._running = True
        self._queue.watch(self._look)
        self._look()

    def stop(self) -> Deferred[None]:
        """Take nothing more; fires when what is under way has ended, which after ``grace`` it is made to."""
        self._running = False
        self._set_timer(None)
        self._unwritten.stop()
        stopped: Deferred[None] = Deferred()
        self._stopped = stopped
        cut = self._clock.callLater(self._settings.grace, self._carrier.stop)
        stopped.addBoth(lambda _: cut.cancel() if cut.active() else None)
        self._tell_if_stopped()
        return stopped

    def _tell_if_stopped(self) -> None:
        if self._stopped is not None and not self._under_way and not self._looking:
            stopped, self._stopped = self._stopped, None
            stopped.callback(None)

    # -- taking work -----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """See what is due; asked again while it looks, it looks once more."""
        self._again = True
        if self._running and not self._looking:
            self._looking = True
            Deferred.fromCoroutine(self._take()).addErrback(self._cannot_take).addBoth(self._taken)

    async def _take(self) -> None:
        while self._again and self._running:
            self._again = False
            free = self._settings.leases - len(self._under_way)
            for queued in await self._queue.lease(free, self._destinations.enter) if free > 0 else ():
                self._begin(queued)
        self._set_timer(self._queue.when_due(self._destinations.has_room))
        due = self._queue.when_due()
        self._starved = due is not None and (self._full or due <= self._clock.seconds())

    def _cannot_take(self, failure: Failure) -> None:
        self.log.failure("the queue cannot be read", failure)
        self._set_timer(self._clock.seconds() + AFTER_FAULT)

    def _taken(self, _: object) -> None:
        self._looking = False
        self._tell_if_stopped()

    def _set_timer(self, due: float | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if due is not None and self._running and not self._full:
            wait = min(max(due - self._clock.seconds(), 0.0), LONGEST_WAIT)
            self._timer = self._clock.callLater(wait, self._look)

    @property
    def _full(self) -> bool:
        """No message can be taken: the end of an attempt looks again."""
        return len(self._under_way) >= self._settings.leases

    def _begin(self, queued: Queued) -> None:
        attempt = Deferred.fromCoroutine(self._attempt(queued))
        self._under_way.add(attempt)
        attempt.addErrback(self._fault, queued).addBoth(self._ended, attempt)

    def _fault(self, failure: Failure, queued: Queued) -> Deferred[bool]:
        """A fault of ours: the message is tried again by schedule."""
        self.log.failure("{id}: attempt broke off", failure, id=queued.envelope.id)
        text = "this server made a mistake while delivering"
        delayed = [Delayed(entry.recipient.address, Status(4, 3, 0), text) for entry in queued.pending]
        return Deferred.fromCoroutine(self._settle(queued, delayed)).addCallback(lambda _: False)

    def _ended(self, over: object, attempt: Deferred[bool]) -> None:
        self._under_way.discard(attempt)
        self._tell_if_stopped()
        if over is not True or self._starved:
            self._look()

    # -- one message -----------------------------------------------------------------------------------------------

    async def _attempt(self, queued: Queued) -> bool:
        """Whether it is over: nobody waits any more.  Its places are another message's when the outcomes are on disk,
        and not before: so a server that is killed repeats no more messages than it has places."""
        places = [Place(self._destinations, queued.lane)]  # entered when it was leased
        try:
            return await self._attempt_from(places, queued)
        finally:
            for place in places:
                place.leave()

    async def _attempt_from(self, places: list[Place], queued: Queued) -> bool:
        attempted = await self._carried(queued, places)
        outcomes, waits_for = attempted.outcomes, attempted.waits_for
        now = self._clock.seconds()
        outcomes = given_up(queued, outcomes, now)
        is_late = 0 < queued.notice <= now
        telling = [outcome for outcome in outcomes if is_late or not isinstance(outcome, Delayed)]
        telling = wanted(queued.envelope, telling)
        told = not telling or await self._reported(queued, telling)
        if not told:
            # Unreported, they stay: they fail again at the next attempt, and are reported then.
            outcomes = tuple(_kept(outcome) for outcome in outcomes)
        self._log(queued, outcomes)
        self._log_kept(queued.envelope.id, attempted.kept)
        kept = attempted.kept
        if (
            not outcomes and not kept and queued.pending and not waits_for
        ):  # broken off by ``stop``: due at the next start
            return False
        # Nobody heard of a delay where nobody was tried, for lack of room, or where nobody wants to hear of it.
        told = told and any(isinstance(outcome, Delayed) for outcome in telling)
        written = await self._settle(queued, outcomes, told, waits_for, kept)
        final = [outcome for outcome in outcomes if not isinstance(outcome, Delayed)]
        return written and len(final) == len(queued.pending)

    async def _settle(
        self,
        queued: Queued,
        outcomes: Sequence[Outcome],
        told: bool = False,
        waits_for: str = "",
        kept: Mapping[Address, str] = NONE_KEPT,
    ) -> bool:
        """Whether it is written down; where something would be done twice otherwise, not before that is known."""
        try:
            await self._queue.settle(queued.envelope.id, outcomes, told, waits_for, kept)
        except NotFound:
            self.log.info("{id}: dropped while it was under way", id=queued.envelope.id)
        except NotWritten as error:
            return await self._unwritten.write(queued.envelope.id, error)
        except MailError as error:
            self.log.error("{id}: result not written: {error}", id=queued.envelope.id, error=error)
            return False
        return True

    async def _carried(self, queued: Queued, places: list[Place]) -> Attempted:
        """What becomes of everybody; a message that cannot be read is delayed like one that cannot be sent."""
        now = self._clock.seconds()
        due = max(now, queued.due)  # it was due when it was leased, whatever the clock says since
        recipients = [entry.recipient for entry in queued.pending if entry.due <= due]
        try:
            if not recipients:
                return Attempted(())
            if queued.returned:
                words = queued.returned
                return Attempted(tuple(Failed(one.address, Status(5, 0, 0), words) for one in recipients))
            if is_too_late(queued.envelope, now):
                return Attempted(tuple(too_late(queued)))
            body = await self._queue.body(queued.envelope.id)
        except MailError as error:
            return Attempted(tuple(Delayed(one.address, Status(4, 3, 0), str(error)) for one in recipients))
        try:
            return await self._carrier.attempt(queued, recipients, body, places, partial(self._note, queued))
        finally:
            body.close()

    async def _note(self, queued: Queued, outcomes: Sequence[Outcome], place: Place) -> None:
        """Who was served is written down at once, for others of the message may take long; but for those of whom the
        sender is to be told, which comes first."""
        told = {outcome.recipient for outcome in wanted(queued.envelope, outcomes)}
        served = {outcome.recipient for outcome in outcomes if isinstance(outcome, Delivered)}
        try:
            if served - told:
                await self._queue.note(queued.envelope.id, served - told)
        except NotFound:
            self.log.info("{id}: dropped while it was under way", id=queued.envelope.id)
        except MailError as error:
            self.log.error("{id}: result not written: {error}", id=queued.envelope.id, error=error)
            return
        if not served & told:
            place.leave()
            self._look()

    async def _reported(self, queued: Queued, outcomes: Sequence[Outcome]) -> bool:
        id = queued.envelope.id
        body = await self._original(id)
        try:
            await self._reports.report(queued, outcomes, body)
        except MailError as error:
            self.log.error("{id}: notice not delivered yet: {error}", id=id, error=error)
            return False
        except Exception:
            self.log.failure("{id}: notice not delivered", id=id)
            return False
        finally:
            if body is not None:
                body.close()
        return True

    async def _original(self, id: str) -> IBody | None:
        """The message for the notice, which is worth sending without it."""
        try:
            return await self._queue.body(id)
        except MailError:
            return None

    def _log(self, queued: Queued, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            id, what = queued.envelope.id, type(outcome).__name__.lower()
            words = outcome.reply if isinstance(outcome, Delivered) else f"{outcome.status} {outcome.text}"
            host = f" by {outcome.host}" if outcome.host else ""
            # Made here: a format string would cost as much as a transaction's commands.
            self.log.info("{line}", line=printable(f"{id}: <{outcome.recipient}> {what}{host}: {words}"), id=id)
            if self._observer.listens:
                self._tell(queued.envelope.id, outcome, words)

    def _log_kept(self, id: str, kept: Mapping[Address, str]) -> None:
        for recipient, why in kept.items():
            self.log.info("{id}: <{recipient}> kept on hold: {why}", id=id, recipient=recipient, why=printable(why))
            self._observer.happened(Tried(self._clock.seconds(), id, str(recipient), "held", "", why))

    def _tell(self, id: str, outcome: Outcome, words: str) -> None:
        result = type(outcome).__name__.lower()
        recipient, at = str(outcome.recipient), self._clock.seconds()
        self._observer.happened(Tried(at, id, recipient, result, outcome.host, words))


def _kept(outcome: Outcome) -> Outcome:
    if not isinstance(outcome, Failed):
        return outcome
    status = Status(4, outcome.status.subject, outcome.status.detail)
    return Delayed(outcome.recipient, status, outcome.text, outcome.host)
