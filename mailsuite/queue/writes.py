"""Changes to the queue's files, made durable together: while one batch is being written, what comes gathers for the
next one.  In the order in which they were asked for, so that changes to one file never overtake each other; one of a
message that is being put in its place waits for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk, IOffload
from mailsuite.steps import Step, Unit

#: Changes in one batch.
AT_ONCE = 500


class Unplaced(Protocol):
    """A message that is durable, and perhaps not in its place yet."""

    def perform(self) -> None:
        """It is in its place when this returns; ``Temporary``.  Blocking."""


class _Change(msgspec.Struct, frozen=True, gc=False):
    """``unplaced`` is the message that ``unit`` removes, if it may not be there yet."""

    unit: Unit
    unplaced: Unplaced | None
    done: Deferred[None]


class Writes:
    """Commits to ``disk`` in threads of ``offload``."""

    def __init__(self, disk: IDisk, offload: IOffload) -> None:
        self._disk = disk
        self._offload = offload
        self._waiting: list[_Change] = []
        self._working = False

    def commit(self, *unit: Step, unplaced: Unplaced | None = None) -> Deferred[None]:
        """Fires when it is on disk, fails with ``Temporary``."""
        change = _Change(unit, unplaced, Deferred())
        self._waiting.append(change)
        if not self._working:
            self._begin()
        return change.done

    def _begin(self) -> None:
        batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        self._working = bool(batch)
        if batch:
            committing = self._offload.run(_commit, self._disk, batch)
            committing.addCallbacks(self._done, self._failed, callbackArgs=(batch,), errbackArgs=(batch,))

    def _done(self, errors: Sequence[Exception | None], batch: Sequence[_Change]) -> None:
        self._begin()
        for change, error in zip(batch, errors, strict=True):
            if error is None:
                change.done.callback(None)
            else:
                change.done.errback(error)

    def _failed(self, failure: Failure, batch: Sequence[_Change]) -> None:
        self._begin()
        for change in batch:
            change.done.errback(failure)


def _commit(disk: IDisk, changes: Sequence[_Change]) -> Sequence[Exception | None]:
    """In a thread: for each change why it was not made, or None."""
    errors = [_not_placed(change) for change in changes]
    left = [number for number, error in enumerate(errors) if error is None]
    recorded = disk.record([changes[number].unit for number in left])
    for unit, number in enumerate(left):
        errors[number] = recorded.errors[unit]
    recorded.perform()
    return errors


def _not_placed(change: _Change) -> Exception | None:
    """Why what is to be removed cannot be put in its place before."""
    try:
        if change.unplaced is not None:
            change.unplaced.perform()
    except (Temporary, OSError) as error:
        return error
    return None
