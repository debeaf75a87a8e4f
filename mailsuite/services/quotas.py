"""What accounts keep (the store knows) and may keep (the directory says), as one: IQuotas of a server."""

from __future__ import annotations

import contextlib

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.directory.database import Database
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.records import Records
from mailsuite.errors import NotFound
from mailsuite.interfaces import IOffload, IQuotas
from mailsuite.model import Account, Quota
from mailsuite.store.maildir import MaildirStores


@implementer(IQuotas)
class AccountQuotas:
    """``path`` is the directory's file."""

    def __init__(self, path: str, stores: MaildirStores, offload: IOffload) -> None:
        self._path = path
        self._stores = stores
        self._offload = offload

    def quota(self, account: str) -> Deferred[Quota]:
        return Deferred.fromCoroutine(self._quota(account))

    async def _quota(self, account: str) -> Quota:
        return await self._with_use(await self._offload.run(self._look, account))

    def limit(self, account: str, octets: int, messages: int) -> Deferred[Quota]:
        return Deferred.fromCoroutine(self._limit(account, octets, messages))

    def room(self, account: str, octets: int) -> bool | Deferred[bool]:
        return self._stores.room(account, octets)

    async def _limit(self, account: str, octets: int, messages: int) -> Quota:
        return await self._with_use(await self._offload.run(self._change, account, octets, messages))

    async def _with_use(self, limits: Account) -> Quota:
        octets, messages = await self._stores.usage(limits.name)
        return Quota(octets, messages, limits.quota_bytes, limits.quota_messages)

    def _look(self, account: str) -> Account:
        with contextlib.closing(Database(self._path)) as database:
            stored = Lookups(database).stored(account)
        if stored is None:
            raise NotFound(f"there is no account {account}")
        return stored.account

    def _change(self, account: str, octets: int, messages: int) -> Account:
        with contextlib.closing(Database(self._path)) as database:
            return Records(database, Lookups(database)).set_quota(account, octets, messages)
