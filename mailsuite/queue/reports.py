"""Tells senders what failed (IReports): writes a delivery status notification and delivers it like any other mail.

Nobody is told of mail from the null sender (RFC 5321 §6.1), nor where the sender asked not to be (NOTIFY=NEVER, RFC
3461 §4.1).  A notice that cannot be delivered for good (sender unknown here, mailbox full) is logged and dropped; one
that cannot be delivered now fails with ``Temporary``, and the caller keeps the message and tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.errors import NotFound, OverQuota
from mailsuite.interfaces import IDelivery, IDirectory, IReports
from mailsuite.mime.dsn import Notice, build
from mailsuite.model import (
    NULL_SENDER,
    Address,
    BodyType,
    Destination,
    Envelope,
    Failed,
    Forward,
    Local,
    Outcome,
    Queued,
    Recipient,
    Remote,
    Resolution,
    ToMailbox,
    ToRemote,
)


@implementer(IReports)
class Reports:
    """``ids`` makes fresh message ids; ``hostname`` is this server's name in the notices."""

    log = Logger()

    def __init__(
        self,
        delivery: IDelivery,
        directory: IDirectory,
        hostname: str,
        clock: IReactorTime,
        ids: Callable[[], str],
    ) -> None:
        self._delivery = delivery
        self._directory = directory
        self._hostname = hostname
        self._clock = clock
        self._ids = ids

    def report(self, queued: Queued, failures: Sequence[Outcome], header: bytes) -> Deferred[None]:
        return Deferred.fromCoroutine(self._report(queued, failures, header))

    async def _report(self, queued: Queued, failures: Sequence[Outcome], header: bytes) -> None:
        envelope = queued.envelope
        silent = {recipient.address for recipient in envelope.recipients if not _wants_failures(recipient)}
        told = tuple(one for one in failures if isinstance(one, Failed) and one.recipient not in silent)
        if envelope.sender.is_null or not told:
            return
        destinations = _destinations(envelope.sender, await self._directory.resolve(envelope.sender))
        if not destinations:
            self.log.warn(
                "{id}: no notice, the sender <{sender}> is unknown here", id=envelope.id, sender=envelope.sender
            )
            return
        await self._send(
            Notice(self._ids(), self._hostname, self._clock.seconds(), envelope, told, header), destinations
        )

    async def _send(self, notice: Notice, destinations: Sequence[Destination]) -> None:
        octets = build(notice)
        sender = notice.envelope.sender
        envelope = Envelope(
            notice.id,
            NULL_SENDER,
            (Recipient(sender),),
            notice.written,
            BodyType.SEVEN_BIT if octets.isascii() else BodyType.EIGHT_BIT_MIME,
            smtputf8=not str(sender).isascii(),
        )
        draft = self._delivery.draft()
        try:
            written = draft.write(octets)
            if written is not None:
                await written
            await self._delivery.commit(draft, envelope, b"", destinations)
        except (OverQuota, NotFound) as error:
            self.log.warn("{id}: no notice to <{sender}>: {error}", id=notice.envelope.id, sender=sender, error=error)
        else:
            self.log.info("{id}: notice {notice} to <{sender}>", id=notice.envelope.id, notice=notice.id, sender=sender)
        finally:
            draft.discard()


def _wants_failures(recipient: Recipient) -> bool:
    """RFC 3461 §4.1: who said nothing wants them."""
    return not recipient.notify or "FAILURE" in recipient.notify


def _destinations(sender: Address, resolution: Resolution) -> list[Destination]:
    if isinstance(resolution, Local):
        return [ToMailbox(resolution.account)]
    if isinstance(resolution, Forward):
        here: list[Destination] = [ToMailbox(local.account) for local in resolution.accounts]
        return here + [ToRemote(Recipient(address)) for address in resolution.addresses]
    if isinstance(resolution, Remote):
        return [ToRemote(Recipient(sender))]
    return []
