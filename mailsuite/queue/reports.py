"""Tells senders what became of their mail (IReports): writes a delivery status notification and delivers it like any
other mail.

Who is told is decided by NOTIFY (RFC 3461 §4.1); nobody is told of mail from the null sender (RFC 5321 §6.1), but the
postmaster here learns of its failures, and of those whose sender is unknown here or has no room for the notice.
Nothing is ever told of a notice to the postmaster: one that cannot be delivered is logged and dropped.  What cannot be
delivered now fails with ``Temporary``, and the caller keeps the message and tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.errors import MailError, NotFound, OverQuota
from mailsuite.happenings import Notified
from mailsuite.interfaces import IBody, IDelivery, IDirectory, IDraft, IObserver, IReports
from mailsuite.mime.dsn import build
from mailsuite.mime.notice import Notice
from mailsuite.model import (
    NULL_SENDER,
    Address,
    BodyType,
    Delivered,
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
from mailsuite.observers import NOBODY
from mailsuite.queue.notify import by_return_path, wanted

POSTMASTER = Address("postmaster", "")
#: Octets copied at a time.
PIECE = 64 * 1024


class ReportSettings(msgspec.Struct, frozen=True):
    #: This server's name in the notices.
    hostname: str
    #: Octets up to which a message is returned whole where that was asked for (RET=FULL).
    whole: int = 1024 * 1024
    #: Whether the postmaster is told of failures that can be told to nobody else.
    to_postmaster: bool = True


@implementer(IReports)
class Reports:
    """``ids`` makes fresh message ids."""

    log = Logger()

    def __init__(
        self,
        delivery: IDelivery,
        directory: IDirectory,
        settings: ReportSettings,
        clock: IReactorTime,
        ids: Callable[[], str],
        observer: IObserver = NOBODY,
    ) -> None:
        self._observer = observer
        self._delivery = delivery
        self._directory = directory
        self._settings = settings
        self._clock = clock
        self._ids = ids

    def report(self, queued: Queued, outcomes: Sequence[Outcome], original: IBody | None) -> Deferred[None]:
        return Deferred.fromCoroutine(self._report(queued.envelope, outcomes, original, queued.expires))

    def delivered(
        self, envelope: Envelope, recipients: Sequence[Recipient], header: bytes, expanded: Collection[Address] = ()
    ) -> Deferred[None]:
        host = self._settings.hostname
        outcomes = [
            Delivered(one.address, host, "", final=True, expanded=one.address in expanded) for one in recipients
        ]
        return Deferred.fromCoroutine(self._delivered(envelope, outcomes, header))

    async def _delivered(self, envelope: Envelope, outcomes: Sequence[Delivered], header: bytes) -> None:
        try:
            told = wanted(envelope, outcomes)
            if told:
                await self._tell(envelope, told, header, None, 0.0)
        except Exception:
            self.log.failure("{id}: notice of delivery not delivered", id=envelope.id)

    # -- who is told -----------------------------------------------------------------------------------------------

    async def _report(
        self, envelope: Envelope, outcomes: Sequence[Outcome], original: IBody | None, expires: float
    ) -> None:
        header = await _header(original)
        for sender, told in by_return_path(envelope, wanted(envelope, outcomes)).items():
            await self._tell(msgspec.structs.replace(envelope, sender=sender), told, header, original, expires)

    async def _tell(
        self, envelope: Envelope, told: Sequence[Outcome], header: bytes, original: IBody | None, expires: float
    ) -> None:
        """To the sender; what cannot be told there, to the postmaster."""
        whole = _is_returned(envelope, told, original, self._settings.whole)
        notice = Notice(
            self._ids(),
            self._settings.hostname,
            self._clock.seconds(),
            envelope,
            tuple(told),
            header,
            envelope.sender,
            retry_until=expires,
            whole=whole,
            eight_bit=envelope.body is not BodyType.SEVEN_BIT or not header.isascii(),
        )
        returned = original if whole else None
        if await self._is_sent(notice, returned, await self._destinations(envelope.sender)):
            return
        here = Address(POSTMASTER.local, self._settings.hostname)
        notice = msgspec.structs.replace(notice, to=here)
        if await self._is_sent(notice, returned, await self._postmaster(told)):
            return
        if any(isinstance(outcome, Failed) for outcome in told):
            self.log.warn("{id}: no notice, there is nobody to tell", id=envelope.id)

    async def _destinations(self, sender: Address) -> list[Destination]:
        return [] if sender.is_null else _lead(sender, await self._directory.resolve(sender))

    async def _postmaster(self, told: Sequence[Outcome]) -> list[Destination]:
        """Where the postmaster's mail goes, if there is a failure to tell.  NEVER: should it fail, too, that is all."""
        if not self._settings.to_postmaster or not any(isinstance(outcome, Failed) for outcome in told):
            return []
        return _lead(POSTMASTER, await self._directory.resolve(POSTMASTER), frozenset({"NEVER"}))

    # -- the notice on its way -------------------------------------------------------------------------------------

    async def _is_sent(self, notice: Notice, original: IBody | None, destinations: Sequence[Destination]) -> bool:
        """False if there is nobody to send it to, or their mailbox is full or gone."""
        if not destinations:
            return False
        draft = self._delivery.draft()
        try:
            eight_bit = await _write(notice, original, draft)
            envelope = Envelope(
                notice.id,
                NULL_SENDER,  # RFC 3461 §6.1
                (Recipient(notice.to),),
                notice.written,
                BodyType.EIGHT_BIT_MIME if eight_bit else BodyType.SEVEN_BIT,
                smtputf8=not str(notice.to).isascii(),
                require_tls=notice.envelope.require_tls,  # RFC 8689 §5: it tells of a message that required it
            )
            await self._delivery.commit(draft, envelope, b"", destinations)
        except (OverQuota, NotFound) as error:
            self.log.warn("{id}: no notice to <{to}>: {error}", id=notice.envelope.id, to=notice.to, error=error)
            return False
        else:
            self.log.info("{id}: notice {notice} to <{to}>", id=notice.envelope.id, notice=notice.id, to=notice.to)
            at = self._clock.seconds()
            self._observer.happened(Notified(at, notice.envelope.id, notice.id, str(notice.to)))
            return True
        finally:
            draft.discard()


