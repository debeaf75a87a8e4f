"""Puts messages in their places: each in all of its places or in none, many of them with one wait for the disk.

Each place (a mailbox, the queue) hands in a ``Placement``.  ``prepare`` is for what takes long, without any lock: a
large body is written and synced under a name nobody looks at.  Then the ``Holder`` of each place is locked, all in the
order of their names; ``reserve`` is where quota and missing mailboxes show themselves; ``steps`` says what is to be
done.  The steps of one message are one unit of the disk, and all units are committed together.  What was committed is
published; what was not is undone, and nobody saw it.  A failure concerns one message.  Blocking: inside ``IOffload``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk
from mailsuite.steps import Step

#: Octets up to which a body goes through the disk's journal; larger ones are files of their own before.
SMALL_BODY = 256 * 1024


class Busy(Temporary):
    """A holder is locked by work that takes longer than one wanted to wait."""


class Holder(Protocol):
    """Who holds a place: an account, the queue."""

    @property
    def name(self) -> str:
        """Unlike that of any other holder."""

    def locked(self, patience: float = -1) -> AbstractContextManager[None]:
        """Alone with it.  ``Busy`` after so many seconds; below 0 is for ever."""

    def changing(self, placements: Sequence[Any]) -> AbstractContextManager[None]:
        """Around the commit of their steps."""

    def publish(self, placements: Sequence[Any]) -> None:
        """These are on disk; never raises."""


class Placement(Protocol):
    """One place a message goes to."""

    @property
    def holder(self) -> Holder:
        """Who is to be locked."""

    def prepare(self) -> None:
        """What is to be done before, if anything."""

    def reserve(self) -> None:
        """Keep room; the holder is locked.  What refuses the message does it here, before numbers are given."""

    def steps(self) -> Sequence[Step]:
        """What is to be committed; the holder is locked.  Called once."""

    def undo(self) -> None:
        """Give back what was reserved, remove what was prepared; idempotent, never raises."""


def place(disk: IDisk, placements: Sequence[Placement]) -> None:
    """One message; raises why it could not be placed, with nothing left behind."""
    prepare(placements)
    [error] = place_all(disk, [placements])
    if error is not None:
        raise error


def prepare(placements: Sequence[Placement]) -> None:
    """Raises what the first failing one raised, with nothing left behind."""
    try:
        for placement in placements:
            placement.prepare()
    except BaseException:
        _undo(placements)
        raise


def place_all(disk: IDisk, messages: Sequence[Sequence[Placement]], patience: float = -1) -> list[Exception | None]:
    """Messages that are prepared; for each, why it could not be placed.  One that is ``Busy`` was not touched and may
    be tried again."""
    batch = _Batch(messages)
    with contextlib.ExitStack() as locks:
        for holder in batch.holders():
            batch.enter(locks, holder, holder.locked(patience))
        units = batch.units()
        with contextlib.ExitStack() as changes:
            for holder in batch.holders():
                batch.enter(changes, holder, holder.changing(batch.placements(holder)))
            left = batch.left()
            for number, outcome in zip(left, disk.commit_all([units[number] for number in left]), strict=True):
                if isinstance(outcome, Exception):
                    batch.fail(number, outcome)
        for holder in batch.holders():
            holder.publish(batch.placements(holder))
    return batch.errors


class _Batch:
    """Messages that are placed together, and what became of each."""

    def __init__(self, messages: Sequence[Sequence[Placement]]) -> None:
        self._messages = messages
        self.errors: list[Exception | None] = [None] * len(messages)

    def left(self) -> list[int]:
        """Numbers of those with which nothing is wrong yet."""
        return [number for number, error in enumerate(self.errors) if error is None]

    def holders(self) -> list[Holder]:
        """Theirs, by name."""
        by_name = {place.holder.name: place.holder for number in self.left() for place in self._messages[number]}
        return [by_name[name] for name in sorted(by_name)]

    def placements(self, holder: Holder) -> list[Placement]:
        """Theirs with this one."""
        places = (place for number in self.left() for place in self._messages[number])
        return [place for place in places if place.holder.name == holder.name]

    def fail(self, number: int, error: Exception) -> None:
        self.errors[number] = error
        if not isinstance(error, Busy):
            _undo(self._messages[number])

    def enter(self, stack: contextlib.ExitStack, holder: Holder, context: AbstractContextManager[None]) -> None:
        """For all messages of a holder."""
        try:
            stack.enter_context(context)
        except Exception as error:
            for number in self.left():
                if any(place.holder.name == holder.name for place in self._messages[number]):
                    self.fail(number, error)

    def units(self) -> dict[int, list[Step]]:
        """What each message wants done."""
        units: dict[int, list[Step]] = {}
        for number in self.left():
            try:
                for place in self._messages[number]:
                    place.reserve()
                units[number] = [step for place in self._messages[number] for step in place.steps()]
            except Exception as error:
                self.fail(number, error)
        return units


def _undo(placements: Iterable[Placement]) -> None:
    for placement in placements:
        placement.undo()
