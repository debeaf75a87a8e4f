"""Mail over an SMTP, submission or LMTP connection: the core's questions put to policy, directory and delivery.

Promises: every recipient was resolved and permitted before its 250; a message that is refused, reset, or cut off before
its end leaves nothing, one that has ended is ``net.smtp_ending``'s; the client is paused while a draft cannot be
written.  Trusts the seams to answer, and nothing the client sends.  Who the client is, is ``net.smtp_session``'s
to know.  See ``net.smtp_factory``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.errors import MailError, NotAllowed, NotFound
from mailsuite.happenings import Rewritten
from mailsuite.interfaces import IRewrites
from mailsuite.model import Address, Client, Recipient, Resolution, Unknown, Verdict
from mailsuite.net import smtp_inquiries as inquiries
from mailsuite.net import smtp_replies as replies
from mailsuite.net.smtp_ending import Ending, Sender
from mailsuite.net.smtp_replies import Stage
from mailsuite.net.smtp_rewriting import resolved, rewritten
from mailsuite.net.smtp_session import SMTPSession
from mailsuite.net.smtp_settings import Service
from mailsuite.net.smtp_transaction import Transaction
from mailsuite.net.then import then
from mailsuite.smtp import events
from mailsuite.smtp.reply import Reply
from mailsuite.smtp.states import State

if TYPE_CHECKING:
    from mailsuite.net.smtp_factory import SMTPServerFactory


class SMTPConnection(SMTPSession):
    """From MAIL to the final dot, again and again."""

    def __init__(self, factory: SMTPServerFactory, client: Client) -> None:
        super().__init__(factory, client)
        self._transaction: Transaction | None = None
        #: Recipients refused for good.
        self._refused = 0

    # -- Connection's hooks ----------------------------------------------------------------------------------------

    def handle(self, event: object) -> Deferred[object] | None:
        return _HANDLERS[type(event)](self, event)

    @property
    def busy(self) -> bool:
        """A body that is on its way is a command in flight as well."""
        return super().busy or self.core.state in (State.DATA, State.CHUNKS)

    def faulted(self, failure: Failure) -> None:
        # A new id might break in the same way.
        self.core.hang_up(self.refusals.refer(replies.BROKEN) if self.refusals.has_id else replies.BROKEN)

    def stopping(self) -> None:
        self.core.hang_up(self.refusals.refer(replies.SHUTTING_DOWN))

    def dismissed(self) -> None:
        self.core.hang_up(self.refusals.refer(replies.LOGIN_REVOKED))

    def drop(self) -> None:
        if self._transaction is not None:
            self._transaction.drop()
            self._set(None)
            self.body_ended()

    # -- ends ------------------------------------------------------------------------------------------------------

    def _reset(self, event: events.Reset) -> None:
        self.drop()

    def _nothing(self, event: events.AuthCancelled) -> None:
        """The core has said all there is to say."""

    def _quit(self, event: events.Quit) -> None:
        self.close()

    def _hang_up(self, event: events.Hangup) -> None:
        self.factory.hits[event.reason] += 1
        self.log.info("{peer}: session ended: {reason}", peer=self.peer, reason=event.reason)
        self.close()

    # -- questions about addresses and the queue --------------------------------------------------------------------

    def _verify(self, event: events.Verify) -> Deferred[object] | None:
        asking = inquiries.verify(self.factory.directory, self.factory.rewriting, event)
        return Deferred.fromCoroutine(asking).addCallback(self._inform)

    def _expand(self, event: events.Expand) -> Deferred[object] | None:
        asking = inquiries.expand(self.factory.directory, self.factory.rewriting, event)
        return Deferred.fromCoroutine(asking).addCallback(self._inform)

    def _turn(self, event: events.Turn) -> Deferred[object] | None:
        self.log.info("{peer}: ETRN {domain}", peer=self.peer, domain=event.domain)
        return Deferred.fromCoroutine(inquiries.turn(self.factory.queue, event)).addCallback(self._inform)

    def _inform(self, answer: Reply) -> None:
        self.core.reply(answer if answer.positive else self.refusals.refer(answer))

    # -- the envelope ----------------------------------------------------------------------------------------------

    def _mail(self, event: events.Mail) -> Deferred[object] | None:
        transaction = Transaction(self.factory.ids(), event)
        if self.client.account:
            return Deferred.fromCoroutine(self._begin_for_account(transaction))
        return self._ask_about_sender(transaction)

    async def _begin_for_account(self, transaction: Transaction) -> None:
        try:  # it may have been removed since the login
            await self.factory.login.confirm(self.auth.entered)
        except (NotFound, NotAllowed) as error:
            self.log.info("{peer}: session ended: {error}", peer=self.peer, error=error)
            self.core.hang_up(self.refusals.refer(replies.LOGIN_REVOKED))
            self.close()
            return
        except MailError as error:
            self.log.warn("{id}: {error}", id=transaction.id, error=error)
            self.core.reply(self.refusals.envelope(replies.for_error(error), transaction, self.client))
            return
        asked = self._ask_about_sender(transaction)
        if asked is not None:
            await asked

    def _ask_about_sender(self, transaction: Transaction) -> Deferred[object] | None:
        verdict = self.factory.policy.at_sender(self.client, transaction.given, transaction.size)
        return then(verdict, self._begin, transaction)

    def _begin(self, verdict: Verdict, transaction: Transaction) -> Deferred[object] | None:
        no = replies.decided(verdict, Stage.SENDER, transaction.fields)
        if no is not None:
            self.core.reply(self.refusals.envelope(no, transaction, self.client))
            return None
        rewriting = then(self.factory.rewriting.now(), self._open, transaction)
        return rewriting.addErrback(self._not_begun, transaction) if rewriting is not None else None

    def _open(self, rewrites: IRewrites, transaction: Transaction) -> None:
        transaction.rewrite(rewrites)
        self._tell_rewritten(transaction.id, transaction.given, transaction.sender)
        self._set(transaction)
        self.core.accept()

    def _not_begun(self, failure: Failure, transaction: Transaction) -> None:
        failure.trap(MailError)
        self.log.error("{id}: {error}", id=transaction.id, error=failure.value)
        no = replies.for_error(cast(MailError, failure.value))
        self.core.reply(self.refusals.envelope(no, transaction, self.client))

    def _tell_rewritten(self, id: str, given: Address, to: Address) -> None:
        if to is not given and to != given:
            self.log.info("{id}: <{given}> becomes <{to}>", id=id, given=given, to=to)
            self.factory.observer.happened(Rewritten(self.clock.seconds(), id, str(given), str(to)))

    def _rcpt(self, event: events.Rcpt) -> Deferred[object] | None:
        recipient = rewritten(self._open_transaction.rewrites, event.recipient)
        resolving = resolved(self.factory.directory, event.recipient.address, recipient.address)
        return resolving.addCallback(self._ask_about_recipient, recipient, event).addErrback(self._not_added, event)

    def _ask_about_recipient(
        self, resolution: Resolution, recipient: Recipient, event: events.Rcpt
    ) -> Deferred[object] | None:
        transaction = self._open_transaction
        verdict = self.factory.policy.at_recipient(
            self.client, transaction.given, recipient.address, resolution, transaction.size
        )
        return then(verdict, self._add, resolution, recipient, event)

    def _add(self, verdict: Verdict, resolution: Resolution, recipient: Recipient, event: events.Rcpt) -> None:
        transaction = self._open_transaction
        no = replies.decided(verdict, Stage.RECIPIENT, transaction.fields)
        if no is not None:
            self._refuse(no, event)
            return
        if isinstance(resolution, Unknown):
            raise RuntimeError("policy accepted a recipient that leads nowhere")
        self._tell_rewritten(transaction.id, event.recipient.address, recipient.address)
        transaction.add(recipient, resolution)
        self.core.accept()

    def _not_added(self, failure: Failure, event: events.Rcpt) -> None:
        failure.trap(MailError)
        transaction, address = self._open_transaction, event.recipient.address
        self.log.warn("{id}: to=<{to}>: {error}", id=transaction.id, to=address, error=failure.value)
        self._refuse(replies.for_error(cast(MailError, failure.value)), event)

    def _refuse(self, no: Reply, event: events.Rcpt) -> None:
        address = event.recipient.address
        self.core.reply(self.refusals.envelope(no, self._open_transaction, self.client, address))
        if no.code >= 500:
            self._count_refused()

    def _count_refused(self) -> None:
        """Whoever tries names must not do so for ever."""
        settings = self.factory.settings
        if self.client.trusted or self.client.account or settings.service is Service.LMTP:
            return
        self._refused += 1
        if self._refused >= settings.refused_recipients:
            self.log.info("{peer}: {count} recipients refused, session ended", peer=self.peer, count=self._refused)
            self.factory.hits["limits.refused_recipients"] += 1
            self.core.hang_up(self.refusals.refer(replies.TOO_MANY_REFUSED))
            self.close()

    # -- the message -----------------------------------------------------------------------------------------------

    def _data(self, event: events.Data) -> None:
        self._open_transaction.open(self.factory.delivery.draft())
        self.core.accept()
        self.body_begins()

    def _begin_chunks(self, event: events.ChunksBegin) -> None:
        self._open_transaction.open(self.factory.delivery.draft())
        self.body_begins()

    def _end_chunk(self, event: events.ChunkEnd) -> None:
        """RFC 3030 §2: each chunk is answered; after a no the client may only reset."""
        transaction = self._open_transaction
        no: Reply | None = None
        if event.too_big:
            no = replies.too_big(self.factory.settings.limits.message)
        elif transaction.failure is not None:
            no = self._failed_reply(transaction, transaction.failure)
        if no is None:
            self.core.accept()
        else:
            self.core.reply(self.refusals.envelope(no, transaction, self.client))
            self.drop()

    def _chunk(self, event: events.Chunk) -> Deferred[object] | None:
        return self._open_transaction.write(event.data)

    def _end(self, event: events.MessageEnd) -> Deferred[object] | None:
        transaction = self._open_transaction
        self._set(None)
        self.body_ended()
        fields = (*self.banner_fields, *self.greeting_fields)
        sender = Sender(
            self.client, self.peer, self.connected_at, self.core.greeting.extended, fields, lambda: self.closing
        )
        return then(Ending(self.factory, transaction, event, sender).answers(), self.core.reply_each)

    def _failed_reply(self, transaction: Transaction, error: MailError) -> Reply:
        self.log.warn("{id}: {error}", id=transaction.id, error=error)
        return replies.for_error(error)

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _open_transaction(self) -> Transaction:
        if self._transaction is None:
            raise RuntimeError("no transaction is open")
        return self._transaction

    def _set(self, transaction: Transaction | None) -> None:
        self._transaction = transaction
        self.refusals.within = transaction.id if transaction is not None else ""


_HANDLERS: dict[type, Callable[..., Deferred[object] | None]] = {
    events.Connected: SMTPConnection.banner,
    events.Greeting: SMTPConnection.greeting,
    events.Mail: SMTPConnection._mail,
    events.Rcpt: SMTPConnection._rcpt,
    events.Verify: SMTPConnection._verify,
    events.Expand: SMTPConnection._expand,
    events.Turn: SMTPConnection._turn,
    events.Data: SMTPConnection._data,
    events.ChunksBegin: SMTPConnection._begin_chunks,
    events.Chunk: SMTPConnection._chunk,
    events.ChunkEnd: SMTPConnection._end_chunk,
    events.MessageEnd: SMTPConnection._end,
    events.Reset: SMTPConnection._reset,
    events.StartTLS: SMTPConnection.start_tls_now,
    events.AuthBegin: SMTPConnection.authenticate,
    events.AuthResponse: SMTPConnection.authenticate,
    events.AuthCancelled: SMTPConnection._nothing,
    events.XClient: SMTPConnection.become,
    events.Quit: SMTPConnection._quit,
    events.Hangup: SMTPConnection._hang_up,
}
