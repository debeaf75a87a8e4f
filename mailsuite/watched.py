"""What a text file says, known again until the file changes: lists that other programs write.

The file is looked at when somebody asks, once a second at most, and read in a thread.  A change counts once it is
``SETTLED`` seconds old, since a list that is just being written would be half a list; until then, and while the file
is gone or makes no sense, what it said before goes on to hold, and the log says why.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError, Temporary, TooBig
from mailsuite.interfaces import IOffload

_T = TypeVar("_T")

LOOK_AGAIN = 1.0
SETTLED = 2.0
#: Octets of a file; a million addresses have less.
LARGEST = 64 * 1024 * 1024


async def read_once(tables: Iterable[Callable[[], object]]) -> None:
    """Ask each of these (``Watched.get`` and what builds on it), so that what the files say now holds even if they make
    no sense when somebody first needs them."""
    for ask in tables:
        found = ask()
        if isinstance(found, Deferred):
            with contextlib.suppress(MailError):  # whoever needs it is told
                await found


class Watched(Generic[_T]):
    """``parse`` makes a value of the text of ``path`` (InvalidName says why not), in a thread; ``seconds`` since the
    epoch."""

    log = Logger()

    def __init__(self, path: str, parse: Callable[[str], _T], offload: IOffload, seconds: Callable[[], float]) -> None:
        self._path = path
        self._parse = parse
        self._offload = offload
        self._seconds = seconds
        self._looked = float("-inf")
        self._state: tuple[int, int, int] = (0, 0, 0)
        self._values: list[_T] = []
        self._reading: list[Deferred[_T]] = []

    def get(self) -> _T | Deferred[_T]:
        """At once where the file has not changed.  Fails with ``Temporary`` if it could never be read."""
        now = self._seconds()
        if self._values and (0 <= now - self._looked < LOOK_AGAIN or not self._has_changed(now)):
            return self._values[0]
        answer: Deferred[_T] = Deferred()
        self._reading.append(answer)
        if len(self._reading) == 1:
            self._offload.run(self._read).addBoth(self._tell)
        return answer

    def _has_changed(self, now: float) -> bool:
        self._looked = now
        try:
            found = os.stat(self._path)
        except OSError as error:
            self.log.warn("{path}: {error}; what it said before holds", path=self._path, error=error.strerror)
            return False
        state = (found.st_mtime_ns, found.st_size, found.st_ino)
        return state != self._state and not 0 <= now - found.st_mtime < SETTLED

    def _read(self) -> tuple[tuple[int, int, int], _T]:
        """In a thread."""
        try:
            with open(self._path, encoding="utf-8") as file:
                found = os.fstat(file.fileno())
                if found.st_size > LARGEST:
                    raise TooBig(f"more than {LARGEST} octets")
                return (found.st_mtime_ns, found.st_size, found.st_ino), self._parse(file.read(LARGEST))
        except (OSError, UnicodeDecodeError, MailError) as error:
            raise Temporary(f"{self._path}: {error}") from error

    def _tell(self, result: tuple[tuple[int, int, int], _T] | Failure) -> None:
        waiting, self._reading = self._reading, []
        self._looked = self._seconds()
        if not isinstance(result, Failure):
            self._state, value = result
            self._values = [value]
        elif self._values:
            self.log.error("{error}; what it said before holds", error=result.value)
        for one in waiting:
            one.callback(self._values[0] if self._values else cast(Failure, result))
