"""What a mailbox holds, in memory: UIDs and flags of its messages, so that SELECT, STATUS and FLAGS need no SQL.

A copy of what the index says, made when it is first asked for and kept in step under the account's lock.  What is
handed out is a tuple that nothing changes; it is made once and shared by all who ask until something changes.  Equal
flags are one object, so a message costs some 50 octets.  ``Shelf`` bounds what all mailboxes together keep.
"""

from __future__ import annotations

import bisect
import itertools
import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from mailsuite.model import DELETED, SEEN, Flags

#: Messages in mailboxes whose contents are kept in memory.
MAX_KEPT = 1_000_000


class _Frozen(msgspec.Struct, frozen=True):
    """What is handed out."""

    uids: tuple[int, ...]
    flags: tuple[Flags, ...]
    first_unseen: int


class Contents:
    """Messages by ascending UID."""

    def __init__(self, uids: list[int], flags: list[Flags], recent: set[int], size: int) -> None:
        """``recent`` are those that no session has claimed; ``size`` is octets as sent."""
        self._uids = uids
        self._flags = flags
        self._counts = Counter(flags)
        self._frozen: _Frozen | None = None
        self.recent = recent
        self.size = size

    def __len__(self) -> int:
        return len(self._uids)

    @property
    def uids(self) -> tuple[int, ...]:
        return self._freeze().uids

    @property
    def flags(self) -> tuple[Flags, ...]:
        """In step with ``uids``."""
        return self._freeze().flags

    @property
    def first_unseen(self) -> int:
        """The number of the first message without \\Seen, 0 if there is none."""
        return self._freeze().first_unseen

    @property
    def is_frozen(self) -> bool:
        """Whether what is handed out is made."""
        return self._frozen is not None

    def _freeze(self) -> _Frozen:
        if self._frozen is None:
            numbers = (number for number, flags in enumerate(self._flags, 1) if SEEN not in flags)
            first_unseen = next(numbers) if self.unseen else 0
            self._frozen = _Frozen(tuple(self._uids), tuple(self._flags), first_unseen)
        return self._frozen

    @property
    def unseen(self) -> int:
        return sum(count for flags, count in self._counts.items() if SEEN not in flags)

    @property
    def deleted(self) -> int:
        return sum(count for flags, count in self._counts.items() if DELETED in flags)

    def add(self, uids: Sequence[int], flags: Sequence[Flags], recent: Iterable[int], size: int) -> None:
        """New messages, in any order."""
        uids_too = [*self._uids[-1:], *uids]
        if any(uid > following for uid, following in itertools.pairwise(uids_too)):
            merged = sorted([*zip(self._uids, self._flags, strict=True), *zip(uids, flags, strict=True)], key=_first)
            self._uids, self._flags = [uid for uid, _ in merged], [each for _, each in merged]
        else:
            self._uids += uids
            self._flags += flags
        self._counts.update(flags)
        self.recent.update(recent)
        self.size += size
        self._frozen = None

    def remove(self, uids: Iterable[int], size: int) -> None:
        """These, of so many octets, are gone."""
        gone = set(uids)
        kept = [number for number, uid in enumerate(self._uids) if uid not in gone]
        self._uids = [self._uids[number] for number in kept]
        self._flags = [self._flags[number] for number in kept]
        self._counts = Counter(self._flags)
        self.recent -= gone
        self.size -= size
        self._frozen = None

    def place(self, uids: Collection[int], in_new: bool) -> None:
        """The files of these lie in ``new``, or not."""
        if in_new:
            self.recent.update(uids)
        else:
            self.recent.difference_update(uids)

    def change(self, flags: Mapping[int, Flags]) -> None:
        """UID -> what its flags are now; those that are there."""
        if len(flags) * 10 > len(self._uids):
            self._flags = [flags.get(uid, was) for uid, was in zip(self._uids, self._flags, strict=True)]
            self._counts = Counter(self._flags)
        else:
            for uid, now in flags.items():
                number = bisect.bisect_left(self._uids, uid)
                if number < len(self._uids) and self._uids[number] == uid:
                    self._counts[self._flags[number]] -= 1
                    self._counts[now] += 1
                    self._flags[number] = now
        self._frozen = None


def _first(pair: tuple[int, Flags]) -> int:
    return pair[0]


class Holder(Protocol):
    """A mailbox that keeps its contents."""

    def put_away(self) -> None:
        """Forget them; any thread."""


class Shelf:
    """Who keeps contents, last used last; of many, those used longest ago are asked to forget.  Thread-safe."""

    def __init__(self, limit: int = MAX_KEPT) -> None:
        """``limit``: messages."""
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[Holder, int] = OrderedDict()
        self._messages = 0

    def use(self, holder: Holder, messages: int) -> None:
        """It keeps so many."""
        with self._lock:
            self._messages += messages - self._kept.get(holder, 0)
            self._kept[holder] = messages
            self._kept.move_to_end(holder)
            while self._messages > self._limit and len(self._kept) > 1:
                other, count = self._kept.popitem(last=False)
                self._messages -= count
                other.put_away()

    def leave(self, holder: Holder) -> None:
        """It keeps nothing any more."""
        with self._lock:
            self._messages -= self._kept.pop(holder, 0)
