"""SORT, RFC 5256 §3: messages in the order of several criteria."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailsuite.query import SortBy, SortKey

#: The field of ``ordering.Ordering`` that a key compares; the others compare what the store knows.
FIELDS = {
    SortKey.CC: "cc",
    SortKey.DATE: "sent",
    SortKey.DISPLAYFROM: "shown_sender",
    SortKey.DISPLAYTO: "shown_to",
    SortKey.FROM: "sender",
    SortKey.SUBJECT: "subject",
    SortKey.TO: "to",
}


def in_order(uids: Sequence[int], columns: dict[SortKey, Sequence[Any]], criteria: Sequence[SortBy]) -> list[int]:
    """``uids`` ascend; a column has a value for each.  Equal ones stay in mailbox order, also where ``reverse``."""
    places = list(range(len(uids)))
    for each in reversed(criteria):
        places.sort(key=columns[each.key].__getitem__, reverse=each.reverse)
    return list(map(uids.__getitem__, places))
