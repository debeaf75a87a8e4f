"""The INBOX as one POP3 session sees it: a snapshot at login, removal at QUIT (RFC 1939 §§5, 6).

A message's number leads to its UID and nothing else, so a message that vanished is missing, never replaced.
"""

from __future__ import annotations

import hashlib
import re

from mailsuite.interfaces import IBody, IMailbox, IMailStore, IMailStores
from mailsuite.model import INBOX
from mailsuite.pop3.maildrop import Maildrop

#: UIDs a call of ``IMailbox.fetch`` takes.
BATCH = 1000
#: RFC 1939 §7: 1 to 70 characters from 0x21 to 0x7E.
_UNIQUE_ID = re.compile(r"[!-~]{1,70}")


class Inbox:
    """``maildrop`` is what the core is told; indices are those of its messages."""

    def __init__(self, mailbox: IMailbox, uids: list[int], maildrop: Maildrop) -> None:
        self._mailbox = mailbox
        self._uids = uids
        self.maildrop = maildrop

    async def body(self, index: int) -> IBody:
        """Raises Expunged."""
        return await self._mailbox.body(self._uids[index])

    async def remove(self, indices: tuple[int, ...]) -> int:
        """For good, and on disk when it returns; how many were still there."""
        if not indices:
            return 0
        return len(await self._mailbox.expunge([self._uids[index] for index in indices]))


async def open_inbox(stores: IMailStores, account: str) -> Inbox:
    """The messages there are now.  Raises what the store does."""
    store: IMailStore = await stores.open(account)
    mailbox: IMailbox = await store.open(INBOX)
    snapshot = await mailbox.snapshot(False)
    uids: list[int] = []
    sizes: list[int] = []
    names: list[str] = []
    for start in range(0, len(snapshot.uids), BATCH):
        for found in await mailbox.fetch(snapshot.uids[start : start + BATCH], ("size", "name")):
            size, name = found.items
            uids.append(found.uid)
            sizes.append(int(size))  # type: ignore[call-overload]
            names.append(unique_id(str(name)))
    return Inbox(mailbox, uids, Maildrop(sizes, names))


def unique_id(name: str) -> str:
    """The permanent id of a message as UIDL may show it: itself, or its digest if that has other characters."""
    if _UNIQUE_ID.fullmatch(name):
        return name
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
