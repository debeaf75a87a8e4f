"""IDelivery over the Maildir store and the relay queue: one message, all of its places, one step.

Promises: when ``commit`` fires, the message is on disk in every mailbox and in the queue, or nothing is visible
anywhere.  A commit that was begun is finished even if the one who asked has gone (its connection was lost): sessions
and the queue's runner still hear of what was placed.  Between the publications of one message a power cut may leave
it in some of its places; the sender was not answered then and tries again.  However much arrives for one account, it
holds only a few threads at a time: what an account is busy with delays nobody else's mail.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.disk.placement import place
from mailsuite.disk.spool import Content, Spool, content_of
from mailsuite.interfaces import IDelivery, IDraft, IOffload
from mailsuite.model import Destination, Envelope, ToMailbox, ToRemote
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.intake import QueuePlacement
from mailsuite.services.turns import Turns
from mailsuite.store.incoming import Incoming
from mailsuite.store.maildir import MaildirStores

#: Commits to one account that may be in threads at the same time; they wait for the account's lock, and for the disk
#: together.
AT_ONCE = 4


@implementer(IDelivery)
class Delivery:
    """Takes drafts from ``spool``; puts messages into ``stores`` and ``queue`` in a thread of ``offload``."""

    def __init__(
        self, stores: MaildirStores, queue: DiskQueue, spool: Spool, offload: IOffload, at_once: int = AT_ONCE
    ) -> None:
        """``at_once``: commits to one account; fewer than ``offload`` has threads."""
        self._stores = stores
        self._queue = queue
        self._spool = spool
        self._offload = offload
        self._turns = Turns(at_once)

    def draft(self) -> IDraft:
        return self._spool.draft()

    def commit(
        self, draft: IDraft, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]
    ) -> Deferred[None]:
        answer: Deferred[None] = Deferred()  # cancelled, it ends the waiting and not the commit
        Deferred.fromCoroutine(self._commit(draft, envelope, trace, destinations)).chainDeferred(answer)
        return answer

    async def _commit(
        self, draft: IDraft, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]
    ) -> None:
        try:
            content = await content_of(draft)
            mailboxes = [to for to in destinations if isinstance(to, ToMailbox)]
            incoming: list[Incoming] = self._stores.placements(mailboxes, envelope, trace, content)
            relayed = self._relayed(envelope, trace, content, destinations)
            async with self._turns.of(to.account for to in mailboxes):
                await self._offload.run(place, [*incoming, *relayed])
        finally:
            draft.discard()
        self._stores.arrived(incoming)
        for placement in relayed:
            self._queue.arrived(placement)

    def _relayed(
        self, envelope: Envelope, trace: bytes, content: Content, destinations: Sequence[Destination]
    ) -> list[QueuePlacement]:
        """One queued message for all remote recipients together, or none."""
        recipients = tuple(to.recipient for to in destinations if isinstance(to, ToRemote))
        if not recipients:
            return []
        return [self._queue.placement(msgspec.structs.replace(envelope, recipients=recipients), trace, content)]
