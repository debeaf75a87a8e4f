"""Answers read from a file, known again while the file does not change.

A file that was changed has another modification time, size or inode.  Times are coarse, so what is read within
``SETTLED`` seconds of a change is not remembered: another change could follow with the same time.  The file is looked
at no more often than every ``LOOK_AGAIN`` seconds, so that is how long an answer may outlive a change.  One thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")

#: Seconds after which a later change surely gets another time.
SETTLED = 2.0
#: Seconds between looks at the file: nobody who changes it can tell, and a busy server asks thousands of times.
LOOK_AGAIN = 0.05
#: Answers that are remembered.
LIMIT = 10_000


class Answers(Generic[_T]):
    """What ``path`` said; ``now`` gives epoch seconds."""

    def __init__(self, path: str, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._state: tuple[int, int, int] = (0, 0, 0)
        self._known: dict[object, _T] = {}
        #: The state at the last look, and when that was.
        self._seen = self._state
        self._looked = 0.0

    def get(self, question: object) -> _T | None:
        """The answer, if it is still true."""
        if not self._known:
            return None
        if not 0 <= self._now() - self._looked < LOOK_AGAIN:  # below 0: the clock was set back
            self.state()
        return self._known.get(question) if self._seen == self._state else None

    def state(self) -> tuple[int, int, int]:
        """To be asked before the file is read, and given to ``keep``; changes with the file."""
        self._looked = self._now()
        try:
            found = os.stat(self._path)
            self._seen = found.st_mtime_ns, found.st_size, found.st_ino
        except OSError:
            self._seen = (0, 0, 0)
        return self._seen

    def keep(self, question: object, answer: _T, state: tuple[int, int, int]) -> None:
        """It was read while, or after, the file was in that state."""
        if state != self._state or len(self._known) >= LIMIT:
            self._known.clear()
            self._state = state
        if state[2] and self._now() - state[0] / 1e9 > SETTLED:
            self._known[question] = answer
