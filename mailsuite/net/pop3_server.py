"""One POP3 connection: the core's questions put to the login and the mail store.

Promises: a message is sent as fast as the client reads it, in pieces; ``+OK`` to QUIT only when the marked messages are
gone from the disk; a connection that ends otherwise removes nothing.  A store that fails in the middle of a message
ends the connection, so that no client takes a part for the whole.  See ``net.pop3_factory``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import BadCredentials, Expunged, MailError, NotAllowed, Temporary, Throttled, Unsupported
from mailsuite.interfaces import IBody
from mailsuite.model import Account
from mailsuite.net.connection import Connection
from mailsuite.net.login import Entrance, Exchange, Round
from mailsuite.net.pop3_inbox import Inbox, open_inbox
from mailsuite.pop3 import events
from mailsuite.pop3.server import ServerCore
from mailsuite.pop3.top import TopCut
from mailsuite.sasl import base64
from mailsuite.sasl.values import Challenge, Credentials, SASLError

if TYPE_CHECKING:
    from mailsuite.net.pop3_factory import POP3ServerFactory

#: Octets of a message that are read and sent at a time; smaller messages go out in one piece.
PIECE = 128 * 1024
_BROKEN = "internal error"


class POP3Connection(Connection[ServerCore]):
    """``address`` is the client's."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, factory: POP3ServerFactory, address: str) -> None:
        core = ServerCore(factory.settings.profile(factory.tls_available))
        super().__init__(core, factory.clock, factory.settings.idle_limit)
        self.factory = factory
        self.address = address
        self.account = ""
        self._exchange: Exchange | None = None
        self._inbox: Inbox | None = None
        self._in_message = False
        self._sent = self._removed = 0

    # -- Connection's hooks ----------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.core.secure = self.secure
        self.factory.sessions.add(self)
        super().connectionMade()

    def secured(self) -> None:
        """What AUTH can do depends on the handshake."""
        self.core.profile = msgspec.structs.replace(self.core.profile, mechanisms=self._entrance().offered)

    def dismissed(self) -> None:
        self.core.say_and_end("the account is gone, or its password was changed; log in again", "AUTH")

    def handle(self, event: object) -> Deferred[object] | None:
        return _HANDLERS[type(event)](self, event)

    def timed_out(self) -> None:
        """RFC 1939 §3: without removing any messages and without a word."""
        self.close()

    @property
    def logged_in(self) -> str:
        return self.account

    def ends_at(self) -> float:
        return math.inf if self.account else self.connected_at + self.factory.settings.login_limit

    def expired(self) -> None:
        self.core.say_and_end("no login for too long")
        self.close()

    def faulted(self, failure: Failure) -> None:
        if self._in_message:
            self.cut()
        else:
            self.core.say_and_end(_BROKEN)

    def stopping(self) -> None:
        self.core.say_and_end("the server is shutting down")

    def ended(self) -> None:
        if self.account:
            self.log.info(
                "pop3 session of {account} from {peer} ended: {sent} sent, {removed} removed",
                account=self.account,
                peer=self.address,
                sent=self._sent,
                removed=self._removed,
            )
        self.factory.login.sessions.leave(self.account, self)
        self.factory.left(self.address, self)

    # -- logging in ------------------------------------------------------------------------------------------------

    def _start_tls(self, _: events.StartTLS) -> None:
        if self.core.start_tls():
            self.start_tls(self.factory.tls_context())

    def _login(self, event: events.Login) -> Deferred[object]:
        return Deferred.fromCoroutine(self._open(self._check(event)))

    def _authenticate(self, event: events.Authenticate) -> Deferred[object]:
        return Deferred.fromCoroutine(self._open(self._begin_exchange(event)))

    def _respond(self, event: events.Response) -> Deferred[object]:
        return Deferred.fromCoroutine(self._open(self._continue_exchange(event)))

    async def _check(self, event: events.Login) -> Round:
        return await self.factory.login.check(Credentials(event.name, event.password), self.address, "pop3")

    async def _begin_exchange(self, event: events.Authenticate) -> Round:
        self._exchange = Exchange(self.factory.login, event.mechanism, self._entrance())
        if event.has_initial:
            return await self._exchange.respond(base64.decode_initial(event.initial))
        return self._exchange.begin()

    async def _continue_exchange(self, event: events.Response) -> Round:
        if self._exchange is None:
            raise RuntimeError("a response outside of an exchange")
        return await self._exchange.respond(base64.decode(event.line))

    async def _open(self, attempt: Coroutine[Any, Any, Round]) -> None:
        """Answer an attempt to log in."""
        try:
            found = await attempt
            if isinstance(found, Challenge):
                self.core.challenge(base64.encode(found.data))
                return
            await self._enter(found)
        except (BadCredentials, NotAllowed) as error:
            self.core.login_failed(str(error))
        except (SASLError, Unsupported) as error:
            self.core.refuse(str(error))
        except MailError as error:
            self._refuse(error)

    async def _enter(self, account: Account) -> None:
        self.account = account.name  # the log names it also when its mailbox cannot be opened
        self.factory.login.sessions.enter(account, self)
        self._inbox = await open_inbox(self.factory.stores, account.name)
        self.core.logged_in(self._inbox.maildrop)

    # -- messages --------------------------------------------------------------------------------------------------

    def _retrieve(self, event: events.Retrieve) -> Deferred[object]:
        return Deferred.fromCoroutine(self._message(event.index, None))

    def _top(self, event: events.Top) -> Deferred[object]:
        return Deferred.fromCoroutine(self._message(event.index, TopCut(event.lines)))

    async def _message(self, index: int, cut: TopCut | None) -> None:
        try:
            body = await self._open_inbox.body(index)
            try:
                first = await body.read_at(0, PIECE)
                if len(first) == body.size and cut is None:
                    self.core.send_message(first)
                else:
                    await self._send(body, first, cut)
                self._sent += 1
            finally:
                body.close()
        except MailError as error:
            if not self._in_message:
                self._refuse(error)
                return
            self.log.warn("pop3 message of {account} cut off: {error}", account=self.account, error=error)
            self.cut()

    async def _send(self, body: IBody, piece: bytes, cut: TopCut | None) -> None:
        """The rest of a message after its first piece, as fast as the client reads."""
        self.core.begin_message(f"{body.size} octets" if cut is None else "top of the message follows")
        self._in_message = True
        at = 0
        while True:
            self.core.send_part(piece if cut is None else cut.feed(piece))
            at += len(piece)
            if at >= body.size or (cut is not None and cut.ended):
                break
            self.flush()
            await self.drained()
            piece = await body.read_at(at, PIECE)
            if not piece:
                raise Temporary("the message ends before its end")
        self.core.end_message()
        self._in_message = False

    def _update(self, event: events.Update) -> Deferred[object] | None:
        if not event.deleted:
            self.core.updated()
            return None
        return Deferred.fromCoroutine(self._remove(event.deleted))

    async def _remove(self, deleted: tuple[int, ...]) -> None:
        try:
            self._removed = await self._open_inbox.remove(deleted)
        except MailError as error:
            self.log.warn("pop3 messages of {account} not removed: {error}", account=self.account, error=error)
            self.core.refuse("the deleted messages are not removed", "SYS/TEMP")
        else:
            self.core.updated()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _entrance(self) -> Entrance:
        settings = self.factory.settings
        return Entrance(self.channel(settings.allow_plaintext_auth), settings.mechanisms, self.address, "pop3")

    def _answered_by_core(self, _: events.Answered) -> None:
        """The core has said all there is to say."""

    def _close(self, _: events.Close) -> None:
        self.close()

    @property
    def _open_inbox(self) -> Inbox:
        if self._inbox is None:
            raise RuntimeError("nobody is logged in")
        return self._inbox

    def _refuse(self, error: MailError) -> None:
        """RFC 3206: what may work later, and what somebody has to mend first."""
        if isinstance(error, Expunged):
            self.core.refuse("the message is gone")
            return
        self.log.warn("pop3 {account} from {peer}: {error}", account=self.account, peer=self.address, error=error)
        if isinstance(error, Throttled):
            self.core.refuse(str(error), "SYS/TEMP")
        elif isinstance(error, Temporary):
            self.core.refuse("temporary trouble, try again later", "SYS/TEMP")
        else:
            self.core.refuse("the mailbox cannot be used", "SYS/PERM")


_HANDLERS: dict[type, Callable[..., Deferred[object] | None]] = {
    events.Answered: POP3Connection._answered_by_core,
    events.Login: POP3Connection._login,
    events.Authenticate: POP3Connection._authenticate,
    events.Response: POP3Connection._respond,
    events.StartTLS: POP3Connection._start_tls,
    events.Retrieve: POP3Connection._retrieve,
    events.Top: POP3Connection._top,
    events.Update: POP3Connection._update,
    events.Close: POP3Connection._close,
}
