"""Deliveries that are recorded together and placed together: while one batch is being written, what arrives gathers.

Whoever delivers is answered when the batch is durable; the files follow in another thread, so that the next batch does
not wait for them, until so much is behind that deliveries must.  What was sent on before it was in its place is removed
in the same batches: what comes and what goes share a write.  A message that is large is prepared on its own first;
one whose account is busy with something long is recorded on its own after, so nobody waits for another's scan; of those
only some at a time hold a thread.  Bounded by the count and the octets of a batch and of what is behind; what waits is
bounded by the sessions, which have one message each.
"""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.disk.placement import SMALL_BODY, Busy, Placed, Placement, Unplaced, prepare, record_all, undo
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk, IOffload
from mailsuite.services.turns import Turns
from mailsuite.steps import Unit, Unlinks

#: Messages and octets in one batch.
MAX_COUNT = 100
MAX_OCTETS = 2 << 20
#: Messages in a batch that many clients must have sent.
MANY = 4
#: Messages and octets that are durable and not in their places, beyond which nothing more is recorded.
MAX_COUNT_BEHIND = 2000
MAX_OCTETS_BEHIND = 16 << 20
#: Batches that one job places.
MAX_FINISH = 32
#: Removals in one batch.
MAX_LEAVING = 500
#: Seconds that a batch waits for an account.
PATIENCE = 0.02
#: Messages of one account that are prepared, or wait for it, in threads at the same time.
AT_ONCE = 4
#: Seconds until what could not be placed is tried again.
TRY_AGAIN = 5.0

_T = TypeVar("_T")

_log = Logger()


class _Message:
    """What is to be placed, who waits for its being durable, and who is told when it is placed."""

    __slots__ = ("answer", "durable", "octets", "placed", "placements")

    def __init__(
        self,
        placements: Sequence[Placement],
        octets: int,
        placed: Callable[[], None],
        durable: Callable[[Passing], None] | None,
    ) -> None:
        self.placements = placements
        self.octets = octets
        self.placed = placed
        self.durable = durable
        self.answer: Deferred[None] = Deferred()

    @property
    def holders(self) -> list[str]:
        return [place.holder.name for place in self.placements]


class Passing:
    """``unplaced``, which ``batches`` remove (``queue.disk.Passing``)."""

    def __init__(self, batches: Batches, unplaced: Unplaced) -> None:
        self.perform = unplaced.perform
        self.forgo = unplaced.forgo
        self.over = batches.remove


class _Removal(msgspec.Struct, frozen=True, gc=False):
    """Of a message that never was in its place."""

    path: str
    done: Deferred[None]


