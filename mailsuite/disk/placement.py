"""Puts messages in their places: each in all of its places or in none, many of them with one wait for the disk.

Each place (a mailbox, the queue) hands in a ``Placement``.  ``prepare`` is for what takes long, without any lock: a
large body is written and synced under a name nobody looks at.  Then the ``Holder`` of each place is locked, all in the
order of their names; ``reserve`` is where quota and missing mailboxes show themselves; ``steps`` says what is to be
done.  The steps of one message are one unit of the disk, and all units are recorded together: now they are durable, and
their senders may be answered.  ``Placed.finish`` does the steps and lets the messages be seen; a holder does so itself
before anybody looks at what it holds.  What could not be recorded is undone, and nobody saw it.  A failure concerns one
message.  Blocking: inside ``IOffload``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk, IRecorded
from mailsuite.steps import Step, Unit

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

    def expect(self, placements: Sequence[Any], recorded: IRecorded) -> None:
        """These are durable, and in their places once ``recorded`` is done; the holder is locked.  Never raises."""

    def publish(self) -> None:
        """Let what is expected and done be seen; the holder is locked.  Never raises."""


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
    """One message, seen when this returns; raises why it could not be placed, with nothing left behind."""
    prepare(placements)
    [error] = place_all(disk, [placements])
    if error is not None:
        raise error


def place_all(disk: IDisk, messages: Sequence[Sequence[Placement]], patience: float = -1) -> Sequence[Exception | None]:
    """``record_all`` and ``finish``; ``Temporary`` if what is promised is not to be seen yet."""
    placed = record_all(disk, messages, patience)
    placed.finish()
    return placed.errors


def prepare(placements: Sequence[Placement]) -> None:
    """Raises what the first failing one raised, with nothing left behind."""
    try:
        for placement in placements:
            placement.prepare()
    except BaseException:
        undo(placements)
        raise


class Unplaced:
    """A message that is durable, and perhaps not in its places yet.  Any thread."""

    def __init__(self, recorded: IRecorded, unit: int) -> None:
        self._recorded = recorded
        self._unit = unit

    def forgo(self) -> bool:
        """It need not be placed any more; whether it will not be (``IRecorded.forgo``)."""
        return self._recorded.forgo(self._unit)

    def perform(self) -> None:
        """It is placed when this returns, if it is not forgone; ``Temporary``.  Blocking."""
        self._recorded.perform()


class Placed:
    """What became of messages.  ``errors``: for each why it was not placed, or None if it is durable in all its places.
    One that is ``Busy`` was not touched and may be tried again."""

    def __init__(
        self,
        errors: Sequence[Exception | None],
        recorded: IRecorded,
        holders: Sequence[Holder],
        units: Sequence[int],
        over: Sequence[Exception | None] = (),
    ) -> None:
        """``units``: the number of the message of each unit in ``recorded``.  ``over``: for each unit that came with
        the messages why it is not durable, or None."""
        self.errors = errors
        self.over = over
        self._recorded = recorded
        self._holders = holders
        self._units = units

    def unplaced(self, number: int) -> Unplaced:
        """This message, which has no error."""
        return Unplaced(self._recorded, self._units.index(number))

    def finish(self, patience: float = -1) -> bool:
        """Let them be seen; whether all are, or some holder was busy for so many seconds.  ``Temporary`` if that cannot
        be now.  To be called again in both cases."""
        self._recorded.perform()
        left = []
        for holder in self._holders:
            try:
                with holder.locked(patience):
                    holder.publish()
            except Busy:
                left.append(holder)
        self._holders = left
        return not left

    @property
    def unseen(self) -> list[str]:
        """Names of the holders in which they cannot be seen yet."""
        return [holder.name for holder in self._holders]


def record_all(
    disk: IDisk, messages: Sequence[Sequence[Placement]], patience: float = -1, over: Sequence[Unit] = ()
) -> Placed:
    """Make messages that are prepared durable; ``Placed.finish`` is to follow.  ``over``: what removes messages that
    were forgone, durable together with them; there is nothing to be removed, unless after a crash."""
    batch = _Batch(messages)
    with contextlib.ExitStack() as locks:
        batch.lock(locks, patience)
        units = batch.units()
        recorded = disk.record([*units.values(), *over])
        for number, error in zip(units, recorded.errors, strict=False):
            if error is not None:
                batch.fail(number, error)
        by_holder = batch.by_holder()
        for holder, placements in by_holder:
            holder.expect(placements, recorded)
    for unit, error in enumerate(recorded.errors[len(units) :], len(units)):
        if error is None:
            recorded.forgo(unit)
    holders = [holder for holder, _ in by_holder]
    return Placed(batch.errors, recorded, holders, list(units), recorded.errors[len(units) :])


class _Batch:
    """Messages that are placed together, and what became of each."""

    def __init__(self, messages: Sequence[Sequence[Placement]]) -> None:
        self._messages = messages
        self.errors: list[Exception | None] = [None] * len(messages)

    def _left(self) -> Iterator[int]:
        """Numbers of those with which nothing is wrong yet."""
        return (number for number, error in enumerate(self.errors) if error is None)

    def by_holder(self) -> list[tuple[Holder, list[Placement]]]:
        """Theirs, in the order of the names."""
        found: dict[str, tuple[Holder, list[Placement]]] = {}
        for number in self._left():
            for place in self._messages[number]:
                holder = place.holder
                known = found.get(holder.name)
                if known is None:
                    known = found[holder.name] = (holder, [])
                known[1].append(place)
        return [found[name] for name in sorted(found)]

    def fail(self, number: int, error: Exception) -> None:
        self.errors[number] = error
        if not isinstance(error, Busy):
            undo(self._messages[number])

    def lock(self, stack: contextlib.ExitStack, patience: float) -> None:
        """All holders; what goes to one that cannot be locked fails."""
        for holder, _ in self.by_holder():
            try:
                stack.enter_context(holder.locked(patience))
            except Exception as error:
                for number in list(self._left()):
                    if any(place.holder.name == holder.name for place in self._messages[number]):
                        self.fail(number, error)

    def units(self) -> dict[int, list[Step]]:
        """What each message wants done."""
        units: dict[int, list[Step]] = {}
        for number in list(self._left()):
            try:
                for place in self._messages[number]:
                    place.reserve()
                units[number] = [step for place in self._messages[number] for step in place.steps()]
            except Exception as error:
                self.fail(number, error)
        return units


def undo(placements: Iterable[Placement]) -> None:
    """Nothing is left of what was prepared or reserved."""
    for placement in placements:
        placement.undo()
