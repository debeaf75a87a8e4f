"""Whether an account has room for one more message: asked at RCPT, where a full mailbox hurts nobody but its owner.

An answer here promises nothing; ``reserve`` decides when the message is there.  That an account has no limits is
remembered for ``REMEMBERED`` seconds, since most have none and every recipient is asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted.internet.defer import Deferred

from mailsuite.store.account import AccountMail
from mailsuite.store.mailbox import Lane
from mailsuite.store.resources import Resources

#: Seconds that "no limits" holds, and how many accounts' are remembered.
REMEMBERED = 2.0
MAX_REMEMBERED = 10_000


class Room:
    """``lane`` gives an account's."""

    def __init__(self, resources: Resources, lane: Callable[[str], Lane]) -> None:
        self._resources = resources
        self._lane = lane
        self._unlimited: OrderedDict[str, float] = OrderedDict()

    def ask(self, account: str, octets: int) -> bool | Deferred[bool]:
        """See ``MaildirStores.room``."""
        if self._unlimited.get(account, 0.0) > self._resources.now():
            return True
        return Deferred.fromCoroutine(self._ask(account, octets))

    async def _ask(self, account: str, octets: int) -> bool:
        limits = await self._resources.offload.run(self._resources.quota, account)
        if not limits.quota_bytes and not limits.quota_messages:
            self._remember(account)
            return True
        lane = self._lane(account)
        return await lane.run(_fits, lane.account, octets)

    def _remember(self, account: str) -> None:
        self._unlimited[account] = self._resources.now() + REMEMBERED
        self._unlimited.move_to_end(account)
        if len(self._unlimited) > MAX_REMEMBERED:
            self._unlimited.popitem(last=False)


def _fits(account: AccountMail, octets: int) -> bool:
    """A message whose size was not declared has one octet at least."""
    return account.usage.fits(max(octets, 1), 1)
