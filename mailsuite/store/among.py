"""Conditions of SQL on the rows of some messages of one mailbox.

A row's ``key`` is the mailbox's id and the UID in one number.  UIDs without a gap are a range, which SQLite walks
through; others are a JSON array, each of which it looks up.
"""

from __future__ import annotations

import json
from collections.abc import Collection

_AMONG = "key IN (SELECT ? + value FROM json_each(?))"


def among(id: int, uids: Collection[int]) -> tuple[str, tuple[object, ...]]:
    """The condition and its parameters; ``uids`` in any order."""
    if len(uids) == 1:
        return "key = ?", (id << 32 | next(iter(uids)),)
    if uids and max(uids) - min(uids) == len(set(uids)) - 1:
        return "key BETWEEN ? AND ?", (id << 32 | min(uids), id << 32 | max(uids))
    return _AMONG, (id << 32, json.dumps(list(uids)))
