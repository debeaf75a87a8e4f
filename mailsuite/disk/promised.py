"""Units that are durable in the journal, and of which the renames and removals of many files follow.

Promises that concern one another are a *chain*, kept in order.  Of those that wait in it only what comes of them is
done, where they are about the same files in the same order: what is renamed and renamed back stays, what is renamed and
then removed is only removed.  (After a crash ``replay`` finds a file under any of the names it had.)  It is done a
hundred files at a time, by the placer if there is one, so that others have their turn between.  Nothing is taken back:
what cannot be done now (a full disk) goes on where it broke off when somebody asks again.  Blocking; thread-safe.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
from zope.interface import implementer

from mailsuite.disk.many import Course
from mailsuite.disk.meaning import concerns_one_file
from mailsuite.errors import Temporary
from mailsuite.interfaces import IPromise
from mailsuite.steps import Many, Renames, Step, Unit, Unlinks, files, part

#: Files that are dealt with at once: some 1 ms, for which a delivery may have to wait.
AT_ONCE = 100


@implementer(IPromise)
class Kept:
    """A promise that is kept already; ``missed`` as ``IDisk.commit`` returns it."""

    done = True

    def __init__(self, missed: frozenset[int]) -> None:
        self.missed = missed

    def perform(self) -> None:
        """It is done."""


def follows(step: Step) -> bool:
    """Whether it may be done behind: many files lose their names, and nothing else is read or written."""
    return isinstance(step, Renames | Unlinks)


@implementer(IPromise)
class Promise:
    """The steps of ``unit`` that follow."""

    def __init__(self, unit: Unit, chain: Chain, finish: Callable[[], None]) -> None:
        """``finish`` is called when they are done; ``chain.add`` comes next."""
        self.unit = unit
        self.chain = chain
        self.done = False
        self.missed: frozenset[int] = frozenset()
        self._finish = finish

    def perform(self) -> None:
        self.chain.perform(self)

    def keep(self, missed: frozenset[int]) -> None:
        """It is done; these were not there."""
        self._finish()
        self.missed, self.unit = missed, ()
        self.done = True


class _Work(msgspec.Struct):
    """A step, done for the files below number ``start``; ``of``: whose it is, by promise the number that its first file
    has in the unit."""

    step: Many
    of: list[tuple[Promise, int]]
    start: int = 0


class Chain:
    """Promises that are kept in order."""

    def __init__(self, ask: Callable[[Many], list[int] | None], do: Callable[[Many, Course], None]) -> None:
        """``ask`` has somebody else do a step: the numbers that were not there, or None if it is not done, or in
        part; ``do`` does it here."""
        self._ask = ask
        self._do = do
        self._alone = threading.Lock()
        self._waiting: deque[Promise] = deque()
        self._begun: list[Promise] = []
        self._left: deque[_Work] = deque()  # of those that are begun
        self._missed: dict[Promise, set[int]] = {}

    def add(self, promise: Promise) -> None:
        """It is the last one now."""
        self._waiting.append(promise)

    def perform(self, promise: Promise) -> None:
        """Until this one is kept; ``Temporary``."""
        with self._alone:
            while not promise.done:
                if not self._begun:
                    self._begin()
                while self._left:
                    self._go_on(self._left[0])
                    if self._left[0].start == files(self._left[0].step):
                        self._left.popleft()
                self._end()

    def _begin(self) -> None:
        while self._waiting:
            self._begun.append(self._waiting.popleft())
        self._missed = {promise: set() for promise in self._begun}
        self._left = deque(_outcome(self._begun))

    def _end(self) -> None:
        for promise in self._begun:
            promise.keep(frozenset(self._missed[promise]))
        self._begun, self._missed = [], {}

    def _go_on(self, work: _Work) -> None:
        """Some more of it.  What somebody else did before he failed is missed here, which says no more than that it is
        worth a look."""
        step = part(work.step, work.start, work.start + AT_ONCE)
        course = Course()
        missed = self._ask(step)
        try:
            if missed is None:
                self._do_here(step, course)
            else:
                course.done, course.missed = files(step), missed
        finally:
            for promise, number in work.of:
                self._missed[promise].update(number + work.start + each for each in course.missed)
            work.start += course.done

    def _do_here(self, step: Many, course: Course) -> None:
        """A file whose name cannot be changed at all is missed: it keeps nobody else's from being changed."""
        try:
            self._do(step, course)
        except Temporary as error:
            if not concerns_one_file(error.__cause__):
                raise
            course.missed.append(course.done)
            course.done += 1


def _outcome(promises: Sequence[Promise]) -> list[_Work]:
    """What comes of all their steps."""
    found: list[_Work] = []
    for promise in promises:
        number = 0
        for step in promise.unit:
            if isinstance(step, Renames | Unlinks):
                _add(found, step, (promise, number))
            number += files(step)
    return [work for work in found if not _is_nothing(work.step)]


def _add(found: list[_Work], step: Many, of: tuple[Promise, int]) -> None:
    """It goes on from where one of these leads, if both are about the same files in the same order: between them
    nothing can be about any of these files, for none would have the name then that this step knows."""
    folder, names = (step.folder, step.names) if isinstance(step, Unlinks) else (step.old_folder, step.old)
    for work in found:
        before = work.step
        if isinstance(before, Renames) and before.new_folder == folder and list(before.new) == list(names):
            if isinstance(step, Unlinks):
                work.step = Unlinks(before.old_folder, before.old)
            else:
                work.step = Renames(before.old_folder, step.new_folder, before.old, step.new)
            work.of.append(of)
            return
    found.append(_Work(step, [of]))


def _is_nothing(step: Many) -> bool:
    """Whether all names are as they were."""
    if not isinstance(step, Renames) or step.old_folder != step.new_folder:
        return False
    return list(step.old) == list(step.new)
