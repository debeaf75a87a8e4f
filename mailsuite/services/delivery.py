"""IDelivery over the Maildir store and the relay queue: one message, all of its places, one step.

Promises: when ``commit`` fires, the message is durable for every mailbox and for the queue, or nothing is visible
anywhere; with a disk that has a journal that holds after a power cut, too.  Whoever looks at a mailbox after that sees
it; the queue's runner and sessions that wait hear of it a moment later.  A commit that was begun is finished even if
the one who asked has gone (its connection was lost).  What an account is busy with delays nobody else's mail
(``services.batches``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from twisted.internet.defer import Deferred, DeferredList, fail
from zope.interface import implementer

from mailsuite.disk.placement import Placement
from mailsuite.disk.spool import Content, Spool, content_of
from mailsuite.happenings import Placed, Waiting
from mailsuite.interfaces import IDelivery, IDraft, IObserver
from mailsuite.model import Destination, Envelope, ToMailbox, ToRemote
from mailsuite.observers import NOBODY
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.intake import QueuePlacement
from mailsuite.queue.records import Passing
from mailsuite.services.batches import Batches
from mailsuite.services.return_paths import Choose, senders_own
from mailsuite.store.incoming import Incoming
from mailsuite.store.maildir import MaildirStores

_T = TypeVar("_T")


@implementer(IDelivery)
class Delivery:
    """Takes drafts from ``spool``; puts messages into ``stores`` and ``queue`` by ``batches``; ``choose``: with which
    return path."""

    def __init__(
        self,
        stores: MaildirStores,
        queue: DiskQueue,
        spool: Spool,
        batches: Batches,
        choose: Choose = senders_own,
        observer: IObserver = NOBODY,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._choose = choose
        self._observer = observer
        self._seconds = seconds
        self._stores = stores
        self._queue = queue
        self._spool = spool
        self._batches = batches
        self._writing: set[Deferred[None]] = set()  # of drafts that are not in memory

    def draft(self) -> IDraft:
        return self._spool.draft()

    def commit(
        self, draft: IDraft, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]
    ) -> Deferred[None]:
        chosen = self._choose(envelope, destinations)
        if isinstance(chosen, Deferred):
            return chosen.addCallback(lambda found: self._commit(draft, envelope, trace, found))
        return self._commit(draft, envelope, trace, chosen)

    def _commit(
        self, draft: IDraft, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]
    ) -> Deferred[None]:
        content = content_of(draft)
        if isinstance(content, Content):  # in memory: no need to keep the draft
            draft.discard()
            return self._place(content, envelope, trace, destinations)
        answer: Deferred[None] = Deferred()  # cancelled, it ends the waiting and not the commit
        placing = content.addCallback(self._place, envelope, trace, destinations)
        self._writing.add(placing)
        placing.addBoth(self._spent, draft, placing)
        placing.chainDeferred(answer)
        return answer

    def _spent(self, result: _T, draft: IDraft, placing: Deferred[None]) -> _T:
        self._writing.discard(placing)
        draft.discard()
        return result

    def close(self) -> Deferred[None]:
        """Fires when every commit that was begun is over, and all are told of it; nobody may begin one any more."""
        return DeferredList(list(self._writing)).addCallback(lambda _: self._batches.close())

    def _place(
        self, content: Content, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]
    ) -> Deferred[None]:
        try:
            mailboxes = [to for to in destinations if isinstance(to, ToMailbox)]
            incoming: list[Incoming] = self._stores.placements(mailboxes, envelope, trace, content)
            relayed = self._relayed(envelope, trace, content, destinations)
        except Exception:
            return fail()
        placements: list[Placement] = [*incoming, *relayed]
        if relayed and not incoming and relayed[0].in_memory:
            waits = partial(self._waits, relayed[0])
            return self._batches.place(placements, content.stored, partial(self._queue.placed, relayed[0]), waits)
        return self._batches.place(placements, content.stored, partial(self._arrived, envelope.id, incoming, relayed))

    def _waits(self, placement: QueuePlacement, passing: Passing) -> None:
        """It is durable, and can be sent on."""
        if self._observer.listens:
            self._tell(placement.stored.queued.envelope.id, (), (placement,))
        self._queue.arrived(placement, passing)

    def _arrived(self, id: str, incoming: Sequence[Incoming], relayed: Sequence[QueuePlacement]) -> None:
        if self._observer.listens:
            self._tell(id, incoming, relayed)
        self._stores.arrived(incoming)
        for placement in relayed:
            self._queue.arrived(placement)

    def _tell(self, id: str, incoming: Sequence[Incoming], relayed: Sequence[QueuePlacement]) -> None:
        at = self._seconds()
        for one in incoming:
            if one.row is not None:
                self._observer.happened(Placed(at, id, f"{one.account.name}/{one.name}", one.row.uid))
        for placement in relayed:
            envelope = placement.stored.queued.envelope
            those = tuple(str(recipient.address) for recipient in envelope.recipients)
            self._observer.happened(Waiting(at, envelope.id, those))

    def _relayed(
        self, envelope: Envelope, trace: bytes, content: Content, destinations: Sequence[Destination]
    ) -> list[QueuePlacement]:
        """One queued message for all remote recipients together, or none."""
        recipients = tuple(to.recipient for to in destinations if isinstance(to, ToRemote))
        if not recipients:
            return []
        return [self._queue.placement(msgspec.structs.replace(envelope, recipients=recipients), trace, content)]
