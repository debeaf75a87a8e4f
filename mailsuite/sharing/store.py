"""One user's mailboxes and those that others share with him, as one IMailStore.

A name below the namespace leads to its owner's store, after the rights were looked at that the call takes (RFC 4314
section 4); any other goes straight to the user's own.  A mailbox on which somebody has no ``l`` is not there for him.
"""

from __future__ import annotations

from collections.abc import Callable, MutableSet, Sequence

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.access import RIGHTS
from mailsuite.errors import Expunged, NotAllowed, NotFound
from mailsuite.interfaces import IDraft, IMailbox, IMailboxesWatch, IMailStore, IMailStores
from mailsuite.model import Appended, Copied, Flags, MailboxInfo, MailboxStatus
from mailsuite.sharing import listing
from mailsuite.sharing.carrying import carry
from mailsuite.sharing.mailbox import SharedMailbox
from mailsuite.sharing.names import Namespace
from mailsuite.sharing.notes import SharingNotes
from mailsuite.sharing.permission import FLAG_RIGHTS, demand, permitted
from mailsuite.sharing.watching import SharingWatch


class Reached(msgspec.Struct, frozen=True):
    """A mailbox as its owner's ``store`` calls it, and the user's rights on it."""

    store: IMailStore
    name: str
    rights: str


