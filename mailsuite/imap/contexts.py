"""Searches whose results are kept up to date: RFC 5267 §4.3.

A ``Context`` knows the results in their order; ``remove`` and ``replace`` give the ESEARCH responses that bring the
client's list to the same.  What sequence numbers and ``$`` mean was decided when the search was asked (§4.3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from mailsuite import query as q
from mailsuite.imap.items import FetchItem
from mailsuite.imap.returns import esearch
from mailsuite.imap.sets import MAX_NUMBER, compress
from mailsuite.imap.view import View
from mailsuite.query import SAVED, STAR, Query, SortBy


def lasting(asked: Query, view: View) -> Query:
    """The query with what is decided now: sequence numbers and ``$`` are UIDs, and ``n:*`` reaches as far as UIDs
    go."""
    match asked:
        case q.And(parts):
            return q.And(tuple(lasting(part, view) for part in parts))
        case q.Or(left, right):
            return q.Or(lasting(left, view), lasting(right, view))
        case q.Not(part):
            return q.Not(lasting(part, view))
        case q.Uids(ranges) if ranges != SAVED:
            return q.Uids(tuple((low, MAX_NUMBER if high == STAR != low else high) for low, high in ranges))
        case q.Numbers() | q.Uids():
            return view.localize(asked, 0.0)
    return asked


class Context:
    """``uid``: the client is told UIDs.  ``order``: of a SORT; none for a SEARCH, whose results ascend.  ``items``:
    what to tell of new messages that become results (RFC 5465 §7)."""

    def __init__(
        self,
        tag: bytes,
        uid: bool,
        query: Query,
        order: tuple[SortBy, ...],
        found: Sequence[int],
        items: tuple[FetchItem, ...] = (),
    ) -> None:
        self.tag = tag
        self.uid = uid
        self.query = query
        self.order = order
        self.items = items
        self.found = list(found)

    def remove(self, gone: Collection[int], named: Callable[[Sequence[int]], Sequence[int]]) -> list[bytes]:
        """These are no results any more; ``named``: what UIDs are shown as now.  ret-data-removefrom, §4.3.4."""
        places = [place for place, uid in enumerate(self.found, 1) if uid in gone]
        if not places:
            return []
        shown = named([self.found[place - 1] for place in places])
        if self.order:  # from the last one on, so that no place moves before it was named
            pairs = [b"%d %d" % pair for pair in zip(reversed(places), reversed(shown), strict=True)]
        else:
            pairs = [b"0 " + compress(shown)]
        self.found = [uid for uid in self.found if uid not in gone]
        return [esearch(self.tag, self.uid, [b"REMOVEFROM (%b)" % b" ".join(pairs)])]

    def replace(self, ordered: Sequence[int], named: Callable[[Sequence[int]], Sequence[int]]) -> list[bytes]:
        """The results are these, which are more.  ret-data-addto, §4.3.3."""
        before = set(self.found)
        self.found = list(ordered)
        fresh = [(place, uid) for place, uid in enumerate(ordered, 1) if uid not in before]
        if not fresh:
            return []
        shown = named([uid for _, uid in fresh])
        if self.order:  # each place is right when those before it are filled
            pairs = [b"%d %d" % (place, number) for (place, _), number in zip(fresh, shown, strict=True)]
        else:
            pairs = [b"0 " + compress(shown)]
        return [esearch(self.tag, self.uid, [b"ADDTO (%b)" % b" ".join(pairs)])]
