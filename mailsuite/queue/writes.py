"""Changes to the queue's files, made durable together: while one batch is being written, what comes gathers for the
next one.  In the order in which they were asked for, so that changes to one file never overtake each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.interfaces import IDisk, IOffload
from mailsuite.steps import Step, Unit

#: Changes in one batch.
AT_ONCE = 500


class Writes:
    """Commits to ``disk`` in threads of ``offload``."""

    def __init__(self, disk: IDisk, offload: IOffload) -> None:
        self._disk = disk
        self._offload = offload
        self._waiting: list[tuple[Unit, Deferred[None]]] = []
        self._working = False

    def commit(self, *unit: Step) -> Deferred[None]:
        """Fires when it is on disk, fails with ``Temporary``."""
        done: Deferred[None] = Deferred()
        self._waiting.append((unit, done))
        if not self._working:
            self._begin()
        return done

    def _begin(self) -> None:
        batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        self._working = bool(batch)
        if batch:
            committing = self._offload.run(_commit, self._disk, [unit for unit, _ in batch])
            committing.addCallbacks(self._done, self._failed, callbackArgs=(batch,), errbackArgs=(batch,))

    def _done(self, errors: Sequence[Exception | None], batch: Sequence[tuple[Unit, Deferred[None]]]) -> None:
        self._begin()
        for (_, done), error in zip(batch, errors, strict=True):
            if error is None:
                done.callback(None)
            else:
                done.errback(error)

    def _failed(self, failure: Failure, batch: Sequence[tuple[Unit, Deferred[None]]]) -> None:
        self._begin()
        for _, done in batch:
            done.errback(failure)


def _commit(disk: IDisk, units: Sequence[Unit]) -> Sequence[Exception | None]:
    """In a thread: for each unit why it was not done, or None."""
    recorded = disk.record(units)
    recorded.perform()
    errors: Sequence[Exception | None] = recorded.errors
    return errors
