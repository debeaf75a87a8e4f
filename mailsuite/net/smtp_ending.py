"""The end of a message: policy's last word, the commit, and what the client and the log are told of it.

Promises: a positive answer is given when the delivery says that all destinations have the message; what is committed is
one line in the log, its client there or not.  The commit is one step for all recipients.  LMTP asks for an answer for
each (RFC 2033 §4.2): where one mailbox stands in the way there, each recipient is served by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError, NotFound, OverQuota
from mailsuite.interfaces import IBody, IDraft
from mailsuite.model import AddHeader, Client, Destination, Envelope, Later, Recipient, Refuse
from mailsuite.net import smtp_replies as replies
from mailsuite.net.smtp_replies import Stage
from mailsuite.net.smtp_settings import Service
from mailsuite.net.smtp_submission import missing_fields
from mailsuite.net.smtp_transaction import Transaction
from mailsuite.smtp.events import MessageEnd
from mailsuite.smtp.received import received
from mailsuite.smtp.reply import Reply

if TYPE_CHECKING:
    from mailsuite.net.smtp_factory import SMTPServerFactory

#: Octets copied at a time.
_PIECE = 1 << 20


class Sender(msgspec.Struct, frozen=True):
    """Who sent the message, as trace field and log tell of it even after the client has left.  ``gone`` tells whether
    it has; ``fields`` are header fields that policy wanted before the message."""

    client: Client
    peer: str
    extended: bool
    fields: tuple[bytes, ...]
    gone: Callable[[], bool]


class Ending:
    """Of one message; the draft is committed or discarded when ``answers`` is done."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, factory: SMTPServerFactory, transaction: Transaction, event: MessageEnd, sender: Sender) -> None:
        self._factory = factory
        self._transaction = transaction
        self._event = event
        self._sender = sender

    async def answers(self) -> Sequence[Reply]:
        """One that goes for all recipients, or in LMTP one for each that was accepted."""
        try:
            return await self._decide()
        except MailError as error:
            return (self._tell(self._why(error)),)
        finally:
            self._transaction.drop()

    async def _decide(self) -> Sequence[Reply]:
        transaction = self._transaction
        if self._event.faults:
            return (self._tell(self._referred(replies.for_faults(self._event.faults))),)
        finishing = transaction.finish()
        if finishing is not None:
            await finishing
        if transaction.failure is not None:
            raise transaction.failure
        envelope, draft = transaction.envelope(self._factory.clock.seconds()), transaction.draft
        asked = self._factory.policy.at_message(self._sender.client, envelope, draft.header(), self._event.size)
        verdict = await asked if isinstance(asked, Deferred) else asked
        if isinstance(verdict, Refuse | Later):
            return (self._tell(self._referred(replies.for_verdict(verdict, Stage.MESSAGE))),)
        if isinstance(verdict, AddHeader):
            transaction.fields.append(verdict.field)
        # RFC 7208 §9.1, RFC 8601 §4: what was found out about a message goes above the trace field of its arrival.
        trace = b"".join((*self._sender.fields, *transaction.fields, self._received(envelope)))
        service = self._factory.settings.service
        if service is Service.SUBMISSION:
            trace += missing_fields(draft.header(), envelope.id, self._factory.settings.hostname, envelope.arrived)
        if service is Service.LMTP and len(transaction.recipients) > 1:
            return await self._serve_each(envelope, trace)
        return (await self._commit(envelope, trace),)

    # -- one step for all ------------------------------------------------------------------------------------------

    def _commit(self, envelope: Envelope, trace: bytes) -> Deferred[Reply]:
        """The client may leave meanwhile, which ends the waiting; what comes of the commit is logged all the same."""
        transaction = self._transaction

        def failed(failure: Failure) -> Reply | Failure:
            if isinstance(failure.value, MailError):
                return self._tell(self._why(failure.value))
            if self._sender.gone():  # nobody waits for it any more
                self.log.failure("{id}: fault while committing", failure, id=transaction.id)
            return failure

        answer: Deferred[Reply] = Deferred()
        to_confirm = transaction.to_confirm
        header = transaction.draft.header() if to_confirm else b""
        draft, destinations = transaction.take_draft(), transaction.destinations
        committed = self._place(draft, envelope, trace, destinations, to_confirm, header)
        told: Deferred[Reply] = committed.addCallbacks(lambda _: self._tell(replies.queued(envelope.id)), failed)
        told.chainDeferred(answer)
        return answer

    def _place(
        self,
        draft: IDraft,
        envelope: Envelope,
        trace: bytes,
        destinations: Sequence[Destination],
        to_confirm: Sequence[Recipient],
        header: bytes,
    ) -> Deferred[None]:
        committed: Deferred[None] = self._factory.delivery.commit(draft, envelope, trace, destinations)
        if to_confirm:
            # RFC 3461 §5.2.3.  Before the answer: should we crash in between, the client sends the message again.
            expanded, told = self._transaction.expanded, self._factory.reports.delivered
            committed.addCallback(lambda _: told(envelope, to_confirm, header, expanded))
        return committed

    # -- each for itself (LMTP) ------------------------------------------------------------------------------------

    async def _serve_each(self, envelope: Envelope, trace: bytes) -> Sequence[Reply]:
        """All together if that works, as it nearly always does; otherwise one by one."""
        transaction = self._transaction
        header, body = transaction.draft.header(), await transaction.draft.body()
        try:
            draft, destinations = transaction.take_draft(), transaction.destinations
            await self._place(draft, envelope, trace, destinations, transaction.to_confirm, header)
        except (OverQuota, NotFound) as error:
            self.log.info("{id}: {error}; each recipient is served by itself", id=envelope.id, error=error)
        else:
            return (self._tell(replies.queued(envelope.id)),)
        try:
            return await self._one_by_one(envelope, trace, header, body)
        finally:
            body.close()

    async def _one_by_one(self, envelope: Envelope, trace: bytes, header: bytes, body: IBody) -> Sequence[Reply]:
        transaction = self._transaction
        done: set[Destination] = set()
        outcomes: dict[object, Reply] = {}
        for recipient, leads in zip(transaction.recipients, transaction.leads, strict=True):
            wanted = [to for to in leads if to not in done]
            id = self._factory.ids() if outcomes else envelope.id
            own = msgspec.structs.replace(envelope, id=id, recipients=(recipient,))
            to_confirm = [recipient] if recipient in transaction.to_confirm else []
            answer = replies.queued(own.id)
            try:
                if wanted:
                    draft = await self._copied(body)
                    await self._place(draft, own, trace, wanted, to_confirm, header)
                done.update(wanted)
            except MailError as error:
                answer = self._why(error, recipient)
            outcomes[recipient.address] = self._tell(answer, recipient)
        return [outcomes[address] for address in transaction.accepted]

    async def _copied(self, body: IBody) -> IDraft:
        draft, offset = self._factory.delivery.draft(), 0
        while piece := await body.read_at(offset, _PIECE):
            written = draft.write(piece)
            if written is not None:
                await written
            offset += len(piece)
        return draft

    # -- words -----------------------------------------------------------------------------------------------------

    def _received(self, envelope: Envelope) -> bytes:
        hostname, sender = self._factory.settings.hostname, self._sender
        return received(
            *(sender.client, sender.extended, hostname, envelope.id, envelope.recipients, envelope.arrived),
            *(envelope.smtputf8, envelope.priority),
        )

    def _why(self, error: MailError, recipient: Recipient | None = None) -> Reply:
        self.log.warn("{id}: {error}", id=self._transaction.id, error=error)
        return self._referred(replies.for_error(error), recipient)

    def _referred(self, no: Reply, recipient: Recipient | None = None) -> Reply:
        address = recipient.address if recipient is not None else None
        return replies.referred(no, self._transaction.id, self._factory.settings.hostname, address)

    def _tell(self, answer: Reply, recipient: Recipient | None = None) -> Reply:
        """One line for each message, and so made here at once: a format string would cost as much as its delivery."""
        transaction, sender = self._transaction, self._sender
        addresses = [recipient.address] if recipient is not None else transaction.addresses
        to = ", ".join([f"<{address}>" for address in addresses])
        self.log.info(
            "{line}",
            line=f"{transaction.id}: from=<{transaction.sender}> to={to} size={self._event.size} "
            f"client={sender.peer} account={sender.client.account}: {answer}",
            id=transaction.id,
        )
        return answer
