"""Who is on the other side of an SMTP connection: banner, EHLO, STARTTLS, XCLIENT and AUTH, and what policy says of it.

Promises: ``client`` is all that is known and proven of the other side; what was learnt before TLS or before another
client was named does not count after it.  The mail itself is ``net.smtp_server``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mailsuite.errors import MailError, NotFound
from mailsuite.model import Client, Verdict
from mailsuite.net import smtp_replies as replies
from mailsuite.net.address import named_peer, with_port
from mailsuite.net.login import Entrance
from mailsuite.net.smtp_auth import Auth
from mailsuite.net.smtp_early import has_spoken, is_watched
from mailsuite.net.smtp_refusals import Refusals
from mailsuite.net.smtp_replies import Stage
from mailsuite.net.smtp_times import TimedSession
from mailsuite.net.smtp_xclient import named_account, named_client
from mailsuite.net.then import then
from mailsuite.smtp import events
from mailsuite.smtp.reply import Reply
from mailsuite.smtp.server import ServerCore

if TYPE_CHECKING:
    from mailsuite.net.smtp_factory import SMTPServerFactory


class SMTPSession(TimedSession):
    """Base of ``SMTPConnection``; ``client`` is what policy is told of the other side, as far as it is known."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, factory: SMTPServerFactory, client: Client) -> None:
        settings = factory.settings
        self._xclient = settings.xclient(client.address)
        options = factory.options(client.trusted, factory.tls_available, self._xclient)
        # Not a method of ours: a core that knew its connection would be garbage that is not freed at once.
        refusals = Refusals(settings.hostname, factory.ids, factory.observer, factory.clock.seconds)
        super().__init__(factory, ServerCore(options, now=factory.clock.seconds, refer=refusals.refer), refusals)
        self.client = client
        self.auth = Auth(factory.login)
        #: Header fields that policy wants on top of each message, from the banner and from the last greeting.
        self.banner_fields: list[bytes] = []
        self.greeting_fields: list[bytes] = []
        #: Where it came from, whoever it speaks for.
        self._came_from = client.address
        self._watched = is_watched(settings, client.trusted)
        #: What XCLIENT says that the client calls itself.
        self._helo = ""

    def drop(self) -> None:
        """The transaction, if there is one, comes to nothing."""

    # -- Connection's hooks ----------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.core.secure = self.secure
        self.peer = self.refusals.peer = named_peer(self.peer, self.transport)
        super().connectionMade()
        self.refusals.since = self.connected_at
        self.factory.sessions.add(self)

    def secured(self) -> None:
        """What AUTH can do depends on the handshake."""
        self.core.options = msgspec.structs.replace(self.core.options, mechanisms=self._entrance().offered)

    def ended(self) -> None:
        self.drop()
        self.factory.login.sessions.leave(self.auth.account, self)
        self.factory.left(self._came_from, self)

    @property
    def logged_in(self) -> str:
        return self.client.account

    # -- the banner ------------------------------------------------------------------------------------------------

    def banner(self, event: events.Connected) -> Deferred[object] | None:
        delay = self.factory.settings.greet_delay
        if self._watched and delay:
            return deferLater(self.clock, delay, self._ask_about_client)
        return self._ask_about_client()

    def _ask_about_client(self) -> Deferred[object] | None:
        return then(self.factory.policy.at_connect(self.client), self._connect)

    def _connect(self, verdict: Verdict) -> None:
        no = replies.decided(verdict, Stage.CONNECT, self.banner_fields)
        if no is None and self._watched and has_spoken(self):
            no = self._early(replies.TOO_EARLY)
        if no is None:
            self.core.accept()
        else:
            self.core.hang_up(self.refusals.shut_out(no, Stage.CONNECT))
            self.close()

    def _early(self, no: Reply) -> Reply:
        self.factory.hits["limits.refuse_early_talkers"] += 1
        return no

    # -- EHLO and STARTTLS -----------------------------------------------------------------------------------------

    def greeting(self, event: events.Greeting) -> Deferred[object] | None:
        if self._watched and self.core.buffered:
            self.core.hang_up(self.refusals.shut_out(self._early(replies.TOO_EAGER), Stage.GREETING))
            self.close()
            return None
        client = self._known(event.name)
        return then(self.factory.policy.at_greeting(client), self._greet, client)

    def _greet(self, verdict: Verdict, client: Client) -> None:
        fields: list[bytes] = []
        no = replies.decided(verdict, Stage.GREETING, fields)
        if no is None:
            self.client, self.greeting_fields, self.greeted = client, fields, True
            self.drop()
            self.core.accept()
        else:
            self.core.reply(self.refusals.shut_out(no, Stage.GREETING))

    def start_tls_now(self, event: events.StartTLS) -> None:
        self.core.accept()
        self.start_tls(self.factory.tls_context())
        self.core.secured()
        self._forget()
        self.client = msgspec.structs.replace(self.client, helo="", account="")

    def _forget(self) -> None:
        """What was said so far does not count."""
        self.factory.login.sessions.leave(self.auth.account, self)
        self.auth.forget()
        self.drop()
        self.greeting_fields = []

    def _known(self, helo: str) -> Client:
        """The client as it is known now, calling itself ``helo``."""
        return msgspec.structs.replace(
            self.client, helo=self._helo or helo, tls=self.tls_version, account=self.auth.account
        )

    # -- AUTH ------------------------------------------------------------------------------------------------------

    def authenticate(self, event: events.AuthBegin | events.AuthResponse) -> Deferred[object] | None:
        return Deferred.fromCoroutine(self._log_in(event))

    async def _log_in(self, event: events.AuthBegin | events.AuthResponse) -> None:
        answer = await self.auth.take(event, self._entrance())
        self.core.reply(answer if answer.positive or answer.intermediate else self.refusals.refer(answer))
        if self.auth.account:
            self.client = self._known(self.client.helo)
            self.factory.login.sessions.enter(self.auth.entered, self)
        elif self.auth.failures >= self.factory.settings.auth_failures:
            self.factory.hits["limits.login_failures"] += 1
            self.core.hang_up(self.refusals.refer(replies.TOO_MANY_LOGINS))
            self.close()

    def _entrance(self) -> Entrance:
        settings = self.factory.settings
        channel = self.channel(settings.allow_plaintext_auth)
        return Entrance(channel, settings.allowed, self.client.address, self.client.service)

    # -- XCLIENT ---------------------------------------------------------------------------------------------------

    def become(self, event: events.XClient) -> Deferred[object] | None:
        return Deferred.fromCoroutine(self._speak_for(event))

    async def _speak_for(self, event: events.XClient) -> None:
        """Everything begins anew, with the client that is named."""
        try:
            account = await named_account(self.factory.directory, event)
        except MailError as error:
            no = replies.NO_SUCH_LOGIN if isinstance(error, NotFound) else replies.for_error(error)
            self.core.reply(self.refusals.refer(no))
            return
        self.log.info("{peer}: XCLIENT {attributes}", peer=self.peer, attributes=dict(event.attributes))
        self._forget()
        self.banner_fields = []
        self.client, self._watched = named_client(self.client, event, account, self.factory.trusts), False
        self.peer = self.refusals.peer = with_port(self.client.address, self.client.port)
        self._helo = event.attributes.get("HELO", "")
        self.auth.entered = account
        if account.name:
            self.factory.login.sessions.enter(account, self)
        options = self.factory.options(self.client.trusted, self.factory.tls_available, self._xclient)
        self.core.restart(options, bool(account.name))
        if self.core.secure:
            self.secured()
        asked = self._ask_about_client()
        if asked is not None:
            await asked
