"""Takes mail out of the maildrop, in which ``sendmail`` puts it while the server cannot be asked.

At the start and every ``EVERY`` seconds.  Each file is asked about as its sender would have been in a session: what is
refused comes back to him as a notice, for nobody waits for an answer here; what is refused for now goes into the relay
queue, which tries again by schedule (mail for mailboxes here, too: ``services.home``).  A file is removed when its
message is durable elsewhere, so a crash may repeat a message and never loses one.  What cannot be read is put aside.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mailsuite.errors import Corrupt, MailError, NotFound, OverQuota
from mailsuite.happenings import Accepted, Refused, Rewritten
from mailsuite.interfaces import (
    IDelivery,
    IDirectory,
    IDraft,
    IObserver,
    IOffload,
    IPolicy,
    IReports,
    IRewrites,
    IRewriting,
)
from mailsuite.model import (
    AddHeader,
    BodyType,
    Client,
    Destination,
    Envelope,
    Failed,
    Later,
    Pending,
    Queued,
    Refuse,
    Resolution,
    ToMailbox,
    ToRemote,
    Verdict,
)
from mailsuite.net.address import LOCAL
from mailsuite.net.copying import copied, written
from mailsuite.net.smtp_rewriting import rewritten_envelope, rewritten_header, with_header
from mailsuite.net.smtp_submission import missing_fields
from mailsuite.net.smtp_transaction import destinations_for
from mailsuite.observers import NOBODY
from mailsuite.queue.notify import wanted
from mailsuite.sendmail.maildrop import Dropped, Places, abandoned, opened, whole
from mailsuite.smtp.received import date
from mailsuite.unchanged import UNCHANGED
from mailsuite.wire.canonical import Canonical

#: Seconds between two looks; files of one look; seconds after which what a crash cut short is removed.
EVERY = 10.0
AT_ONCE = 100
ABANDONED = 86_400.0
_PIECE = 256 * 1024
#: As whom policy sees them.
_CLIENT = Client("", 0, "submission", helo="localhost", trusted=True)


class _Wait(Exception):
    """Not now: the file stays."""


class Pickup:
    """``start`` it when everything it asks is open."""

    log = Logger()

    def __init__(
        self,
        places: Places,
        directory: IDirectory,
        policy: IPolicy,
        delivery: IDelivery,
        reports: IReports,
        hostname: str,
        ids: Callable[[], str],
        clock: IReactorTime,
        offload: IOffload,
        observer: IObserver = NOBODY,
        rewriting: IRewriting = UNCHANGED,
    ) -> None:
        self._observer = observer
        self._rewriting = rewriting
        self._places = places
        self._directory = directory
        self._policy = policy
        self._delivery = delivery
        self._reports = reports
        self._hostname = hostname
        self._ids = ids
        self._clock = clock
        self._offload = offload
        self._timer: IDelayedCall | None = None
        self._looking: Deferred[None] = succeed(None)
        self._running = False

    def start(self) -> None:
        self._running = True
        self._look()

    def stop(self) -> Deferred[None]:
        """Fires when the message under way is done with."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        stopped: Deferred[None] = Deferred()
        self._looking.addBoth(lambda _: stopped.callback(None))
        return stopped

    def _look(self) -> None:
        self._looking = Deferred.fromCoroutine(self.take_all())
        self._looking.addErrback(lambda failure: self.log.failure("the maildrop cannot be read", failure))
        self._looking.addCallback(self._again)

    def _again(self, _: object) -> None:
        if self._running:
            self._timer = self._clock.callLater(EVERY, self._look)

    async def take_all(self) -> None:
        """What is there now."""
        drop = self._places.drop
        for name in (await self._offload.run(whole, drop))[:AT_ONCE]:
            if not self._running:
                return
            await self._take(name)
        for name in await self._offload.run(abandoned, drop, self._clock.seconds() - ABANDONED):
            self.log.info("maildrop: {name} was never finished, removed", name=name)
            await self._offload.run(_remove, os.path.join(drop, name))

    async def _take(self, name: str) -> None:
        path = os.path.join(self._places.drop, name)
        try:
            dropped = await self._offload.run(opened, path)
        except (Corrupt, OSError) as error:
            self.log.error("maildrop: {error}; put aside in {folder}", error=error, folder=self._places.broken)
            await self._offload.run(_put_aside, path, os.path.join(self._places.broken, name))
            return
        try:
            await self._send(dropped)
        except (MailError, _Wait) as error:
            self.log.warn("maildrop: {name} waits: {error}", name=name, error=error)
            return
        finally:
            await self._offload.run(os.close, dropped.fd)
        await self._offload.run(_remove, path)

    async def _send(self, dropped: Dropped) -> None:
        """Raises MailError, _Wait."""
        head = dropped.head
        body = BodyType.EIGHT_BIT_MIME if head.eight_bit else BodyType.SEVEN_BIT
        envelope = Envelope(
            *(self._ids(), head.sender, head.recipients, self._clock.seconds(), body),
            smtputf8=head.smtputf8,
            envid=head.envid,
            ret=head.ret,
        )
        draft = self._delivery.draft()
        try:
            await self._fill(draft, dropped)
            now = self._rewriting.now()
            rewrites: IRewrites = await now if isinstance(now, Deferred) else now
            envelope = self._rewritten(rewrites, envelope)
            draft = await self._with_header(draft, rewrites)
            header = draft.header()
            answers = await self._ask(envelope, draft)
            if answers.failed:
                await self._tell_sender(envelope, draft, answers.failed)
            if answers.destinations:
                trace = b"".join(answers.fields) + self._trace(envelope, dropped.uid, header)
                header = trace + header
                await self._commit(draft, envelope, trace, answers.destinations)
        finally:
            draft.discard()
        self._log(envelope, dropped, answers, header)

    async def _fill(self, draft: IDraft, dropped: Dropped) -> None:
        canonical = Canonical()
        while piece := await self._offload.run(os.read, dropped.fd, _PIECE):
            await written(draft, canonical.feed(piece))
        await written(draft, canonical.finish())

    def _rewritten(self, rewrites: IRewrites, given: Envelope) -> Envelope:
        envelope = rewritten_envelope(rewrites, given)
        before = [given.sender, *(one.address for one in given.recipients)]
        after = [envelope.sender, *(one.address for one in envelope.recipients)]
        for old, new in zip(before, after, strict=True):
            if old != new:
                self.log.info("{id}: <{given}> becomes <{to}>", id=given.id, given=old, to=new)
                self._observer.happened(Rewritten(given.arrived, given.id, str(old), str(new)))
        return envelope

    async def _with_header(self, draft: IDraft, rewrites: IRewrites) -> IDraft:
        """Written by those who are at home here, so its header is rewritten too."""
        old = draft.header()
        new = rewritten_header(old, draft, rewrites, _CLIENT)
        return draft if new is old else await with_header(draft, self._delivery, old, new)

    # -- questions -------------------------------------------------------------------------------------------------

    async def _ask(self, envelope: Envelope, draft: IDraft) -> _Answers:
        """What policy says, in the order of a session."""
        client, answers, sender = _CLIENT, _Answers(), envelope.sender
        whole = await self._verdict(self._policy.at_sender(client, sender, draft.size), answers)
        if whole is None:
            whole = await self._verdict(self._policy.at_message(client, envelope, draft.header(), draft.size), answers)
        if isinstance(whole, Later):
            raise _Wait(whole.text)
        for recipient in envelope.recipients:
            address = recipient.address
            resolution: Resolution = await self._directory.resolve(address)
            asked = self._policy.at_recipient(client, sender, address, resolution, draft.size)
            no = whole or await self._verdict(asked, answers)
            if isinstance(no, Refuse):
                answers.failed.append(Failed(address, no.status, no.text, self._hostname))
            elif isinstance(no, Later):
                answers.to[address] = ToRemote(recipient)
            else:
                for one in destinations_for(recipient, resolution):
                    answers.to.setdefault(one.account if isinstance(one, ToMailbox) else one.recipient.address, one)
        return answers

    async def _verdict(self, asked: Verdict | Deferred[Verdict], answers: _Answers) -> Refuse | Later | None:
        verdict = await asked if isinstance(asked, Deferred) else asked
        if isinstance(verdict, AddHeader):
            answers.fields.append(verdict.field)
        return verdict if isinstance(verdict, Refuse | Later) else None

    # -- what comes of it ------------------------------------------------------------------------------------------

    async def _tell_sender(self, envelope: Envelope, draft: IDraft, failed: Sequence[Failed]) -> None:
        body = await draft.body()
        pending = tuple(Pending(one) for one in envelope.recipients)
        queued = Queued(envelope, pending, envelope.arrived, envelope.arrived, body.size)
        try:
            if telling := wanted(envelope, failed):
                await self._reports.report(queued, telling, body)
        finally:
            body.close()

    async def _commit(
        self, draft: IDraft, envelope: Envelope, trace: bytes, destinations: Sequence[Destination]
    ) -> None:
        """A mailbox that filled up just now is tried again by the queue."""
        body = await draft.body()
        try:
            await self._delivery.commit(draft, envelope, trace, destinations)
        except (OverQuota, NotFound):
            everybody = tuple(ToRemote(recipient) for recipient in envelope.recipients)
            await self._delivery.commit(await copied(body, self._delivery), envelope, trace, everybody)
        finally:
            body.close()

    def _trace(self, envelope: Envelope, uid: int, header: bytes) -> bytes:
        """RFC 5321 §4.4 is about SMTP, which brought nothing here: no ``from``, no ``with``."""
        own = f"Received: by {self._hostname} (mailsuite, from userid {uid})\r\n\tid {envelope.id};\r\n"
        field = f"{own}\t{date(envelope.arrived)}\r\n".encode()
        return field + missing_fields(header, envelope.id, self._hostname, envelope.arrived)

    def _tell(self, envelope: Envelope, dropped: Dropped, answers: _Answers, header: bytes) -> None:
        who, sender = f"{LOCAL} uid={dropped.uid} maildrop", str(envelope.sender)
        refused = {one.recipient for one in answers.failed}
        for one in answers.failed:
            what = Refused(envelope.arrived, envelope.id, sender, str(one.recipient), who, f"{one.status} {one.text}")
            self._observer.happened(what)
        those = tuple(str(one.address) for one in envelope.recipients if one.address not in refused)
        if those:
            service = _CLIENT.service
            self._observer.happened(
                Accepted(
                    *(envelope.arrived, envelope.id, sender, those, dropped.size, who, service),
                    header=header,
                    trusted=_CLIENT.trusted,
                    checks=self._policy.checks,
                    fields=b"".join(answers.fields),
                )
            )

    def _log(self, envelope: Envelope, dropped: Dropped, answers: _Answers, header: bytes) -> None:
        refused = {one.recipient: one for one in answers.failed}
        self._tell(envelope, dropped, answers, header)
        for one in answers.failed:
            self.log.info("{id}: <{to}> refused: {why}", id=envelope.id, to=one.recipient, why=one.text)
        self.log.info(
            "{id}: from=<{sender}> to={to} size={size} client=local uid={uid} maildrop: queued",
            id=envelope.id,
            sender=envelope.sender,
            to=", ".join(f"<{one.address}>" for one in envelope.recipients if one.address not in refused),
            size=dropped.size,
            uid=dropped.uid,
        )


class _Answers:
    """What is to be done with a message."""

    def __init__(self) -> None:
        self.fields: list[bytes] = []
        self.failed: list[Failed] = []
        self.to: dict[object, Destination] = {}

    @property
    def destinations(self) -> tuple[Destination, ...]:
        return tuple(self.to.values())


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _put_aside(path: str, to: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, to)
