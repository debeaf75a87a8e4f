"""Results that could not be written down (a full disk, one that fails), tried again until they are.

Until then whoever waits here keeps the places of the message: so a server that cannot write sends no more than it has
places for, and that is all that it would repeat if it were killed.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mailsuite.errors import MailError, NotFound
from mailsuite.interfaces import IQueue

#: Seconds from one attempt to the next.
AGAIN = 5.0


class Unwritten:
    """Of ``queue``."""

    log = Logger()

    def __init__(self, queue: IQueue, clock: IReactorTime) -> None:
        self._queue = queue
        self._clock = clock
        self._waiting: set[Deferred[None]] = set()
        self._stopping = False

    async def write(self, id: str, error: MailError) -> bool:
        """Whether it is written, when that is known: not before ``stop`` if it is not.  ``error``: why it was not."""
        self.log.error("{id}: result not written, tried again every {s} s: {error}", id=id, s=AGAIN, error=error)
        while not self._stopping:
            await self._pause()
            try:
                await self._queue.write(id)
            except NotFound:
                self.log.info("{id}: dropped while its result was not written", id=id)
            except MailError as problem:
                error = problem
                continue
            else:
                self.log.info("{id}: result written now", id=id)
            return True
        self.log.error("{id}: result not written, the next start repeats the attempt: {error}", id=id, error=error)
        return False

    def stop(self) -> None:
        """Everything is tried once more, now, and then no more."""
        self._stopping = True
        for waiting in list(self._waiting):
            waiting.callback(None)

    async def _pause(self) -> None:
        waiting: Deferred[None] = Deferred()
        self._waiting.add(waiting)
        timer = self._clock.callLater(AGAIN, waiting.callback, None)
        await waiting
        self._waiting.discard(waiting)
        if timer.active():
            timer.cancel()
