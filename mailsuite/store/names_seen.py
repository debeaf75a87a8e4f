"""What was last seen of an account's mailboxes and subscriptions, so that what other programs do to them is found.

Only as long as somebody watches them.  A rename by another program is a removal and a new mailbox.  Our own changes are
known: a ``look`` before each and ``refresh`` behind it.  Blocking, with the account's lock held.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailsuite.model import MailboxesChange, MailboxMade, MailboxRemoved, SubscriptionChanged
from mailsuite.store.sight import TICK

if TYPE_CHECKING:
    from mailsuite.store.account import AccountMail


class NamesSeen:
    """Of one account."""

    def __init__(self, account: AccountMail) -> None:
        self._account = account
        self._there: set[str] = set()
        self._subscribed: set[str] = set()
        #: When the folder was changed, as of the last look, in nanoseconds; 0 if that may not be the last change.
        self._changed = 0

    def refresh(self) -> None:
        """As it is now is how it is known."""
        self._changed = self._settled()
        self._there, self._subscribed = self._account.names(), self._account.subscribed()

    def look(self) -> Sequence[MailboxesChange]:
        """What became different since the last look or ``refresh``."""
        if self._changed and self._changed == self._settled():
            return ()
        there, subscribed = self._there, self._subscribed
        self.refresh()
        return [
            *map(MailboxRemoved, sorted(there - self._there)),
            *map(MailboxMade, sorted(self._there - there)),
            *map(SubscriptionChanged, sorted(subscribed ^ self._subscribed)),
        ]

    def _settled(self) -> int:
        """The time of the folder, in which each of them is an entry; 0 if another change could leave the same one."""
        changed = os.stat(self._account.maildir).st_mtime_ns
        return changed if self._account.resources.now() - changed / 1e9 > TICK else 0
