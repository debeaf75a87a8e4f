"""Another user's mailbox: what one may not do fails, and flags that one may not change stay as they are.

Rights are asked for at each call that reads or changes messages, so what an owner takes away is gone at once (RFC 4314
section 5.1.1 leaves that free).  UIDs and flags are the mailbox's own: all its users see the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.errors import MailError, NotAllowed
from mailsuite.interfaces import IBody, IMailbox, INotes, IWatch
from mailsuite.model import Fetched, FlagOp, Flags, Forest, Listing, Snapshot
from mailsuite.query import Query, Ranges, SortBy, ThreadAlgorithm, unheard
from mailsuite.sharing.names import Namespace
from mailsuite.sharing.permission import FLAG_RIGHTS, demand, permitted

#: Messages whose flags are asked for in one call.
_AT_ONCE = 1000

_Stored = tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]


@implementer(IMailbox)
class SharedMailbox:
    """``inner`` as ``user`` may use it; ``notes`` are its owner's."""

    def __init__(self, inner: IMailbox, notes: INotes, namespace: Namespace, user: str) -> None:
        self.inner = inner
        self._notes = notes
        self._namespace = namespace
        self._user = user

    @property
    def name(self) -> str:
        return self._namespace.show(self.inner.account, self.inner.name)

    @property
    def account(self) -> str:
        return cast(str, self.inner.account)

    @property
    def id(self) -> str:
        return cast(str, self.inner.id)

    @property
    def prompt(self) -> bool:
        return cast(bool, self.inner.prompt)

    async def rights(self, needed: str) -> str:
        """All that the user has now; NotFound, NotAllowed without those."""
        rights = await self._notes.rights(self.inner.name, self._user)
        demand(rights, needed, self.name)
        return rights

    # -- reading -----------------------------------------------------------------------------------------------------

    def snapshot(self, take_recent: bool) -> Deferred[Snapshot]:
        return Deferred.fromCoroutine(self._snapshot(take_recent))

    async def _snapshot(self, take_recent: bool) -> Snapshot:
        rights = await self.rights("r")
        return msgspec.structs.replace(await self.inner.snapshot(take_recent), rights=rights)

    def watch(self, at: int, woken: Callable[[], None], take_recent: bool = False) -> IWatch:
        return self.inner.watch(at, woken, take_recent)

    def fetch(self, uids: Sequence[int], items: Sequence[str]) -> Deferred[Fetched]:
        return Deferred.fromCoroutine(self._fetch(uids, items))

    async def _fetch(self, uids: Sequence[int], items: Sequence[str]) -> Fetched:
        await self.rights("r")
        return await self.inner.fetch(uids, items)

    def body(self, uid: int) -> Deferred[IBody]:
        return Deferred.fromCoroutine(self._body(uid))

    async def _body(self, uid: int) -> IBody:
        await self.rights("r")
        return await self.inner.body(uid)

    def listing(self, ascii_only: bool) -> Deferred[Listing]:
        return Deferred.fromCoroutine(self._listing(ascii_only))

    async def _listing(self, ascii_only: bool) -> Listing:
        await self.rights("r")
        return await self.inner.listing(ascii_only)

    def octets(self, uids: Sequence[int], most: int) -> Deferred[Sequence[bytes | MailError]]:
        return Deferred.fromCoroutine(self._octets(uids, most))

    async def _octets(self, uids: Sequence[int], most: int) -> Sequence[bytes | MailError]:
        await self.rights("r")
        return await self.inner.octets(uids, most)

    def changed_since(self, modseq: int) -> Deferred[Sequence[int]]:
        return self.inner.changed_since(modseq)

    def vanished_since(self, modseq: int) -> Deferred[Ranges]:
        return self.inner.vanished_since(modseq)

    def search(
        self, query: Query, uids: Sequence[int], so_far: Callable[[int, int], None] = unheard
    ) -> Deferred[Sequence[int]]:
        return Deferred.fromCoroutine(self._search(query, uids, so_far))

    async def _search(self, query: Query, uids: Sequence[int], so_far: Callable[[int, int], None]) -> Sequence[int]:
        await self.rights("r")
        return await self.inner.search(query, uids, so_far)

    def relevance(self, query: Query, uids: Sequence[int]) -> Deferred[Sequence[int]]:
        return Deferred.fromCoroutine(self._relevance(query, uids))

    async def _relevance(self, query: Query, uids: Sequence[int]) -> Sequence[int]:
        await self.rights("r")
        return await self.inner.relevance(query, uids)

    def sort(
        self, uids: Sequence[int], criteria: Sequence[SortBy], relevance: Mapping[int, int]
    ) -> Deferred[Sequence[int]]:
        return Deferred.fromCoroutine(self._sort(uids, criteria, relevance))

    async def _sort(
        self, uids: Sequence[int], criteria: Sequence[SortBy], relevance: Mapping[int, int]
    ) -> Sequence[int]:
        await self.rights("r")
        return await self.inner.sort(uids, criteria, relevance)

    def thread(self, uids: Sequence[int], algorithm: ThreadAlgorithm) -> Deferred[Forest]:
        return Deferred.fromCoroutine(self._thread(uids, algorithm))

    async def _thread(self, uids: Sequence[int], algorithm: ThreadAlgorithm) -> Forest:
        await self.rights("r")
        return await self.inner.thread(uids, algorithm)

    def look(self) -> Deferred[None]:
        return self.inner.look()

    # -- changing ----------------------------------------------------------------------------------------------------

    def store(self, uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None) -> Deferred[_Stored]:
        return Deferred.fromCoroutine(self._store(uids, op, flags, unchanged_since))

    async def _store(self, uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None) -> _Stored:
        """Section 4: it fails only if none of the flags may be changed."""
        rights = await self.rights("")
        mine = permitted(flags, rights)
        if (flags and not mine) or not any(right in rights for right in FLAG_RIGHTS):
            raise NotAllowed(f"these flags cannot be changed in {self.name}")
        if op is not FlagOp.REPLACE or all(right in rights for right in FLAG_RIGHTS):
            return await self.inner.store(uids, op, mine, unchanged_since)
        return await self._replace(uids, mine, unchanged_since, rights)

    async def _replace(self, uids: Sequence[int], flags: Flags, unchanged_since: int | None, rights: str) -> _Stored:
        """The flags that are not the user's to change stay on each message."""
        results: list[tuple[int, Flags, int]] = []
        late: list[int] = []
        for kept, some in (await self._by_kept(uids, rights)).items():
            done, too_late = await self.inner.store(some, FlagOp.REPLACE, flags | kept, unchanged_since)
            results += done
            late += too_late
        return sorted(results), sorted(late)

    async def _by_kept(self, uids: Sequence[int], rights: str) -> dict[Flags, list[int]]:
        found: defaultdict[Flags, list[int]] = defaultdict(list)
        for start in range(0, len(uids), _AT_ONCE):
            for row in await self.inner.fetch(uids[start : start + _AT_ONCE], ("flags",)):
                had = cast(Flags, row.items[0])
                found[had - permitted(had, rights)].append(row.uid)
        return found

    def expunge(self, uids: Sequence[int]) -> Deferred[Sequence[int]]:
        return Deferred.fromCoroutine(self._expunge(uids))

    async def _expunge(self, uids: Sequence[int]) -> Sequence[int]:
        await self.rights("e")
        return await self.inner.expunge(uids)
