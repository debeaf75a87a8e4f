"""What becomes of one's own mailboxes and of those that others share (IMailboxesWatch).

Of another's account only what may be looked up is told.  Being let in is told as a mailbox that is made, being shut out
as one that is removed (RFC 5465 §5.4): the rights before and after each change are compared.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.errors import MailError
from mailsuite.interfaces import IMailboxesWatch
from mailsuite.model import (
    Annotated,
    MailboxesChange,
    MailboxMade,
    MailboxRemoved,
    MailboxRenamed,
    Overflow,
    RightsChanged,
)
from mailsuite.sharing.listing import MAX_OWNERS, visible

if TYPE_CHECKING:
    from mailsuite.sharing.store import SharingStore


class _Other:
    """An account that shares something; ``seen``: name here -> rights, of what may be looked up there."""

    def __init__(self, watch: IMailboxesWatch, seen: Mapping[str, str]) -> None:
        self.watch = watch
        self.seen = seen


@implementer(IMailboxesWatch)
class SharingWatch:
    """See the module.  Begun by ``begin``."""

    def __init__(self, store: SharingStore, woken: Callable[[], None]) -> None:
        self._store = store
        self._woken = woken
        self._own: IMailboxesWatch | None = None
        self._others: dict[str, _Other] = {}
        self._others_stale = False
        self._quiet = True  # nothing was heard since the last ``take``
        self._closed = False

    async def begin(self) -> SharingWatch:
        try:
            self._own = await self._store.own.watch(self._hear)
            for owner in await self._owners():
                await self._attend(owner)
        except BaseException:
            self.close()
            raise
        return self

    async def _owners(self) -> Sequence[str]:
        return (await self._store.own.notes.sharers())[:MAX_OWNERS]

    async def _attend(self, owner: str) -> None:
        store = await self._store.other(owner)
        self._others[owner] = _Other(await store.watch(self._hear), await visible(self._store, owner))

    def _hear(self) -> None:
        if self._quiet:
            self._quiet = False
            self._woken()

    def rights_changed(self) -> None:
        """Somebody let somebody in, perhaps this one."""
        self._others_stale = True
        self._hear()

    def take(self) -> Deferred[Sequence[MailboxesChange]]:
        return Deferred.fromCoroutine(self._take())

    async def _take(self) -> Sequence[MailboxesChange]:
        self._quiet = True
        changes = list(await self._own.take()) if self._own is not None else []
        for other in tuple(self._others.values()):
            heard = await other.watch.take()
            if heard:
                changes += await self._seen_by_user(other, heard)
        if self._others_stale:
            self._others_stale = False
            for owner in await self._owners():
                if owner not in self._others and not self._closed:
                    await self._attend(owner)
                    changes += map(MailboxMade, self._others[owner].seen)
        return changes

    def look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._look())

    async def _look(self) -> None:
        """Another program may have let this one in, too."""
        if self._own is not None:
            await self._own.look()
        for other in tuple(self._others.values()):
            with contextlib.suppress(MailError):  # who is gone, with all his mail
                await other.watch.look()
        if not self._others.keys() >= set(await self._owners()):
            self.rights_changed()

    async def _seen_by_user(self, other: _Other, heard: Sequence[MailboxesChange]) -> Sequence[MailboxesChange]:
        """What of another's changes concerns the user, as he calls it."""
        owner = next(name for name, each in self._others.items() if each is other)
        before, other.seen = other.seen, await visible(self._store, owner)
        changes = list(self._told(owner, before, other.seen, heard))
        named = {each.new for each in changes if isinstance(each, MailboxRenamed)}
        lost = {each.old for each in changes if isinstance(each, MailboxRenamed)}
        own = any(not isinstance(each, Overflow) and each.own for each in heard)
        for name in sorted(before.keys() - other.seen.keys()):
            if not _within(name, lost):
                changes.append(MailboxRemoved(name, own=own))
        for name in sorted(other.seen.keys() - before.keys()):
            if not _within(name, named):
                changes.append(MailboxMade(name, own=own))
        return changes

    def _told(
        self, owner: str, before: Mapping[str, str], after: Mapping[str, str], heard: Sequence[MailboxesChange]
    ) -> Iterator[MailboxesChange]:
        """Those that no comparison shows."""
        for change in heard:
            match change:
                case Overflow():
                    yield change
                case MailboxRenamed(old=old, new=new):
                    old, new = self._store.namespace.show(owner, old), self._store.namespace.show(owner, new)
                    if old in before and new in after:
                        yield MailboxRenamed(old, new, own=change.own)
                case Annotated(name=name) | RightsChanged(name=name):
                    shown = self._store.namespace.show(owner, name)
                    if name and shown in after:
                        yield _renamed(change, shown)

    def close(self) -> None:
        self._closed = True
        self._store.watches.discard(self)
        for watch in (self._own, *(other.watch for other in self._others.values())):
            if watch is not None:
                watch.close()


def _renamed(change: Annotated | RightsChanged, name: str) -> MailboxesChange:
    if isinstance(change, Annotated):
        return Annotated(name, change.entries, change.user, own=change.own)
    return RightsChanged(name, own=change.own)


def _within(name: str, tops: set[str]) -> bool:
    return any(name == top or name.startswith(top + "/") for top in tops)
