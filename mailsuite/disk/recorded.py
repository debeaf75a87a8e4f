"""Units that are durable in the journal and not yet done: who wants to see their effects does them, once.

What was recorded was promised, so nothing is taken back: what cannot be done now (a full disk) is tried again, from the
step at which it broke off, by the next who asks, and keeps no other unit from being done; a folder that another program
has removed meanwhile is made again.  Blocking; thread-safe.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from zope.interface import implementer

from mailsuite.disk.applying import Applied
from mailsuite.disk.frames import decode_unit
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk, IRecorded
from mailsuite.steps import Link, Put, Rename, Single, Step, Unit, singles


@implementer(IRecorded)
class Recorded:
    """``errors`` are those of the units; ``finish`` does the steps of the others, and may be called again if it
    raised; ``forgo`` has it leave out those of one, if it has not begun."""

    def __init__(
        self,
        errors: Sequence[Exception | None],
        finish: Callable[[], None] | None = None,
        forgo: Callable[[int], bool] | None = None,
    ) -> None:
        self.errors = errors
        self.done = finish is None
        self._finish = finish
        self._forgo = forgo
        self._alone = threading.Lock()

    def perform(self) -> None:
        with self._alone:
            if self._finish is not None:
                self._finish()
                self._finish = None
                self.done = True

    def forgo(self, unit: int) -> bool:
        if self._forgo is None or not self._alone.acquire(blocking=False):
            return False
        try:
            return self._finish is not None and self._forgo(unit)
        finally:
            self._alone.release()


class Placer(Protocol):
    """Somebody else who does units, so that this process need not (``disk.placer_process``)."""

    def start(self, base: str, lock: int) -> None: ...

    def perform(self, units: Sequence[bytes]) -> bool: ...

    def change(self, unit: bytes) -> list[int] | None: ...

    def close(self) -> None: ...


class Behind:
    """Encoded units whose steps are to be done on ``disk``; what broke off goes on where it was."""

    def __init__(
        self, disk: IDisk, encoded: Sequence[bytes], base: str, put: Callable[[Put], None], placer: Placer | None
    ) -> None:
        """``base`` is what paths are relative to, ``put`` does a ``Put``."""
        self._disk = disk
        self._encoded = list(encoded)
        self._base = base
        self._applied = Applied(disk, put)
        self._placer = placer
        self._left: list[list[Single]] = []  # of each unit
        self._copies: dict[str, Put] = {}
        self._unsure = False  # somebody may have done some of them already

    def finish(self) -> None:
        """``Temporary``, OSError, if that cannot be now."""
        encoded, self._encoded = [unit for unit in self._encoded if unit], []
        if encoded and not (self._placer is not None and self._placer.perform(encoded)):
            decoded = (decode_unit(unit, self._base) for unit in encoded)
            self._left = [[single for step in unit for single in singles(step)] for unit in decoded]
            self._copies = _copies(single for unit in self._left for single in unit)
            self._unsure = self._placer is not None
        failed: list[Exception] = []
        for unit in self._left:
            try:
                self._go_on(unit)
            except (Temporary, OSError) as error:  # a folder that is not ours any more keeps nobody from the others
                failed.append(error)
        self._left = [unit for unit in self._left if unit]
        if failed:
            raise failed[0]
        self._copies = {}

    def forgo(self, unit: int) -> bool:
        """Leave out the steps of this one; whether that could still be."""
        if not self._encoded:
            return False
        self._encoded[unit] = b""
        return True

    def _go_on(self, unit: list[Single]) -> None:
        while unit:
            if not (self._unsure and _is_done(unit[0])):
                self._do(unit[0])
            del unit[0]

    def _do(self, step: Single) -> None:
        if isinstance(step, Link) and step.new in self._copies and not os.path.lexists(step.old):
            step = self._copies[step.new]  # another program, or a session, has the first one under another name already
        if isinstance(step, Link | Rename) and not os.path.isdir(os.path.dirname(step.new)):
            self._disk.make_folder(os.path.dirname(step.new))
        try:
            self._applied.do(step)
        except Temporary:
            self._unsure = True
            if not isinstance(step, Put) or os.path.isdir(os.path.dirname(step.path)):
                raise
            for path in (step.path, step.temporary):
                self._disk.make_folder(os.path.dirname(path))
            self._applied.do(step)


def links_first(unit: Unit) -> Unit:
    """The same, but a file that is renamed has its other names before the one under which somebody may find it, and
    take it away."""
    before = {step.new: step.old for step in unit if isinstance(step, Rename)}
    if not before:
        return unit
    links: list[Step] = []
    others: list[Step] = []
    for step in unit:
        if isinstance(step, Link) and step.old in before:
            before[step.new] = before[step.old]
            links.append(Link(before[step.old], step.new))
        else:
            others.append(step)
    return [*links, *others]


def _copies(steps: Iterable[Single]) -> dict[str, Put]:
    """What makes a copy of the file, for each ``Link`` to one that is put."""
    puts: dict[str, Put] = {}
    copies: dict[str, Put] = {}
    for step in steps:
        match step:
            case Put():
                puts[step.path] = step
            case Link() if put := puts.get(step.old):
                puts[step.new] = copies[step.new] = Put(step.new, put.data, mtime=put.mtime, mode=put.mode)
    return copies


def _is_done(step: Single) -> bool:
    """Names are given once, so what has its name is done."""
    match step:
        case Put():
            return bool(step.via) and os.path.lexists(step.path)
        case Link():
            return os.path.lexists(step.new)
    return False
