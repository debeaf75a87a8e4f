"""Deliveries that are placed together: while one batch is being written, what arrives gathers for the next.

A message that is large is prepared on its own first; one whose account is busy with something long is placed on its
own after, so nobody waits for another's scan; of those only some at a time hold a thread.  Bounded by the count and the
octets of a batch; what waits is bounded by the sessions, which have one message each.  The reactor hears of a batch at
once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.disk.placement import SMALL_BODY, Busy, Placement, place_all, prepare
from mailsuite.interfaces import IDisk, IOffload
from mailsuite.services.turns import Turns

#: Messages and octets in one batch.
MAX_COUNT = 100
MAX_OCTETS = 2 << 20
#: Seconds that a batch waits for an account.
PATIENCE = 0.02
#: Messages of one account that are prepared, or wait for it, in threads at the same time.
AT_ONCE = 4

_T = TypeVar("_T")


class _Message:
    """What is to be placed, and who waits for it."""

    __slots__ = ("answer", "octets", "placements")

    def __init__(self, placements: Sequence[Placement], octets: int) -> None:
        self.placements = placements
        self.octets = octets
        self.answer: Deferred[None] = Deferred()


class Batches:
    """Places messages on ``disk`` in threads of ``offload``."""

    def __init__(self, disk: IDisk, offload: IOffload, at_once: int = AT_ONCE) -> None:
        """``at_once``: threads that messages of one account may hold beside the batch; fewer than ``offload`` has."""
        self._disk = disk
        self._offload = offload
        self._turns = Turns(at_once)
        self._waiting: deque[_Message] = deque()
        self._working = False

    def place(self, placements: Sequence[Placement], octets: int) -> Deferred[None]:
        """In all places or none; fires when they are there, fails with why not.  ``octets``: of its body."""
        message = _Message(placements, octets)
        if octets > SMALL_BODY:
            preparing = Deferred.fromCoroutine(self._in_turn(message, prepare, placements))
            preparing.addCallbacks(lambda _: self._add(message), message.answer.errback)
        else:
            self._add(message)
        return message.answer

    async def _in_turn(self, message: _Message, work: Callable[..., _T], *args: object) -> _T:
        """In a thread; not more than some for each account."""
        async with self._turns.of(place.holder.name for place in message.placements if place.holder.name):
            return await self._offload.run(work, *args)

    def _add(self, message: _Message) -> None:
        self._waiting.append(message)
        if not self._working:
            self._begin()

    def _begin(self) -> None:
        batch = self._take()
        self._working = bool(batch)
        if batch:
            placing = self._offload.run(place_all, self._disk, [each.placements for each in batch], PATIENCE)
            placing.addCallbacks(self._placed, self._failed, callbackArgs=(batch,), errbackArgs=(batch,))

    def _take(self) -> list[_Message]:
        batch: list[_Message] = []
        octets = 0
        while self._waiting and len(batch) < MAX_COUNT and octets < MAX_OCTETS:
            batch.append(self._waiting.popleft())
            octets += min(batch[-1].octets, SMALL_BODY)
        return batch

    def _placed(self, errors: Sequence[Exception | None], batch: Sequence[_Message]) -> None:
        self._begin()
        for message, error in zip(batch, errors, strict=True):
            if isinstance(error, Busy):
                placing = Deferred.fromCoroutine(self._in_turn(message, place_all, self._disk, [message.placements]))
                placing.addCallbacks(self._placed_alone, message.answer.errback, callbackArgs=(message,))
            else:
                _answer(message, error)

    def _failed(self, failure: Failure, batch: Sequence[_Message]) -> None:
        self._begin()
        for message in batch:
            message.answer.errback(failure)

    def _placed_alone(self, errors: Sequence[Exception | None], message: _Message) -> None:
        _answer(message, errors[0])


def _answer(message: _Message, error: Exception | None) -> None:
    if error is None:
        message.answer.callback(None)
    else:
        message.answer.errback(error)
