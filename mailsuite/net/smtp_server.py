"""One SMTP, submission or LMTP connection: the core's questions put to policy, directory and delivery.

Promises: every recipient was resolved and permitted before its 250; a message that is refused, reset, or cut off before
its end leaves nothing, one that has ended is ``net.smtp_ending``'s; the client is paused while a draft cannot be
written.  Trusts the seams to answer, and nothing the client sends.  See ``net.smtp_factory``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import MailError, NotAllowed, NotFound
from mailsuite.model import AddHeader, Address, Client, Later, Refuse, Resolution, Unknown, Verdict
from mailsuite.net import smtp_inquiries as inquiries
from mailsuite.net import smtp_replies as replies
from mailsuite.net.address import with_port
from mailsuite.net.login import Entrance
from mailsuite.net.smtp_auth import Auth
from mailsuite.net.smtp_early import has_spoken, is_watched
from mailsuite.net.smtp_ending import Ending, Sender
from mailsuite.net.smtp_replies import Stage
from mailsuite.net.smtp_settings import Service
from mailsuite.net.smtp_times import TimedSession
from mailsuite.net.smtp_transaction import Transaction
from mailsuite.net.smtp_xclient import named_account, named_client
from mailsuite.net.then import then
from mailsuite.smtp import events
from mailsuite.smtp.reply import Reply
from mailsuite.smtp.server import ServerCore
from mailsuite.smtp.states import State

if TYPE_CHECKING:
    from mailsuite.net.smtp_factory import SMTPServerFactory


class SMTPConnection(TimedSession):
    """``client`` is what policy is told of the other side, as far as it is known."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, factory: SMTPServerFactory, client: Client) -> None:
        settings = factory.settings
        self._xclient = settings.xclient(client.address)
        options = factory.options(client.trusted, factory.tls_available, self._xclient)
        super().__init__(factory, ServerCore(options, now=factory.clock.seconds))
        self.client = client
        #: Where it came from, whoever it speaks for.
        self._came_from = client.address
        self._watched = is_watched(settings, client.trusted)
        #: What XCLIENT says that the client calls itself.
        self._helo = ""
        self._auth = Auth(factory.login)
        # Header fields that policy wants on top of each message, from the banner and from the last greeting.
        self._fields: list[bytes] = []
        self._greeting_fields: list[bytes] = []
        self._transaction: Transaction | None = None
        self._refused = 0

    # -- Connection's hooks ----------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.core.secure = self.secure
        super().connectionMade()
        self.factory.sessions.add(self)

    def secured(self) -> None:
        """What AUTH can do depends on the handshake."""
        self.core.options = msgspec.structs.replace(self.core.options, mechanisms=self._entrance().offered)

    def dismissed(self) -> None:
        self.core.hang_up(replies.LOGIN_REVOKED)

    def handle(self, event: object) -> Deferred[object] | None:
        return _HANDLERS[type(event)](self, event)

    @property
    def logged_in(self) -> str:
        return self.client.account

    def faulted(self, failure: Failure) -> None:
        self.core.hang_up(replies.BROKEN)

    def stopping(self) -> None:
        self.core.hang_up(replies.SHUTTING_DOWN)

    @property
    def busy(self) -> bool:
        """A body that is on its way is a command in flight as well."""
        return super().busy or self.core.state in (State.DATA, State.CHUNKS)

    def ended(self) -> None:
        self._drop()
        self.factory.login.sessions.leave(self._auth.account, self)
        self.factory.left(self._came_from, self)

    # -- the session -----------------------------------------------------------------------------------------------

    def _connected(self, event: events.Connected) -> Deferred[object] | None:
        delay = self.factory.settings.greet_delay
        if self._watched and delay:
            return deferLater(self.clock, delay, self._ask_about_client)
        return self._ask_about_client()

    def _ask_about_client(self) -> Deferred[object] | None:
        return then(self.factory.policy.at_connect(self.client), self._connect)

    def _connect(self, verdict: Verdict) -> None:
        no = self._no(verdict, Stage.CONNECT, self._fields)
        if no is None and self._watched and has_spoken(self):
            no = self._early(replies.TOO_EARLY)
        if no is None:
            self.core.accept()
        else:
            self.core.hang_up(self._shut_out(no, Stage.CONNECT))
            self.close()

    def _early(self, no: Reply) -> Reply:
        self.factory.hits["limits.refuse_early_talkers"] += 1
        return no

    def _become(self, event: events.XClient) -> Deferred[object] | None:
        return Deferred.fromCoroutine(self._speak_for(event))

    async def _speak_for(self, event: events.XClient) -> None:
        """Everything begins anew, with the client that is named."""
        try:
            account = await named_account(self.factory.directory, event)
        except MailError as error:
            self.core.reply(replies.NO_SUCH_LOGIN if isinstance(error, NotFound) else replies.for_error(error))
            return
        self.log.info("{peer}: XCLIENT {attributes}", peer=self.peer, attributes=dict(event.attributes))
        self._forget()
        self._fields = []
        self.client, self._watched = named_client(self.client, event, account, self.factory.trusts), False
        self.peer, self._helo = with_port(self.client.address, self.client.port), event.attributes.get("HELO", "")
        self._auth.entered = account
        if account.name:
            self.factory.login.sessions.enter(account, self)
        options = self.factory.options(self.client.trusted, self.factory.tls_available, self._xclient)
        self.core.restart(options, bool(account.name))
        if self.core.secure:
            self.secured()
        asked = self._ask_about_client()
        if asked is not None:
            await asked

    def _forget(self) -> None:
        """What was said so far does not count."""
        self.factory.login.sessions.leave(self._auth.account, self)
        self._auth.forget()
        self._drop()
        self._greeting_fields = []

    def _greeting(self, event: events.Greeting) -> Deferred[object] | None:
        if self._watched and self.core.buffered:
            self.core.hang_up(self._shut_out(self._early(replies.TOO_EAGER), Stage.GREETING))
            self.close()
            return None
        client = self._known(event.name)
        return then(self.factory.policy.at_greeting(client), self._greet, client)

    def _greet(self, verdict: Verdict, client: Client) -> None:
        fields: list[bytes] = []
        no = self._no(verdict, Stage.GREETING, fields)
        if no is None:
            self.client, self._greeting_fields, self.greeted = client, fields, True
            self._drop()
            self.core.accept()
        else:
            self.core.reply(self._shut_out(no, Stage.GREETING))

    def _shut_out(self, no: Reply, stage: Stage) -> Reply:
        """A refusal of the whole session, with an id under which the log has it."""
        no = replies.referred(no, id := self.factory.ids(), self.factory.settings.hostname)
        self.log.info("{id}: {peer} refused at {stage}: {answer}", id=id, peer=self.peer, stage=stage.value, answer=no)
        return no

    def _start_tls(self, event: events.StartTLS) -> None:
        self.core.accept()
        self.start_tls(self.factory.tls_context())
        self.core.secured()
        self._forget()
        self.client = msgspec.structs.replace(self.client, helo="", account="")

    def _authenticate(self, event: events.AuthBegin | events.AuthResponse) -> Deferred[object] | None:
        return Deferred.fromCoroutine(self._log_in(event))

    async def _log_in(self, event: events.AuthBegin | events.AuthResponse) -> None:
        self.core.reply(await self._auth.take(event, self._entrance()))
        if self._auth.account:
            self.client = self._known(self.client.helo)
            self.factory.login.sessions.enter(self._auth.entered, self)
        elif self._auth.failures >= self.factory.settings.auth_failures:
            self.factory.hits["limits.login_failures"] += 1
            self.core.hang_up(replies.TOO_MANY_LOGINS)
            self.close()

    def _reset(self, event: events.Reset) -> None:
        self._drop()

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
        return Deferred.fromCoroutine(inquiries.verify(self.factory.directory, event)).addCallback(self.core.reply)

    def _expand(self, event: events.Expand) -> Deferred[object] | None:
        return Deferred.fromCoroutine(inquiries.expand(self.factory.directory, event)).addCallback(self.core.reply)

    def _turn(self, event: events.Turn) -> Deferred[object] | None:
        self.log.info("{peer}: ETRN {domain}", peer=self.peer, domain=event.domain)
        return Deferred.fromCoroutine(inquiries.turn(self.factory.queue, event)).addCallback(self.core.reply)

    # -- the envelope ----------------------------------------------------------------------------------------------

    def _mail(self, event: events.Mail) -> Deferred[object] | None:
        transaction = Transaction(self.factory.ids(), event)
        if self.client.account:
            return Deferred.fromCoroutine(self._begin_for_account(transaction))
        return self._ask_about_sender(transaction)

    async def _begin_for_account(self, transaction: Transaction) -> None:
        try:  # it may have been removed since the login
            await self.factory.login.confirm(self._auth.entered)
        except (NotFound, NotAllowed) as error:
            self.log.info("{peer}: session ended: {error}", peer=self.peer, error=error)
            self.core.hang_up(replies.LOGIN_REVOKED)
            self.close()
            return
        except MailError as error:
            self.log.warn("{id}: {error}", id=transaction.id, error=error)
            self._answer(replies.for_error(error))
            return
        asked = self._ask_about_sender(transaction)
        if asked is not None:
            await asked

    def _ask_about_sender(self, transaction: Transaction) -> Deferred[object] | None:
        verdict = self.factory.policy.at_sender(self.client, transaction.sender, transaction.size)
        return then(verdict, self._begin, transaction)

    def _begin(self, verdict: Verdict, transaction: Transaction) -> None:
        no = self._no(verdict, Stage.SENDER, transaction.fields)
        if no is None:
            self._transaction = transaction
            self.core.accept()
            return
        no = self._referred(transaction, no)
        self._log_refusal(transaction, no, "")
        self.core.reply(no)

    def _rcpt(self, event: events.Rcpt) -> Deferred[object] | None:
        resolving = self.factory.directory.resolve(event.recipient.address)
        return resolving.addCallback(self._ask_about_recipient, event).addErrback(self._not_added, event)

    def _ask_about_recipient(self, resolution: Resolution, event: events.Rcpt) -> Deferred[object] | None:
        transaction = self._open_transaction
        verdict = self.factory.policy.at_recipient(
            self.client, transaction.sender, event.recipient.address, resolution, transaction.size
        )
        return then(verdict, self._add, resolution, event)

    def _add(self, verdict: Verdict, resolution: Resolution, event: events.Rcpt) -> None:
        transaction = self._open_transaction
        no = self._no(verdict, Stage.RECIPIENT, transaction.fields)
        if no is not None:
            self._refuse(no, event)
            return
        if isinstance(resolution, Unknown):
            raise RuntimeError("policy accepted a recipient that leads nowhere")
        transaction.add(event.recipient, resolution)
        self.core.accept()

    def _not_added(self, failure: Failure, event: events.Rcpt) -> None:
        failure.trap(MailError)
        transaction, address = self._open_transaction, event.recipient.address
        self.log.warn("{id}: to=<{to}>: {error}", id=transaction.id, to=address, error=failure.value)
        self._refuse(replies.for_error(cast(MailError, failure.value)), event)

    def _refuse(self, no: Reply, event: events.Rcpt) -> None:
        transaction, address = self._open_transaction, event.recipient.address
        no = self._referred(transaction, no, address)
        self._log_refusal(transaction, no, address)
        self.core.reply(no)
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
            self.core.hang_up(replies.TOO_MANY_REFUSED)
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
            no = replies.for_faults(frozenset({events.Fault.TOO_BIG}))
        elif transaction.failure is not None:
            no = self._failed_reply(transaction, transaction.failure)
        if no is not None:
            no = self._referred(transaction, no)
            self._log_refusal(transaction, no, "")
            self._drop()
        self._answer(no)

    def _chunk(self, event: events.Chunk) -> Deferred[object] | None:
        return self._open_transaction.write(event.data)

    def _end(self, event: events.MessageEnd) -> Deferred[object] | None:
        transaction, self._transaction = self._open_transaction, None
        self.body_ended()
        fields = (*self._fields, *self._greeting_fields)
        sender = Sender(self.client, self.peer, self.core.greeting.extended, fields, lambda: self.closing)
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

    def _known(self, helo: str) -> Client:
        """The client as it is known now, calling itself ``helo``."""
        return msgspec.structs.replace(
            self.client, helo=self._helo or helo, tls=self.tls_version, account=self._auth.account
        )

    def _no(self, verdict: Verdict, stage: Stage, fields: list[bytes]) -> Reply | None:
        """The refusal, or None to go on; a header field goes to ``fields``."""
        if isinstance(verdict, Refuse | Later):
            return replies.for_verdict(verdict, stage)
        if isinstance(verdict, AddHeader):
            fields.append(verdict.field)
        return None

    def _entrance(self) -> Entrance:
        settings = self.factory.settings
        channel = self.channel(settings.allow_plaintext_auth)
        return Entrance(channel, settings.allowed, self.client.address, self.client.service)

    def _referred(self, transaction: Transaction, no: Reply, address: Address | None = None) -> Reply:
        return replies.referred(no, transaction.id, self.factory.settings.hostname, address)

    def _answer(self, no: Reply | None) -> None:
        if no is None:
            self.core.accept()
        else:
            self.core.reply(no)

    def _drop(self) -> None:
        """The transaction, if there is one, comes to nothing."""
        if self._transaction is not None:
            self._transaction.drop()
            self._transaction = None
            self.body_ended()

    def _log_refusal(self, transaction: Transaction, answer: Reply, address: object) -> None:
        self.log.info(
            "{id}: refused from=<{sender}> to=<{to}> client={peer} helo={helo!r}: {answer}",
            id=transaction.id,
            sender=transaction.sender,
            to=address,
            peer=self.peer,
            helo=self.client.helo,
            answer=answer,
        )


_HANDLERS: dict[type, Callable[..., Deferred[object] | None]] = {
    events.Connected: SMTPConnection._connected,
    events.Greeting: SMTPConnection._greeting,
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
    events.StartTLS: SMTPConnection._start_tls,
    events.AuthBegin: SMTPConnection._authenticate,
    events.AuthResponse: SMTPConnection._authenticate,
    events.AuthCancelled: SMTPConnection._nothing,
    events.XClient: SMTPConnection._become,
    events.Quit: SMTPConnection._quit,
    events.Hangup: SMTPConnection._hang_up,
}
