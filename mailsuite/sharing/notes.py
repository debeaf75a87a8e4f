"""INotes over one's own mailboxes and others': with the rights that each call takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.errors import NotAllowed, NotFound
from mailsuite.interfaces import INotes
from mailsuite.model import FlagOp
from mailsuite.sharing.permission import ANNOTATING, TELLING

if TYPE_CHECKING:
    from mailsuite.sharing.store import Reached, SharingStore


@implementer(INotes)
class SharingNotes:
    """Of the mailboxes of ``store``."""

    def __init__(self, store: SharingStore) -> None:
        self._store = store

    def owner(self, name: str) -> str:
        return self._store.namespace.locate(name).owner or self._store.user

    def rights(self, name: str, user: str) -> Deferred[str]:
        if self._store.is_own(name):
            return self._store.own.notes.rights(name, user)
        return Deferred.fromCoroutine(self._rights(name))

    async def _rights(self, name: str) -> str:
        """RFC 4314 §4, MYRIGHTS."""
        rights = (await self._store.reach(name, "")).rights
        if not set(rights) & set(TELLING):
            raise NotFound(f"no mailbox {name}")
        return rights

    def access(self, name: str) -> Deferred[Mapping[str, str]]:
        return Deferred.fromCoroutine(self._access(name))

    async def _access(self, name: str) -> Mapping[str, str]:
        reached = await self._store.reach(name, "a")
        return await reached.store.notes.access(reached.name)

    def accesses(self) -> Deferred[Mapping[str, Mapping[str, str]]]:
        return self._store.own.notes.accesses()

    def permit(self, name: str, identifier: str, op: FlagOp, rights: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._permit(name, identifier, op, rights))

    async def _permit(self, name: str, identifier: str, op: FlagOp, rights: str) -> None:
        reached = await self._store.reach(name, "a")
        await reached.store.notes.permit(reached.name, identifier, op, rights)
        for watch in tuple(self._store.watches):
            watch.rights_changed()

    def sharers(self) -> Deferred[Sequence[str]]:
        return self._store.own.notes.sharers()

    def annotations(self, name: str, user: str) -> Deferred[Mapping[str, bytes]]:
        if self._store.is_own(name):
            return self._store.own.notes.annotations(name, user)
        return Deferred.fromCoroutine(self._annotations(name, user))

    async def _annotations(self, name: str, user: str) -> Mapping[str, bytes]:
        reached = await self._annotated(name)
        return await reached.store.notes.annotations(reached.name, user)

    def annotate(self, name: str, user: str, values: Mapping[str, bytes], removed: Collection[str]) -> Deferred[None]:
        if self._store.is_own(name):
            return self._store.own.notes.annotate(name, user, values, removed)
        return Deferred.fromCoroutine(self._annotate(name, user, values, removed))

    async def _annotate(self, name: str, user: str, values: Mapping[str, bytes], removed: Collection[str]) -> None:
        reached = await self._annotated(name)
        await reached.store.notes.annotate(reached.name, user, values, removed)

    async def _annotated(self, name: str) -> Reached:
        """RFC 5464 §3.3."""
        reached = await self._store.reach(name, "l")
        if not set(reached.rights) & set(ANNOTATING):
            raise NotAllowed(f"that takes one of the rights r, s, w, i, p on {name}")
        return reached