@implementer(IMailStore)
class SharingStore:
    """Of ``user``, whose own store is ``own``; ``drafts`` makes empty drafts, for copies between accounts."""

    def __init__(
        self,
        user: str,
        own: IMailStore,
        stores: IMailStores,
        namespace: Namespace,
        drafts: Callable[[], IDraft],
        watches: MutableSet[SharingWatch],
    ) -> None:
        """``watches``: everybody's."""
        self.user = user
        self.own = own
        self.namespace = namespace
        self.notes = SharingNotes(self)
        self.watches = watches
        self._stores = stores
        self._drafts = drafts
        self._others: dict[str, IMailStore] = {}

    async def other(self, owner: str) -> IMailStore:
        """The store of somebody who shares something; NotFound for anybody else, who stays unopened."""
        if owner not in await self.own.notes.sharers():
            raise NotFound(f"no mailboxes of {owner}")
        if owner not in self._others:
            self._others[owner] = await self._stores.open(owner)
        return self._others[owner]

    async def reach(self, name: str, needed: str) -> Reached:
        """NotFound, NotAllowed."""
        place = self.namespace.locate(name)
        if not place.owner:
            return Reached(self.own, name, RIGHTS)
        try:
            store = await self.other(place.owner)
            rights = await store.notes.rights(place.name, self.user)
        except NotFound:  # in the same words as what may not be looked up
            raise NotFound(f"no mailbox {name}") from None
        demand(rights, needed, name)
        return Reached(store, place.name, rights)

    def is_own(self, name: str) -> bool:
        return not self.namespace.is_shared(name)

    # -- mailboxes ---------------------------------------------------------------------------------------------------

    def open(self, name: str) -> Deferred[IMailbox]:
        return self.own.open(name) if self.is_own(name) else Deferred.fromCoroutine(self._open(name))

    async def _open(self, name: str) -> IMailbox:
        reached = await self.reach(name, "")
        if not reached.rights:
            raise NotFound(f"no mailbox {name}")
        return SharedMailbox(await reached.store.open(reached.name), reached.store.notes, self.namespace, self.user)

    def create(self, name: str, special_use: str) -> Deferred[str]:
        if self.is_own(name):
            return self.own.create(name, special_use)
        return Deferred.fromCoroutine(self._create(name, special_use))

    async def _create(self, name: str, special_use: str) -> str:
        if special_use:
            raise NotAllowed("only whose mailbox it is gives it a special use")
        parent = await self._nearest(name, "k")
        return await parent.store.create(self.namespace.locate(name).name, "")

    async def _nearest(self, name: str, needed: str) -> Reached:
        """The nearest mailbox above it that is there; NotAllowed without those rights on it."""
        above = name.rpartition("/")[0]
        while above and above != self.namespace.prefix:
            try:
                return await self.reach(above, needed)
            except NotFound:
                above = above.rpartition("/")[0]
        raise NotAllowed("that takes the right k on a mailbox above it")

    def delete(self, name: str) -> Deferred[None]:
        return self.own.delete(name) if self.is_own(name) else Deferred.fromCoroutine(self._delete(name))

    async def _delete(self, name: str) -> None:
        reached = await self.reach(name, "x")
        await reached.store.delete(reached.name)

    def rename(self, old: str, new: str) -> Deferred[None]:
        if self.is_own(old) and self.is_own(new):
            return self.own.rename(old, new)
        return Deferred.fromCoroutine(self._rename(old, new))

    async def _rename(self, old: str, new: str) -> None:
        reached = await self.reach(old, "x")
        place = self.namespace.locate(new)
        if self.namespace.locate(old).owner != place.owner:
            raise NotAllowed("a mailbox stays with its owner")
        await self._nearest(new, "k")
        await reached.store.rename(reached.name, place.name)

    def list(self, only: str = "") -> Deferred[Sequence[MailboxInfo]]:
        if only and self.is_own(only):
            return self.own.list(only)
        return Deferred.fromCoroutine(listing.one(self, only) if only else listing.together(self))

    def subscribe(self, name: str, wanted: bool) -> Deferred[None]:
        return self.own.subscribe(name, wanted)

    def watch(self, woken: Callable[[], None]) -> Deferred[IMailboxesWatch]:
        watch = SharingWatch(self, woken)
        self.watches.add(watch)
        return Deferred.fromCoroutine(watch.begin())

    def status(self, name: str) -> Deferred[MailboxStatus]:
        return self.own.status(name) if self.is_own(name) else Deferred.fromCoroutine(self._status(name))

    async def _status(self, name: str) -> MailboxStatus:
        reached = await self.reach(name, "r")
        return await reached.store.status(reached.name)

    # -- messages ----------------------------------------------------------------------------------------------------

    def append(self, name: str, messages: Sequence[tuple[IDraft, Flags, float]]) -> Deferred[Sequence[Appended]]:
        return (
            self.own.append(name, messages)
            if self.is_own(name)
            else Deferred.fromCoroutine(self._append(name, messages))
        )

    async def _append(self, name: str, messages: Sequence[tuple[IDraft, Flags, float]]) -> Sequence[Appended]:
        reached = await self.reach(name, "i")
        allowed = [(draft, permitted(flags, reached.rights), date) for draft, flags, date in messages]
        return await reached.store.append(reached.name, allowed)

    def copy(self, source: IMailbox, uids: Sequence[int], target: str, move: bool) -> Deferred[Copied]:
        if self.is_own(target) and not isinstance(source, SharedMailbox):
            return self.own.copy(source, uids, target, move)
        return Deferred.fromCoroutine(self._copy(source, uids, target, move))

    async def _copy(self, source: IMailbox, uids: Sequence[int], target: str, move: bool) -> Copied:
        inner = source
        if isinstance(source, SharedMailbox):
            await source.rights("rte" if move else "r")  # RFC 6851 §5: what COPY, STORE and EXPUNGE together take
            inner = source.inner
        reached = await self.reach(target, "i")
        goal = await reached.store.open(reached.name)
        if inner.account == goal.account and all(right in reached.rights for right in FLAG_RIGHTS):
            return await reached.store.copy(inner, uids, reached.name, move)
        copied = await carry(inner, uids, reached.store, reached.name, reached.rights, self._drafts)
        if move:
            await inner.expunge(copied.sources)
        return copied

    def replace(
        self, source: IMailbox, uid: int, name: str, message: tuple[IDraft, Flags, float]
    ) -> Deferred[Appended]:
        if self.is_own(name) and not isinstance(source, SharedMailbox):
            return self.own.replace(source, uid, name, message)
        return Deferred.fromCoroutine(self._replace(source, uid, name, *message))

    async def _replace(
        self, source: IMailbox, uid: int, name: str, draft: IDraft, flags: Flags, date: float
    ) -> Appended:
        """Between accounts the new one is there before the old one goes, so a crash between never loses one."""
        inner = source
        if isinstance(source, SharedMailbox):
            await source.rights("te")  # RFC 8508 §4.1
            inner = source.inner
        reached = await self.reach(name, "i")
        goal = await reached.store.open(reached.name)
        allowed = (draft, permitted(flags, reached.rights), date)
        if inner.account == goal.account:
            return await reached.store.replace(inner, uid, reached.name, allowed)
        if not (await inner.fetch([uid], ("size",))).uids:
            raise Expunged("the message to be replaced is gone")
        [appended] = await reached.store.append(reached.name, [allowed])
        await inner.expunge([uid])
        return appended
