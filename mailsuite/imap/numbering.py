"""Which messages a session knows of, and what they are called: sequence numbers and UIDs, RFC 3501 section 2.3.1.

A message that vanished keeps its number until its EXPUNGE was told, one that arrived has none until EXISTS was; what is
told when, ``imap.view`` decides.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from mailsuite import query
from mailsuite.imap.sets import ranges_of
from mailsuite.query import SAVED, STAR, Numbers, Query, Ranges, Uids, When


class Numbering:
    """``_uids`` are those of all messages, ascending; the client knows of the first ``_told``, of which ``_vanished``
    are gone.  Until they change they are those that it was given: sessions that only read share them."""

    def __init__(self, uids: Iterable[int], recent: Iterable[int]) -> None:
        #: UIDs that ``$`` stands for (RFC 5182).
        self.saved: Ranges = ()
        self._uids: array[int] | tuple[int, ...] = tuple(uids)
        self._told = len(self._uids)
        self._vanished: set[int] = set()
        self._recent: set[int] = set(recent)

    def _own_uids(self) -> array[int]:
        """To change them."""
        if isinstance(self._uids, tuple):
            self._uids = array("I", self._uids)
        return self._uids

    @property
    def messages(self) -> int:
        """How many the client knows of."""
        return self._told

    @property
    def uids(self) -> Sequence[int]:
        """Of all messages that the client knows of, ascending; they stay as they are."""
        return self._uids[: self._told]

    def resolve(self, messages: Numbers | Uids) -> list[int]:
        """UIDs, ascending; what is not there or has vanished is left out.  ValueError: a sequence number above
        ``messages`` (answer BAD, RFC 3501 section 9 ``seq-number``); in ``n:*`` it stands for the last."""
        uids: list[int] = []
        for start, end in self._spans(messages, strict=True):
            uids.extend(self._uids[start:end])
        if self._vanished:
            uids = [uid for uid in uids if uid not in self._vanished]
        return uids

    def expunge_issued(self, messages: Numbers | Uids) -> bool:
        """Whether some of these have vanished and the client could not know (``codes.EXPUNGEISSUED``)."""
        return any(
            self._vanished.intersection(self._uids[start:end])
            for start, end in (self._spans(messages) if self._vanished else ())
        )

    def numbers(self, uids: Sequence[int]) -> list[int]:
        """Sequence numbers of ascending UIDs that the client knows of; KeyError for others."""
        if not uids:
            return []
        first = self._index(uids[0])
        end = first + len(uids)
        if end <= self._told and self._uids[end - 1] == uids[-1]:  # as many between as asked: all of them
            return list(range(first + 1, end + 1))
        return [self._index(uid) + 1 for uid in uids]

    def everything(self) -> set[int]:
        """UIDs of all messages that are not known to have vanished, also of those that the client does not know of."""
        return set(self._uids) - self._vanished

    def shown(self, uids: Sequence[int], uid: bool) -> Sequence[int]:
        """What an answer names of messages that the client knows of, in any order: UIDs, or sequence numbers."""
        if uid:
            return uids
        ascending = sorted(uids)
        number = dict(zip(ascending, self.numbers(ascending), strict=True))
        return list(map(number.__getitem__, uids))

    def still_there(self, uids: Sequence[int]) -> list[int]:
        """Those of these, which the client knows of, that are not known to have vanished."""
        return [uid for uid in uids if uid not in self._vanished] if self._vanished else list(uids)

    def following(self, uid: int, count: int) -> list[int]:
        """So many UIDs, or as many as there are, from this one on, which the client knows of; KeyError if not."""
        first = self._index(uid)
        return list(self._uids[first : min(first + count, self._told)])

    def holds(self, uid: int) -> bool:
        """Whether the client knows it and it is not known to have vanished."""
        return self._find(uid) < self._told and uid not in self._vanished

    def localize(self, asked: Query, now: float) -> Query:
        """``Numbers``, ``IsRecent``, ``*`` and ``$`` turned into plain ``Uids``, ``Age`` into ``Dated``; what is out of
        range matches nothing.  ``now``: epoch seconds."""
        match asked:
            case query.And(parts):
                return query.And(tuple(self.localize(part, now) for part in parts))
            case query.Or(left, right):
                return query.Or(self.localize(left, now), self.localize(right, now))
            case query.Not(part):
                return query.Not(self.localize(part, now))
            case query.IsRecent():
                return Uids(ranges_of(sorted(self._recent)))
            case query.Age(older, seconds):
                return query.Dated(When.BEFORE if older else When.SINCE, int(now) - seconds)
            case Numbers() | Uids():
                return Uids(tuple((self._uids[start], self._uids[end - 1]) for start, end in self._spans(asked)))
        return asked

    def _spans(self, messages: Numbers | Uids, strict: bool = False) -> list[tuple[int, int]]:
        """Index ranges, ascending, end excluded, not touching; only what the client knows of."""
        ranges, numbers = messages.ranges, isinstance(messages, Numbers)
        if ranges == SAVED:
            ranges, numbers = self.saved, False
        place = self._number_span if numbers else self._uid_span
        spans = sorted(place(low, high, strict) for low, high in ranges)
        merged: list[tuple[int, int]] = []
        for start, end in spans:
            if start >= end:
                continue
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def _number_span(self, low: int, high: int, strict: bool) -> tuple[int, int]:
        last = self._told
        if strict and high != STAR and high > last:
            there = "is 1 message" if last == 1 else f"are {last} messages"
            raise ValueError(f"there {there}, number {high} is none of them")
        if high == STAR:
            low, high = last if low == STAR else min(low, last), last
        return max(low, 1) - 1, min(high, last)

    def _uid_span(self, low: int, high: int, strict: bool) -> tuple[int, int]:
        if not self._told:
            return 0, 0
        if high == STAR:
            high = self._uids[self._told - 1]
            low = high if low == STAR else min(low, high)
        return bisect_left(self._uids, low, 0, self._told), bisect_right(self._uids, high, 0, self._told)

    def _places(self, uids: Sequence[int]) -> Sequence[int]:
        """``_find`` of many: at the cost of one where they ascend and stand side by side, as most do where they are
        many."""
        first = self._find(uids[0]) if uids else 0
        if list(self._uids[first : first + len(uids)]) == list(uids):
            return range(first, first + len(uids))
        return list(map(self._find, uids))

    def _find(self, uid: int) -> int:
        """The index of a UID; one past the end if it is not there."""
        index = bisect_left(self._uids, uid)
        return index if index < len(self._uids) and self._uids[index] == uid else len(self._uids)

    def _index(self, uid: int) -> int:
        index = self._find(uid)
        if index >= self._told:
            raise KeyError(uid)
        return index