class Batches:
    """Places messages on ``disk`` in threads of ``offload``."""

    def __init__(
        self,
        disk: IDisk,
        offload: IOffload,
        clock: IReactorTime,
        at_once: int = AT_ONCE,
        gather: float = -1.0,
        linger: float = -1.0,
        gather_many: float = -1.0,
        linger_many: float = -1.0,
        linger_passing: float = -1.0,
        stay: float = -1.0,
    ) -> None:
        """``at_once``: threads that messages of one account may hold beside the batch; fewer than ``offload`` has.
        ``gather`` and ``linger``: seconds for which a batch, and what is behind, waits for more; below 0 for none, and
        0 until the reactor has heard everybody who has spoken.  ``gather_many`` and ``linger_many``: the same after a
        batch of ``MANY`` or more: waking a thread costs as much as some messages do, and where many send, more come
        soon; where few do, who waits for mail hears of it sooner.  ``linger_passing``: the same for messages that may
        be over before they are in their places, below 0 for no difference.  ``stay``: seconds for which what is over
        waits for a batch to go with, below 0 for none."""
        self._disk = disk
        self._gather = gather
        self._gather_many = max(gather, gather_many)
        self._many = False
        self._linger = linger
        self._linger_many = max(linger, linger_many)
        self._linger_passing = linger_passing
        self._stay = stay
        self._leaving: list[_Removal] = []
        self._stayed: IDelayedCall | None = None
        self._offload = offload
        self._clock = clock
        self._turns = Turns(at_once)
        self._waiting: deque[_Message] = deque()
        self._recording = False
        self._behind: deque[tuple[Placed, Sequence[_Message]]] = deque()
        self._passing: list[tuple[Placed, Sequence[_Message]]] = []  # behind, too, with time
        self._count_behind = self._octets_behind = 0
        self._stuck: list[tuple[Placed, Sequence[_Message]]] = []  # what could not be placed
        self._told: set[str] = set()  # why
        self._finishing = False
        self._next_try: IDelayedCall | None = None
        self._passing_over: IDelayedCall | None = None
        self._turning = 0  # jobs for single messages
        self._closed: Deferred[None] | None = None

    def close(self) -> Deferred[None]:
        """Fires when everybody was answered, and told of what is in its place.  Nothing is tried again, for the next
        start places what is durable; and nothing more is taken."""
        closed: Deferred[None] = Deferred()
        self._closed = closed
        for call in (self._next_try, self._passing_over, self._stayed):
            if call is not None and call.active():
                call.cancel()
        self._record()
        self._tell_if_over()
        return closed

    def _tell_if_over(self) -> None:
        busy = self._recording or self._waiting or self._finishing or self._behind or self._turning
        if self._closed is not None and not self._closed.called and not busy:
            self._closed.callback(None)

    def place(
        self,
        placements: Sequence[Placement],
        octets: int,
        placed: Callable[[], None],
        durable: Callable[[Passing], None] | None = None,
    ) -> Deferred[None]:
        """In all places or none; fires when that is durable, fails with why not.  ``placed`` is called when all can be
        seen, ``durable`` just after it fired: where that is given, nobody waits for its being seen.  ``octets``: of
        its body."""
        message = _Message(placements, octets, placed, durable)
        if self._closed is not None and self._closed.called:
            message.answer.errback(Temporary("the server is stopping"))
            return message.answer
        if octets > SMALL_BODY:
            preparing = self._alone(message.holders, prepare, placements)
            preparing.addCallbacks(lambda _: self._add(message), message.answer.errback).addBoth(self._not_alone)
        else:
            self._add(message)
        return message.answer

    def remove(self, path: str) -> Deferred[None]:
        """Keep a message that was forgone from coming back after a crash; fires when that is durable."""
        removal = _Removal(path, Deferred())
        self._leaving.append(removal)
        self._record()
        return removal.done

    def _alone(self, names: Iterable[str], work: Callable[..., _T], *args: object) -> Deferred[_T]:
        """A job of its own; its last callback is ``_not_alone``."""
        self._turning += 1
        return Deferred.fromCoroutine(self._in_turn(names, work, *args))

    def _not_alone(self, result: _T) -> _T:
        self._turning -= 1
        self._tell_if_over()
        return result

    async def _in_turn(self, names: Iterable[str], work: Callable[..., _T], *args: object) -> _T:
        """In a thread; not more than some for each account of these."""
        async with self._turns.of(filter(None, names)):
            return await self._offload.run(work, *args)

    # -- recording -----------------------------------------------------------------------------------------------

    def _add(self, message: _Message) -> None:
        self._waiting.append(message)
        self._record()

    def _record(self) -> None:
        """The next batch, if none is under way and not too much is behind."""
        if self._too_much and self._stuck:
            self._refuse()
        if self._recording:
            return
        if self._waiting and not self._too_much:
            self._recording = True
            self._after(self._gather_many if self._many else self._gather, self._record_batch)
        elif self._leaving and self._stay < 0:
            self._record_removals()
        elif self._leaving and self._stayed is None and self._closed is None:
            self._stayed = self._clock.callLater(self._stay, self._record_removals)

    @property
    def _too_much(self) -> bool:
        """Behind, for anything more to be recorded."""
        return self._count_behind >= MAX_COUNT_BEHIND or self._octets_behind >= MAX_OCTETS_BEHIND

    def _record_removals(self) -> None:
        """They have waited for long enough, unless a batch took them along."""
        self._stayed = None
        if self._leaving and not self._recording:
            self._recording = True
            self._record_batch()

    def _refuse(self) -> None:
        """What is behind will not become less soon: nobody is to wait for that."""
        refused = [self._waiting.popleft() for _ in range(len(self._waiting))]
        for message in refused:
            self._offload.run(undo, message.placements)
            message.answer.errback(Temporary("messages accepted before cannot be put in their places"))

    def _record_batch(self) -> None:
        batch = [] if self._too_much else self._take()
        if batch:
            self._many = len(batch) >= MANY
        leaving, self._leaving = self._leaving[:MAX_LEAVING], self._leaving[MAX_LEAVING:]
        placements, over = [each.placements for each in batch], _removing([each.path for each in leaving])
        recording = self._offload.run(record_all, self._disk, placements, PATIENCE, over)
        both = (batch, leaving)
        recording.addCallbacks(self._recorded, self._not_recorded, callbackArgs=both, errbackArgs=both)

    def _after(self, seconds: float, work: Callable[[], None]) -> None:
        if seconds < 0:
            work()
        else:
            self._clock.callLater(seconds, work)

    def _take(self) -> list[_Message]:
        batch: list[_Message] = []
        octets = 0
        while self._waiting and len(batch) < MAX_COUNT and octets < MAX_OCTETS:
            batch.append(self._waiting.popleft())
            octets += min(batch[-1].octets, SMALL_BODY)
        return batch

    def _recorded(self, placed: Placed, batch: Sequence[_Message], leaving: Sequence[_Removal]) -> None:
        self._recording = False
        self._record()
        self._answer(placed, batch)
        error = next(filter(None, placed.over), None)
        for removal in leaving:
            if error is None:
                removal.done.callback(None)
            else:
                removal.done.errback(error)
        self._tell_if_over()

    def _not_recorded(self, failure: Failure, batch: Sequence[_Message], leaving: Sequence[_Removal]) -> None:
        self._recording = False
        self._record()
        for done in [*(message.answer for message in batch), *(removal.done for removal in leaving)]:
            done.errback(failure)
        self._tell_if_over()

    def _answer(self, placed: Placed, batch: Sequence[_Message]) -> None:
        """Those who wait; and see to it that what is durable is placed."""
        durable = [message for message, error in zip(batch, placed.errors, strict=True) if error is None]
        if durable or placed.over:
            self._count_behind += len(durable)
            self._octets_behind += sum(message.octets for message in durable)
            self._add_behind(placed, durable)
        for message, error in zip(batch, placed.errors, strict=True):
            if isinstance(error, Busy):
                alone = self._alone(message.holders, record_all, self._disk, [message.placements])
                alone.addCallbacks(self._answer, message.answer.errback, callbackArgs=([message],))
                alone.addBoth(self._not_alone)
            elif error is not None:
                message.answer.errback(error)
            else:
                message.answer.callback(None)
        for number, message in enumerate(batch):
            if message.durable is not None and placed.errors[number] is None:
                message.durable(Passing(self, placed.unplaced(number)))

    # -- placing -------------------------------------------------------------------------------------------------

    def _add_behind(self, placed: Placed, durable: Sequence[_Message]) -> None:
        if self._linger_passing < 0 or any(message.durable is None for message in durable):
            self._behind.append((placed, durable))
            self._finish()
            return
        if not self._passing and self._closed is None:
            self._passing_over = self._clock.callLater(self._linger_passing, self._passed)
        self._passing.append((placed, durable))
        if self._count_behind > MAX_COUNT_BEHIND // 2 or self._octets_behind > MAX_OCTETS_BEHIND // 2:
            self._passed()

    def _passed(self) -> None:
        """Their time is over, or there is no room for it."""
        self._behind += self._passing
        self._passing = []
        self._finish()

    def _finish(self) -> None:
        """What is behind, some of it, unless that is being done."""
        if not self._finishing and self._behind:
            self._finishing = True
            self._after(self._linger_many if self._many else self._linger, self._finish_some)

    def _finish_some(self) -> None:
        some = [self._behind[number] for number in range(min(MAX_FINISH, len(self._behind)))]
        self._offload.run(_finish_all, [placed for placed, _ in some]).addCallback(self._finished)

    def _finished(self, outcomes: Sequence[bool | Exception]) -> None:
        done: list[tuple[Placed, Sequence[_Message], bool]] = []
        for outcome in outcomes:
            placed, batch = self._behind.popleft()
            if isinstance(outcome, Exception):
                self._not_finished(outcome, placed, batch)
            else:
                done.append((placed, batch, outcome))
                self._count_behind -= len(batch)
                self._octets_behind -= sum(message.octets for message in batch)
        if not self._stuck and not self._behind:
            self._told.clear()
        self._finishing = False
        self._finish()
        self._record()
        for placed, batch, all_seen in done:
            if all_seen:
                _tell(batch)
            else:
                waiting = self._alone(placed.unseen, placed.finish)
                waiting.addCallbacks(lambda _, batch=batch: _tell(batch), self._never_seen).addBoth(self._not_alone)
        self._tell_if_over()

    def _never_seen(self, failure: Failure) -> None:
        """The files are there; whoever looks finds them."""
        _log.error("new messages are not announced: {reason}", reason=failure.getErrorMessage())

    def _not_finished(self, error: Exception, placed: Placed, batch: Sequence[_Message]) -> None:
        """It is durable, and will be placed at the next start at the latest.  Each reason is told once until all is."""
        if str(error) not in self._told:
            self._told.add(str(error))
            _log.error("accepted messages cannot be placed yet: {error}", error=error)
        if not self._stuck and self._closed is None:
            self._next_try = self._clock.callLater(TRY_AGAIN, self._try_again)
        self._stuck.append((placed, batch))

    def _try_again(self) -> None:
        self._behind += self._stuck
        self._stuck = []
        self._finish()


def _removing(paths: Sequence[str]) -> list[Unit]:
    """One step for all of a folder, and a unit for each."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        folder, name = posixpath.split(path)
        folders.setdefault(folder, []).append(name)
    return [(Unlinks(folder, names),) for folder, names in folders.items()]


def _tell(batch: Sequence[_Message]) -> None:
    for message in batch:
        message.placed()


def _finish_all(batches: Sequence[Placed]) -> list[bool | Exception]:
    """For each whether all is seen, or why it could not be finished."""
    return [_outcome(placed) for placed in batches]


def _outcome(placed: Placed) -> bool | Exception:
    try:
        return placed.finish(PATIENCE)
    except Exception as error:
        return error
