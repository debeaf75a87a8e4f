"""New messages that wait to be rendered for the index, kept as runs of UIDs: a bulk of any size is one run.

What is forgotten here is rendered when it is asked for.  With the account's lock held.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

#: Runs that may wait.
MAX_RUNS = 10_000

_Folder = TypeVar("_Folder")


class Unrendered(Generic[_Folder]):
    """Of one account; the oldest are forgotten first."""

    def __init__(self, most: int = MAX_RUNS) -> None:
        self._runs: deque[tuple[_Folder, int, int]] = deque(maxlen=most)

    def add(self, folder: _Folder, uids: Iterable[int]) -> None:
        """Messages whose ENVELOPE and structure will be asked for."""
        for uid in uids:
            if self._runs and self._runs[-1][0] is folder and self._runs[-1][2] + 1 == uid:
                self._runs[-1] = (folder, self._runs[-1][1], uid)
            else:
                self._runs.append((folder, uid, uid))

    def take(self, limit: int) -> dict[_Folder, Sequence[int]]:
        """At most ``limit`` of them, by folder."""
        taken: dict[_Folder, list[int]] = {}
        while self._runs and limit:
            folder, low, high = self._runs.popleft()
            end = min(high + 1, low + limit)
            taken.setdefault(folder, []).extend(range(low, end))
            limit -= end - low
            if end <= high:
                self._runs.appendleft((folder, end, high))
        return dict(taken)

    def clear(self) -> None:
        self._runs.clear()
