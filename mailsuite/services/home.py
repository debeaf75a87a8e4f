"""Mail in the queue whose way ends here: what a user had held back (RFC 4865), and what waited for another server until
its domain became ours.

``HomeRouter`` leads mail for our domains to ``HOME``, ``HomeCourier`` puts it into the mailboxes when its time has
come: aliases are followed then, a full mailbox is tried again like a server that says so, and senders are told what
they would be told by any next hop.  Everything else goes its way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.errors import MailError, NotFound, OverQuota
from mailsuite.interfaces import IBody, ICourier, IDelivery, IDirectory, IRouter
from mailsuite.model import (
    NULL_SENDER,
    Address,
    Delayed,
    Delivered,
    Envelope,
    Failed,
    Hop,
    Outcome,
    Recipient,
    Remote,
    Resolution,
    Status,
    Unknown,
)
from mailsuite.net.copying import copied
from mailsuite.net.smtp_transaction import destinations_for, ends_here

#: The hop that is this server's own mailboxes.
HOME = Hop("mailboxes here", ())


@implementer(IRouter)
class HomeRouter:
    """``beyond`` knows the way to everybody else."""

    def __init__(self, directory: IDirectory, beyond: IRouter) -> None:
        self._directory = directory
        self._beyond = beyond

    def route(self, domain: str, sender: Address = NULL_SENDER, released: bool = False) -> Deferred[tuple[Hop, ...]]:
        # Anybody will do, but for postmaster, who is at home at our host name, too.
        found = self._directory.resolve(Address("mailer-daemon", domain))
        return found.addCallback(self._way, domain, sender, released)

    def by_hand(self, via: str) -> Deferred[tuple[Hop, ...]]:
        return self._beyond.by_hand(via)

    def _way(
        self, found: Resolution, domain: str, sender: Address, released: bool
    ) -> Deferred[tuple[Hop, ...]] | tuple[Hop, ...]:
        return self._beyond.route(domain, sender, released) if isinstance(found, Remote) else (HOME,)


@implementer(ICourier)
class HomeCourier:
    """``beyond`` carries to other servers; ``ids`` gives fresh message ids."""

    def __init__(
        self, directory: IDirectory, delivery: IDelivery, hostname: str, ids: Callable[[], str], beyond: ICourier
    ) -> None:
        self._directory = directory
        self._delivery = delivery
        self._hostname = hostname
        self._ids = ids
        self._beyond = beyond

    def deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Deferred[Sequence[Outcome]]:
        if hop is not HOME:
            return self._beyond.deliver(hop, envelope, recipients, body)
        return Deferred.fromCoroutine(self._bring(envelope, recipients, body))

    async def _bring(self, envelope: Envelope, recipients: Sequence[Recipient], body: IBody) -> Sequence[Outcome]:
        return [await self._bring_to(envelope, recipient, body) for recipient in recipients]

    async def _bring_to(self, envelope: Envelope, recipient: Recipient, body: IBody) -> Outcome:
        try:
            return await self._place(envelope, recipient, body)
        except OverQuota:
            return self._delayed(recipient, Status(4, 2, 2), "the mailbox is full")
        except NotFound:
            return self._failed(recipient, Status(5, 1, 1), "no such user here")
        except MailError as error:
            return self._delayed(recipient, Status(4, 3, 0), str(error))

    async def _place(self, envelope: Envelope, recipient: Recipient, body: IBody) -> Outcome:
        found = await self._directory.resolve(recipient.address)
        if isinstance(found, Unknown):
            raise NotFound(str(recipient.address))
        if isinstance(found, Remote):
            return self._failed(recipient, Status(5, 4, 6), "the domain was taken away from this server just now")
        own = msgspec.structs.replace(envelope, id=self._ids(), recipients=(recipient,), release=0.0)
        draft = await copied(body, self._delivery)
        try:
            await self._delivery.commit(draft, own, b"", destinations_for(recipient, found))
        finally:
            draft.discard()
        final = ends_here(found)
        return Delivered(recipient.address, self._hostname, f"queued as {own.id}", final=final, dsn=not final)

    def _delayed(self, recipient: Recipient, status: Status, text: str) -> Delayed:
        return Delayed(recipient.address, status, text, self._hostname)

    def _failed(self, recipient: Recipient, status: Status, text: str) -> Failed:
        return Failed(recipient.address, status, text, self._hostname)
