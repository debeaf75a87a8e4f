"""A search, a sort or a threading of one mailbox, as a row of jobs beside the account's lane.

What is known of the messages answers; what is not known yet is read on the way, some messages a job, so that others
have their turn in between.  Where the index of what messages hold cannot be had, they are all read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailsuite import query as q
from mailsuite.errors import Temporary
from mailsuite.store import finding, kept_fields, reading
from mailsuite.store.find_index import HEADER
from mailsuite.store.folder import Folder
from mailsuite.store.search import cost

if TYPE_CHECKING:
    from mailsuite.store.mailbox import Lane

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Messages that one job of a search looks at: by the index alone, in their headers, in their bodies.  A job ends sooner
#: if it has read much (``reading.SEARCH_OCTETS``).  Between the jobs others have their turn.
SEARCH_SLICES = (20_000, 500, 100)

_log = Logger()


class Searching:
    """In the mailbox ``folder``; ``so_far`` hears now and then of how many messages how many are done."""

    def __init__(self, lane: Lane, folder: Folder, so_far: Callable[[int, int], None] = q.unheard) -> None:
        self._lane = lane
        self._folder = folder
        self._so_far = so_far

    async def find(self, query: q.Query, uids: Sequence[int]) -> Sequence[int]:
        """Those of these, ascending, that match: by what is known of them; if that cannot be had, by reading them."""
        for _ in range(2):
            try:
                return await self._found(query, uids)
            except sqlite3.DatabaseError as error:
                if not self._lane.account.find_index.mend(error):
                    name = self._lane.account.name
                    _log.warn("{account} is searched without index: {error}", account=name, error=error)
                    break
        return await self._found_by_reading(query, uids, self._so_far)

    async def knowing(self, uids: Sequence[int], work: Callable[[], _T]) -> _T:
        """Do that when the headers of these are known."""
        for _ in range(2):
            try:
                await self._learn(await self._beside(finding.lacking, uids, HEADER), HEADER)
                return await self._lane.run_beside(work)
            except sqlite3.DatabaseError as error:
                if not self._lane.account.find_index.mend(error):
                    raise Temporary(f"what messages are sorted by is not to be had: {error}") from error
        raise Temporary("what messages are sorted by is not to be had")

    def _beside(self, work: Callable[Concatenate[Folder, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        self._lane.asks()
        return self._lane.run_beside(work, self._folder, *args, **kwargs)

    # -- by what is known ------------------------------------------------------------------------------------------

    async def _found(self, query: q.Query, uids: Sequence[int]) -> Sequence[int]:
        """The cheaper keys first, so that few messages are left to be read for others."""
        found: dict[finding.TextKey, set[int]] = {}
        top = cost(query)
        for level in range(top + 1):
            if keys := finding.text_keys(query, level) if uids else []:
                found |= await self._holding(keys, uids, level)
            said = query if level == top else finding.within(query, level)
            if uids and (level == top or not isinstance(said, q.All)):
                uids = await self._narrow(said, uids, found)
        return uids

    async def _holding(
        self, keys: Sequence[finding.TextKey], uids: Sequence[int], level: int
    ) -> dict[finding.TextKey, set[int]]:
        """Messages that hold them, each key's."""
        found: dict[finding.TextKey, set[int]] = {key: set() for key in keys}
        lacking: Sequence[int] = await self._beside(finding.lacking, uids, level)
        if level == HEADER and len(lacking) > finding.LEARN_HEADERS:
            lacking = await self._decided(found, lacking)
        await self._learn(lacking, level)
        for key in keys:
            found[key] |= await self._look_up(key, uids)
        return found

    async def _decided(self, found: dict[finding.TextKey, set[int]], uids: Sequence[int]) -> Sequence[int]:
        """Add what the kept header fields say; those of which they do not say all."""
        unknown: set[int] = set()
        for key, hits in found.items():
            if not isinstance(key, q.Header | q.SentDate):
                return uids
            for part in _slices(uids, kept_fields.AT_ONCE):
                decided = await self._beside(kept_fields.decide, key, part)
                hits.update(decided.found)
                unknown.update(decided.unknown)
        return sorted(unknown)

    async def _narrow(self, query: q.Query, uids: Sequence[int], found: finding.Found) -> Sequence[int]:
        left: list[int] = []
        for part in _slices(uids, SEARCH_SLICES[0]):
            left += await self._beside(finding.narrow, query, part, found)
        return left

    async def _learn(self, lacking: Sequence[int], level: int) -> None:
        """Let what is not known yet be read."""
        goal = len(lacking)
        while lacking:
            self._so_far(goal - len(lacking), goal)
            done = await self._beside(finding.learn, lacking, level)
            lacking = lacking[done:]

    async def _look_up(self, key: finding.TextKey, uids: Sequence[int]) -> set[int]:
        hits = await self._beside(finding.look_up, key)
        found = set(hits.found)
        uncertain = set(hits.uncertain).intersection(uids) - found
        if uncertain:  # their texts are kept in part
            found.update(await self._found_by_reading(key, sorted(uncertain)))
        return found

    # -- by reading ------------------------------------------------------------------------------------------------

    async def _found_by_reading(
        self, query: q.Query, uids: Sequence[int], so_far: Callable[[int, int], None] = q.unheard
    ) -> Sequence[int]:
        length = SEARCH_SLICES[cost(query)]
        found: list[int] = []
        start = 0
        while start < len(uids):
            so_far(start, len(uids))
            done = await self._beside(reading.search, query, uids[start : start + length])
            found += done.found
            start += done.examined
        return found


def _slices(uids: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (uids[start : start + size] for start in range(0, len(uids), size))
