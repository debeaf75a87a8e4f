"""IQuotas of accounts in memory."""

from __future__ import annotations

from zope.interface import implementer

from mailsuite.errors import NotFound
from mailsuite.interfaces import IQuotas
from mailsuite.model import Quota
from mailsuite.testing.faults import Faults, answers
from mailsuite.testing.memory_store import MemoryStores


@implementer(IQuotas)
class MemoryQuotas:
    """Of the accounts of ``stores`` that are there."""

    def __init__(self, stores: MemoryStores) -> None:
        self._stores = stores
        self.faults = Faults()

    def check(self, method: str) -> None:
        self.faults.check(method)

    @answers
    def quota(self, account: str) -> Quota:
        return self._quota(account)

    @answers
    def limit(self, account: str, octets: int, messages: int) -> Quota:
        self._quota(account)
        store = self._stores.stores[account]
        store.quota_bytes, store.quota_messages = octets, messages
        return self._quota(account)

    def room(self, account: str, octets: int) -> bool:
        quota = self._quota(account)
        fits = not quota.octets_limit or quota.octets + max(octets, 1) <= quota.octets_limit
        return fits and (not quota.messages_limit or quota.messages < quota.messages_limit)

    def _quota(self, account: str) -> Quota:
        store = self._stores.stores.get(account)
        if store is None:
            raise NotFound(f"there is no account {account}")
        mailboxes = store.mailboxes.values()
        octets, messages = sum(each.size for each in mailboxes), sum(len(each.messages) for each in mailboxes)
        return Quota(octets, messages, store.quota_bytes, store.quota_messages)
