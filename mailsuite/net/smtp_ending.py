"""The end of a message: policy's last word, the commit, and what the client and the log are told of it.

Promises: a positive answer is given when the delivery says that all destinations have the message; what is committed is
one line in the log, its client there or not.  The commit is one step for all recipients.  LMTP asks for an answer for
each (RFC 2033 §4.2): where one mailbox stands in the way there, each recipient is served by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError, NotFound, OverQuota
from mailsuite.happenings import Accepted, Happening, Refused
from mailsuite.interfaces import IBody, IDraft
from mailsuite.model import AddHeader, Client, Destination, Envelope, Later, Recipient, Refuse, Verdict
from mailsuite.net import smtp_replies as replies
from mailsuite.net.copying import copied
from mailsuite.net.smtp_replies import Stage
from mailsuite.net.smtp_rewriting import rewritten_header, with_header
from mailsuite.net.smtp_settings import Service
from mailsuite.net.smtp_submission import missing_fields
from mailsuite.net.smtp_transaction import Transaction
from mailsuite.smtp.events import MessageEnd
from mailsuite.smtp.received import received
from mailsuite.smtp.reply import Reply

if TYPE_CHECKING:
    from mailsuite.net.smtp_factory import SMTPServerFactory

#: One for all recipients, or one for each.
Answers: TypeAlias = Sequence[Reply]


class Sender(msgspec.Struct, frozen=True):
    """Who sent the message, as trace field and log tell of it even after the client has left, which came at ``since``.
    ``gone`` tells whether it has left; ``fields`` are header fields that policy wanted before the message."""

    client: Client
    peer: str
    since: float
    extended: bool
    fields: tuple[bytes, ...]
    gone: Callable[[], bool]


class Ending:
    """Of one message; the draft is committed or discarded when ``answers`` is done.

    Callbacks and not coroutines where every message passes: a coroutine costs as much as several of them."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, factory: SMTPServerFactory, transaction: Transaction, event: MessageEnd, sender: Sender) -> None:
        self._factory = factory
        self._transaction = transaction
        self._event = event
        self._sender = sender
        #: The header as it is kept, for who observes.
        self._header = b""

    def answers(self) -> Answers | Deferred[Answers]:
        """One that goes for all recipients, or in LMTP one for each that was accepted."""
        try:
            finishing = self._transaction.finish()
            answers = self._ask(None) if finishing is None else finishing.addCallback(self._ask)
        except MailError as error:
            answers = self._refused(error)
        except BaseException:
            self._transaction.drop()
            raise
        if isinstance(answers, Deferred):
            return answers.addCallbacks(self._over, self._failed)
        return self._over(answers)

    def _over(self, answers: Answers) -> Answers:
        self._transaction.drop()
        return answers

    def _failed(self, failure: Failure) -> Answers | Failure:
        self._transaction.drop()
        return self._refused(failure.value) if isinstance(failure.value, MailError) else failure

    def _refused(self, error: MailError) -> Answers:
        return (self._tell(self._why(error)),)

    def _ask(self, _: object) -> Answers | Deferred[Answers]:
        """Policy, once the draft is whole."""
        transaction, client = self._transaction, self._sender.client
        if self._event.faults:
            most = self._factory.settings.limits.message
            return (self._tell(self._referred(replies.for_faults(self._event.faults, most))),)
        if transaction.failure is not None:
            raise transaction.failure
        envelope, header = transaction.envelope(self._factory.clock.seconds()), transaction.draft.header()
        asked = self._factory.policy.at_message(client, envelope, header, self._event.size)
        if isinstance(asked, Deferred):
            return asked.addCallback(self._decide, envelope, header)
        return self._decide(asked, envelope, header)

    def _decide(self, verdict: Verdict, envelope: Envelope, header: bytes) -> Answers | Deferred[Answers]:
        transaction = self._transaction
        if isinstance(verdict, Refuse | Later):
            return (self._tell(self._referred(replies.for_verdict(verdict, Stage.MESSAGE))),)
        if isinstance(verdict, AddHeader):
            transaction.fields.append(verdict.field)
        changed = rewritten_header(header, transaction.draft, transaction.rewrites, self._sender.client)
        if changed is not header:
            return Deferred.fromCoroutine(self._rewritten(envelope, header, changed))
        return self._take(envelope, header)

    async def _rewritten(self, envelope: Envelope, header: bytes, changed: bytes) -> Answers:
        """Addresses in the header are exchanged; the old draft is spent."""
        transaction = self._transaction
        transaction.open(await with_header(transaction.take_draft(), self._factory.delivery, header, changed))
        answers = self._take(envelope, changed)
        return await answers if isinstance(answers, Deferred) else answers

    def _take(self, envelope: Envelope, header: bytes) -> Answers | Deferred[Answers]:
        transaction = self._transaction
        # RFC 7208 §9.1, RFC 8601 §4: what was found out about a message goes above the trace field of its arrival.
        trace = b"".join((*self._sender.fields, *transaction.fields, self._received(envelope)))
        service = self._factory.settings.service
        if service is Service.SUBMISSION:
            trace += missing_fields(header, envelope.id, self._factory.settings.hostname, envelope.arrived)
        if self._factory.observer.listens:
            self._header = trace + header
        if service is Service.LMTP and len(transaction.recipients) > 1:
            return Deferred.fromCoroutine(self._serve_each(envelope, trace))
        return self._commit(envelope, trace, header)

    # -- one step for all ------------------------------------------------------------------------------------------

    def _commit(self, envelope: Envelope, trace: bytes, header: bytes) -> Deferred[Answers]:
        """The client may leave meanwhile, which ends the waiting; what comes of the commit is logged all the same."""
        transaction = self._transaction
        answer: Deferred[Answers] = Deferred()

        def committed(_: None) -> None:
            answer.callback((self._tell(replies.queued(envelope.id)),))

        def failed(failure: Failure) -> None:
            if isinstance(failure.value, MailError):
                answer.callback(self._refused(failure.value))
                return
            if self._sender.gone():  # nobody waits for it any more
                self.log.failure("{id}: fault while committing", failure, id=transaction.id)
            answer.errback(failure)

        draft, destinations, to_confirm = transaction.take_draft(), transaction.destinations, transaction.to_confirm
        self._place(draft, envelope, trace, destinations, to_confirm, header).addCallbacks(committed, failed)
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
            committed.addCallback(lambda _: told(envelope, to_confirm, trace + header, expanded))
        return committed

    # -- each for itself (LMTP) ------------------------------------------------------------------------------------

    async def _serve_each(self, envelope: Envelope, trace: bytes) -> Answers:
        """All together if that works, as it nearly always does; otherwise one by one."""
        transaction = self._transaction
        header, body = transaction.draft.header(), await transaction.draft.body()
        try:
            draft, destinations = transaction.take_draft(), transaction.destinations
            await self._place(draft, envelope, trace, destinations, transaction.to_confirm, header)
            return (self._tell(replies.queued(envelope.id)),)
        except (OverQuota, NotFound) as error:
            self.log.info("{id}: {error}; each recipient is served by itself", id=envelope.id, error=error)
            return await self._one_by_one(envelope, trace, header, body)
        finally:
            body.close()

    async def _one_by_one(self, envelope: Envelope, trace: bytes, header: bytes, body: IBody) -> Answers:
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
                    draft = await copied(body, self._factory.delivery)
                    await self._place(draft, own, trace, wanted, to_confirm, header)
                done.update(wanted)
            except MailError as error:
                answer = self._why(error, recipient)
            outcomes[recipient.address] = self._tell(answer, recipient)
        return [outcomes[address] for address in transaction.accepted]

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
        texts = [str(address) for address in addresses]
        to = ", ".join([f"<{text}>" for text in texts])
        self.log.info(
            "{line}",
            line=f"{transaction.id}: from=<{transaction.sender}> to={to} size={self._event.size} "
            f"client={sender.peer} account={sender.client.account}: {answer}",
            id=transaction.id,
        )
        if self._factory.observer.listens:
            self._observed(answer, texts)
        return answer

    def _observed(self, answer: Reply, recipients: Sequence[str]) -> None:
        transaction, sender = self._transaction, self._sender
        client, at = sender.client, self._factory.clock.seconds()
        if answer.positive:
            what: Happening = Accepted(
                *(at, transaction.id, str(transaction.sender), tuple(recipients), self._event.size, sender.peer),
                *(client.service, client.helo, client.tls, client.account, self._header, ""),
                *(sender.since, client.trusted, self._factory.policy.checks),
                b"".join((*sender.fields, *transaction.fields)),
            )
        else:
            words, to = str(answer), ", ".join(recipients)
            what = Refused(
                *(at, transaction.id, str(transaction.sender), to, sender.peer, words, client.helo),
                *(client.service, client.tls, client.account, sender.since, client.trusted),
            )
        self._factory.observer.happened(what)