async def _write(notice: Notice, original: IBody | None, draft: IDraft) -> bool:
    """Whether there are octets above 127 in it."""
    form = build(notice)
    await _written(draft, form.before)
    if original is not None:
        offset = 0
        while piece := await original.read_at(offset, PIECE):
            await _written(draft, piece)
            offset += len(piece)
    await _written(draft, form.after)
    return not form.before.isascii() or notice.eight_bit


async def _written(draft: IDraft, octets: bytes) -> None:
    writing = draft.write(octets)
    if writing is not None:
        await writing


async def _header(original: IBody | None) -> bytes:
    """For the notice, which is worth sending without it."""
    try:
        return b"" if original is None else await original.header()
    except MailError:
        return b""


def _is_returned(envelope: Envelope, told: Sequence[Outcome], original: IBody | None, limit: int) -> bool:
    """RFC 3461 §4.3: whole only with a failure, and RFC 8689 §5: never what requires TLS.  What is not made of lines
    cannot stand in a message of lines."""
    return (
        original is not None
        and envelope.ret == "FULL"
        and not envelope.require_tls
        and original.size <= limit
        and envelope.body is not BodyType.BINARY_MIME
        and any(isinstance(outcome, Failed) for outcome in told)
    )


def _lead(address: Address, resolution: Resolution, notify: frozenset[str] = frozenset()) -> list[Destination]:
    """Where mail for an address goes."""
    if isinstance(resolution, Local):
        return [ToMailbox(resolution.account)]
    if isinstance(resolution, Forward):
        here: list[Destination] = [ToMailbox(local.account) for local in resolution.accounts]
        return here + [ToRemote(Recipient(elsewhere, notify=notify)) for elsewhere in resolution.addresses]
    if isinstance(resolution, Remote):
        return [ToRemote(Recipient(address, notify=notify))]
    return []
