"""A unit that is durable in the journal, and of which the renames and removals of many files follow.

They are done some hundred files at a time, by the placer if there is one, so that others have their turn between; after
the unit that was promised before, if that is about the same files.  Nothing is taken back: what cannot be done now (a
full disk) goes on where it broke off when somebody asks again.  Blocking; thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from zope.interface import implementer

from mailsuite.disk.many import Course
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

    def __init__(
        self,
        unit: Unit,
        after: IPromise | None,
        ask: Callable[[Many], list[int] | None],
        do: Callable[[Many, Course], None],
        finish: Callable[[], None],
    ) -> None:
        """``ask`` has somebody else do a step: the numbers that were not there, or None if it is not done, or in
        part; ``do`` does it here; ``finish`` is called when all is done."""
        self.done = False
        self.missed: frozenset[int] = frozenset()
        self._after = after
        self._ask = ask
        self._do = do
        self._finish = finish
        self._missed: list[int] = []
        self._left = list(_parts(unit))[::-1]  # with the number of the first file, the next ones last
        self._alone = threading.Lock()

    def perform(self) -> None:
        with self._alone:
            if self._after is not None:
                self._after.perform()
                self._after = None
            while self._left:
                self._go_on(*self._left.pop())
            if not self.done:
                self._finish()
                self.missed = frozenset(self._missed)
                self.done = True

    def _go_on(self, number: int, step: Many) -> None:
        """This part; what is left of it when it breaks off stays.  What somebody else did before he failed is missed
        here, which says no more than that it is worth a look."""
        missed = self._ask(step)
        if missed is None:
            course = Course()
            try:
                self._do(step, course)
            except BaseException:
                self._left.append((number + course.done, part(step, course.done, files(step))))
                raise
            finally:
                self._missed += [number + each for each in course.missed]
        else:
            self._missed += [number + each for each in missed]


def _parts(unit: Unit) -> Iterator[tuple[int, Many]]:
    number = 0
    for step in unit:
        if isinstance(step, Renames | Unlinks):
            for start in range(0, files(step), AT_ONCE):
                yield number + start, part(step, start, start + AT_ONCE)
        number += files(step)
