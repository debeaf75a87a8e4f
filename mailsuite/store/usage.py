"""How much mail an account keeps, what is being written, and whether more fits into its quota.

Counted from the index when it is first asked for, from then on kept up by who adds and removes.  Blocking, with the
account's lock held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailsuite.errors import OverQuota

if TYPE_CHECKING:
    from mailsuite.store.account import AccountMail


class Usage:
    """Of one account; octets are those of messages as sent."""

    def __init__(self, account: AccountMail) -> None:
        self._account = account
        self._total: tuple[int, int] | None = None
        self._reserved = (0, 0)

    def forget(self) -> None:
        """The index is another, or none is open."""
        self._total = None

    def count(self, octets: int, messages: int) -> None:
        """So many more are there now."""
        if self._total is not None:
            self._total = (self._total[0] + octets, self._total[1] + messages)

    def total(self) -> tuple[int, int]:
        """Octets and messages of all mailboxes."""
        if self._total is None:
            for name in self._account.names():
                self._account.folder(name)
            self._total = self._account.index.usage()
        return self._total

    def fits(self, octets: int, messages: int) -> bool:
        """Whether there is room for so many more."""
        limits = self._account.resources.quota(self._account.name)
        if not limits.quota_bytes and not limits.quota_messages:
            return True
        used = self.total()
        wanted = (used[0] + self._reserved[0] + octets, used[1] + self._reserved[1] + messages)
        return not (0 < limits.quota_bytes < wanted[0] or 0 < limits.quota_messages < wanted[1])

    def reserve(self, octets: int, messages: int) -> None:
        """Keep room for messages that are being written; ``OverQuota`` if there is none."""
        if not self.fits(octets, messages):
            raise OverQuota(f"the mailbox of {self._account.name} is full")
        self.release(-octets, -messages)

    def release(self, octets: int, messages: int) -> None:
        """They are counted now, or will not come."""
        self._reserved = (self._reserved[0] - octets, self._reserved[1] - messages)
