"""Answers to FETCH that were read from the index lately, to be given again without SQLite and without a thread.

Clients ask the same of whole mailboxes whenever they list them.  Kept is only what follows from a message's octets and
internal date, which never change; when a message goes, all that is kept of its mailbox goes.  An answer is packed, one
object a column, and given only to who asks the same of the same messages.  All answers together are bounded, the one
that was given longest ago goes first.  Thread-safe: it is asked by the reactor, and told under the account's lock.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import msgspec

from mailsuite.model import Fetched

if TYPE_CHECKING:
    from mailsuite.store.folder import Folder

#: Octets of all answers.
MAX_OCTETS = 12 << 20
#: Messages that an answer worth keeping has.
MANY = 20
#: Octets that an answer takes besides those of its columns.
_OVERHEAD = 500

_ITEMS = frozenset(("size", "second", "envelope", "structure", "body", "emailid", "threadid"))

#: Numbers, or octets with NUL between them.
_Packed: TypeAlias = "array[int] | bytes"


class _Question(msgspec.Struct, frozen=True):
    """And the first of the messages, so that an answer makes room for the next one that begins with it."""

    folder: Folder
    items: tuple[str, ...]
    first: int


class _Answer(msgspec.Struct, frozen=True):
    uids: array[int]
    columns: tuple[_Packed, ...]
    question: int  # octets of it, at least

    @property
    def octets(self) -> int:
        return _OVERHEAD + self.question + sum(memoryview(column).nbytes for column in (self.uids, *self.columns))


class LatelyRead:
    """See the module."""

    def __init__(self, limit: int = MAX_OCTETS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._answers: OrderedDict[_Question, _Answer] = OrderedDict()
        self._questions: dict[Folder, set[_Question]] = {}
        #: Of all answers.
        self.octets = 0

    def find(self, folder: Folder, uids: Sequence[int], items: Sequence[str]) -> Fetched | None:
        """What was answered to that, if it is known still."""
        if len(uids) < MANY:
            return None
        question = _Question(folder, tuple(items), uids[0])
        with self._lock:
            answer = self._answers.get(question)
            if answer is None:
                return None
            self._answers.move_to_end(question)
        if answer.uids != array("I", uids):
            return None
        return Fetched(uids, tuple(map(_unpacked, answer.columns)))

    def keep(self, folder: Folder, items: Sequence[str], found: Fetched) -> None:
        """All that was asked for was there.  Under the account's lock."""
        if len(found) < MANY or not all(item in _ITEMS or item.startswith("fields ") for item in items):
            return
        columns = tuple(map(_packed, found.columns))
        if b"" in columns:
            return
        question = _Question(folder, tuple(items), found.uids[0])
        answer = _Answer(array("I", found.uids), columns, sum(map(len, items)))
        with self._lock:
            self._drop(question)
            self._answers[question] = answer
            self._questions.setdefault(folder, set()).add(question)
            self.octets += answer.octets
            while self.octets > self._limit:
                self._drop(next(iter(self._answers)))

    def forget(self, folder: Folder) -> None:
        """Messages of it are gone, or it is.  Under the account's lock."""
        with self._lock:
            for question in tuple(self._questions.get(folder, ())):
                self._drop(question)

    def _drop(self, question: _Question) -> None:
        answer = self._answers.pop(question, None)
        if answer is not None:
            self.octets -= answer.octets
            questions = self._questions[question.folder]
            questions.discard(question)
            if not questions:
                del self._questions[question.folder]


def _packed(column: Sequence[object]) -> _Packed:
    """Nothing for octets with NUL among them."""
    if isinstance(column[0], int):
        return array("q", cast(Sequence[int], column))
    octets = b"\0".join(cast(Sequence[bytes], column))
    return octets if octets.count(b"\0") == len(column) - 1 else b""


def _unpacked(column: _Packed) -> Sequence[object]:
    return column.split(b"\0") if isinstance(column, bytes) else column
