"""All accounts' mail, each with what others share."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.interfaces import IDraft, IMailStore, IMailStores
from mailsuite.sharing.names import Namespace
from mailsuite.sharing.store import SharingStore
from mailsuite.sharing.watching import SharingWatch


@implementer(IMailStores)
class SharingStores:
    """``stores`` with others' mailboxes below ``prefix``; ``drafts`` makes an empty draft (``IDelivery.draft``)."""

    def __init__(self, stores: IMailStores, prefix: str, drafts: Callable[[], IDraft]) -> None:
        self._stores = stores
        self._namespace = Namespace(prefix)
        self._drafts = drafts
        self._watches: set[SharingWatch] = set()

    def open(self, account: str) -> Deferred[IMailStore]:
        return Deferred.fromCoroutine(self._open(account))

    async def _open(self, account: str) -> IMailStore:
        own = await self._stores.open(account)
        return SharingStore(account, own, self._stores, self._namespace, self._drafts, self._watches)
