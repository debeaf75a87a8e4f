"""The INBOX as one POP3 session sees it: a list made at login, removal at QUIT (RFC 1939 §§5, 6).

A message's number leads to its UID and nothing else, so a message that vanished is missing, never replaced.  Unless the
client said UTF8, internationalised messages are given in their downgraded form (RFC 6858), sizes included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailsuite.errors import Expunged, MailError
from mailsuite.interfaces import IBody, IMailbox, IMailStore, IMailStores
from mailsuite.mime.downgrade import downgrade
from mailsuite.model import INBOX, Listing
from mailsuite.net.downgraded import downgraded
from mailsuite.net.pop3_ahead import Ahead, Shelf
from mailsuite.pop3.maildrop import Maildrop
from mailsuite.query import InternalDate, When


class Inbox:
    """``maildrop`` is what the core is told; indices are those of its messages."""

    def __init__(self, mailbox: IMailbox, listing: Listing, shelf: Shelf, read: Callable[[int], None]) -> None:
        """``read`` is told the UID of each message that a client has got."""
        self._told = read
        self._mailbox = mailbox
        self._uids = listing.uids
        self._downgraded = listing.downgraded
        self._ahead = Ahead(mailbox, listing.uids, listing.at, shelf)
        self._retrieved: set[int] = set()
        self.maildrop = Maildrop(listing.sizes, listing.names)

    def at_hand(self, index: int) -> bytes | MailError | None:
        """The message, ``TooBig`` or ``Expunged`` if that is known without reading now."""
        return self._form(index, self._ahead.take(index))

    async def read(self, index: int, coming: Sequence[int]) -> bytes | MailError:
        """The same, read now; ``coming`` are others that will be asked for.  Raises MailError."""
        found = self._form(index, await self._ahead.get(index, coming))
        return found if found is not None else Expunged("the message is gone")

    def _form(self, index: int, found: bytes | MailError | None) -> bytes | MailError | None:
        if isinstance(found, bytes) and self._uids[index] in self._downgraded:
            return downgrade(found)
        return found

    async def body(self, index: int) -> IBody:
        """A message of any size.  Raises Expunged."""
        body: IBody = await self._mailbox.body(self._uids[index])
        return await downgraded(body) if self._uids[index] in self._downgraded else body

    def retrieved(self, index: int) -> None:
        """All of it went to the client."""
        self._retrieved.add(index)
        self._told(self._uids[index])

    async def expired(self, days: int, today: int) -> set[int]:
        """Indices of messages that have been here for more than so many days, 0: that were retrieved (RFC 2449 §6.7).
        ``today`` is a proleptic Gregorian ordinal."""
        if days == 0:
            return set(self._retrieved)
        if not self._uids:
            return set()
        query = InternalDate(When.BEFORE, today - days - 1)  # whatever time zone the day was told in
        old = frozenset(await self._mailbox.search(query, self._uids))
        return {index for index, uid in enumerate(self._uids) if uid in old}

    async def remove(self, indices: Sequence[int]) -> int:
        """For good, and on disk when it returns; how many were still there."""
        self.close()
        if not indices:
            return 0
        return len(await self._mailbox.expunge([self._uids[index] for index in indices]))

    def close(self) -> None:
        """Nothing more is read."""
        self._ahead.close()


def ignored(uid: int) -> None:
    """Nobody asks who reads what."""


async def open_inbox(
    stores: IMailStores, account: str, ascii_only: bool, shelf: Shelf, read: Callable[[int], None] = ignored
) -> Inbox:
    """The messages there are now.  Raises what the store does."""
    store: IMailStore = await stores.open(account)
    mailbox: IMailbox = await store.open(INBOX)
    return Inbox(mailbox, await mailbox.listing(ascii_only), shelf, read)
