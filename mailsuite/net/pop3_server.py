"""One POP3 connection: the core's questions put to the login and the mail store.

Promises: a message is sent as fast as the client reads it, in pieces; ``+OK`` to QUIT only when the marked messages are
gone from the disk; a connection that ends otherwise removes nothing.  A store that fails in the middle of a message
ends the connection, so that no client takes a part for the whole.  See ``net.pop3_factory``.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.errors import BadCredentials, MailError, NotAllowed, Temporary, Throttled, TooBig, Unsupported
from mailsuite.happenings import Read
from mailsuite.interfaces import IBody
from mailsuite.model import INBOX, Account, Pop3Rules
from mailsuite.net.connection import Connection
from mailsuite.net.login import Entrance, Exchange, Round
from mailsuite.net.pop3_accounts import TooSoon
from mailsuite.net.pop3_inbox import Inbox, ignored, open_inbox
from mailsuite.net.pop3_words import refusal_for
from mailsuite.pop3 import events
from mailsuite.pop3.limits import Limit
from mailsuite.pop3.server import ServerCore
from mailsuite.pop3.texts import Text
from mailsuite.pop3.top import TopCut
from mailsuite.sasl import base64
from mailsuite.sasl.values import Challenge, Credentials, Malformed, SASLError

if TYPE_CHECKING:
    from mailsuite.net.pop3_factory import POP3ServerFactory

#: Octets of a large message that are read and sent at a time.
PIECE = 128 * 1024


class POP3Connection(Connection[ServerCore]):
    """``address`` is the client's."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, factory: POP3ServerFactory, address: str) -> None:
        profile = factory.settings.profile(factory.tls_available)
        super().__init__(ServerCore(profile, timestamp=factory.timestamp()), factory.clock, factory.settings.idle_limit)
        self.factory = factory
        self.address = address
        self.account = ""
        self._entered = ""  # whom ``Accounts`` knows to be here
        self._rules = factory.accounts.rules  # the account's, once it is known
        self._exchange: Exchange | None = None
        self._inbox: Inbox | None = None
        self._in_message = False
        self._sent = self._removed = 0

    # -- Connection's hooks ----------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.core.secure = self.secure
        self.core.mechanisms = self._entrance().offered
        self.factory.sessions.add(self)
        super().connectionMade()

    def secured(self) -> None:
        """What AUTH can do depends on the handshake."""
        self.core.mechanisms = self._entrance().offered

    def dismissed(self) -> None:
        self.core.say_and_end(Text.DISMISSED, "AUTH")

    @property
    def logged_in(self) -> str:
        return self.account if self._inbox is not None else ""

    def handle(self, event: object) -> Deferred[object] | None:
        return _HANDLERS[type(event)](self, event)

    def timed_out(self) -> None:
        """RFC 1939 §3: without removing any messages and without a word."""
        self.hits["timeouts.pop3"] += 1
        self.close()

    def ends_at(self) -> float:
        return self.connected_at + self.factory.settings.login_limit if self._inbox is None else math.inf

    def expired(self) -> None:
        self.hits["timeouts.login"] += 1
        self.core.say_and_end(Text.NO_LOGIN)
        self.close()

    def faulted(self, failure: Failure) -> None:
        if self._in_message:
            self.cut()
        else:
            self.core.say_and_end(Text.FAULT)

    def stopping(self) -> None:
        self.core.say_and_end(Text.STOPPING)

    def ended(self) -> None:
        self._leave_account()
        if self._inbox is not None:
            self._inbox.close()
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

    def _capabilities(self, _: events.Capabilities) -> Deferred[object]:
        return Deferred.fromCoroutine(self._say_capabilities())

    async def _say_capabilities(self) -> None:
        """Nobody logs in while the directory cannot be read: what it would say does not matter then."""
        try:
            extremes = await self.factory.login.pop3_extremes()
        except Temporary as error:
            self.log.warn("pop3 rules of accounts are not known: {error}", error=error)
            extremes = Pop3Rules()
        self.core.capabilities(self.factory.accounts.rules.terms_before_login(extremes))

    def _login(self, event: events.Login) -> Deferred[object]:
        return Deferred.fromCoroutine(self._open(self._check(event)))

    def _apop(self, event: events.Apop) -> Deferred[object]:
        return Deferred.fromCoroutine(self._open(self._check_digest(event)))

    def _authenticate(self, event: events.Authenticate) -> Deferred[object]:
        return Deferred.fromCoroutine(self._open(self._begin_exchange(event)))

    def _respond(self, event: events.Response) -> Deferred[object]:
        return Deferred.fromCoroutine(self._open(self._continue_exchange(event)))

    async def _check(self, event: events.Login) -> Round:
        return await self.factory.login.check(Credentials(event.name, event.password), self.address, "pop3")

    async def _check_digest(self, event: events.Apop) -> Round:
        timestamp = self.core.timestamp
        return await self.factory.login.check_apop(event.name, timestamp, event.digest, self.address, "pop3")

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
        except (BadCredentials, NotAllowed, Unsupported, Malformed, Throttled) as error:
            refusal = refusal_for(error)
            if isinstance(error, Unsupported | Malformed):  # of the others ``login`` tells
                self.log.info("pop3 login from {peer} failed: {error}", peer=self.address, error=error)
            self.core.login_failed(refusal.text, refusal.code)
        except (MailError, SASLError) as error:
            self._refuse(error)

    async def _enter(self, account: Account) -> None:
        accounts, self.account = self.factory.accounts, account.name  # for the log, whatever comes of it
        self._rules = rules = accounts.rules.of(account)
        accounts.enter(account.name, rules)
        self._entered = account.name
        try:
            read = partial(self._told, account.name) if self.factory.observer.listens else ignored
            inbox = await open_inbox(self.factory.stores, account.name, not self.core.utf8, accounts.shelf, read)
        except BaseException:
            self._leave_account()
            raise
        self._inbox = inbox
        self.factory.login.sessions.enter(account, self)
        accounts.welcomed(account.name, rules)
        self.core.logged_in(inbox.maildrop, rules.terms())

    def _leave_account(self) -> None:
        entered, self._entered = self._entered, ""
        if entered:
            self.factory.accounts.leave(entered)

    # -- messages --------------------------------------------------------------------------------------------------

    def _retrieve(self, event: events.Retrieve) -> Deferred[object] | None:
        found = self._open_inbox.at_hand(event.index)
        if isinstance(found, bytes):
            self._send_whole(event.index, found)
            return None
        return Deferred.fromCoroutine(self._message(event.index, None))

    def _top(self, event: events.Top) -> Deferred[object]:
        return Deferred.fromCoroutine(self._message(event.index, TopCut(event.lines)))

    def _send_whole(self, index: int, octets: bytes) -> None:
        self.core.send_message(octets)
        self._open_inbox.retrieved(index)
        self._sent += 1

    async def _message(self, index: int, cut: TopCut | None) -> None:
        try:
            found = await self._open_inbox.read(index, self.core.coming())
            if isinstance(found, TooBig):
                await self._send_large(index, cut)
            elif isinstance(found, MailError):
                self._refuse(found)
            elif cut is None:
                self._send_whole(index, found)
            else:
                self._send_top(found, cut)
        except MailError as error:
            if not self._in_message:
                self._refuse(error)
                return
            self.log.warn("pop3 message of {account} cut off: {error}", account=self.account, error=error)
            self.cut()

    def _send_top(self, octets: bytes, cut: TopCut) -> None:
        self.core.begin_top()
        self.core.send_part(cut.feed(octets))
        self.core.end_message()

    async def _send_large(self, index: int, cut: TopCut | None) -> None:
        body = await self._open_inbox.body(index)
        try:
            await self._send(body, await body.read_at(0, PIECE), cut)
        finally:
            body.close()
        if cut is None:
            self._open_inbox.retrieved(index)
            self._sent += 1

    async def _send(self, body: IBody, piece: bytes, cut: TopCut | None) -> None:
        """A message whose first piece this is, as fast as the client reads."""
        if cut is None:
            self.core.begin_message(body.size)
        else:
            self.core.begin_top()
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

    # -- the end ---------------------------------------------------------------------------------------------------

    def _update(self, event: events.Update) -> Deferred[object]:
        return Deferred.fromCoroutine(self._remove(event.deleted))

    async def _remove(self, deleted: tuple[int, ...]) -> None:
        """RFC 1939 §6: all together, on disk before we say so; what has expired goes with them (RFC 2449 §6.7)."""
        inbox, days = self._open_inbox, self._rules.expire_days
        try:
            old = await inbox.expired(days, self._today()) if days >= 0 else set[int]()
            self._removed = await inbox.remove(sorted(old.union(deleted)))
        except MailError as error:
            self.log.warn("pop3 messages of {account} not removed: {error}", account=self.account, error=error)
            self.core.refuse(Text.NOT_REMOVED, "SYS/TEMP")
        else:
            self.core.updated()

    def _today(self) -> int:
        return datetime.datetime.fromtimestamp(self.clock.seconds(), datetime.UTC).toordinal()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _entrance(self) -> Entrance:
        settings = self.factory.settings
        return Entrance(self.channel(settings.allow_plaintext_auth), settings.mechanisms, self.address, "pop3")

    def _answered_by_core(self, _: events.Answered) -> None:
        """The core has said all there is to say."""

    def _close(self, event: events.Close) -> None:
        if event.limit is not Limit.NONE:
            self.hits[event.limit.value] += 1
            self.log.info("pop3 session of {peer} ended: {limit}", peer=self.address, limit=event.limit.value)
        self.close()

    def _told(self, account: str, uid: int) -> None:
        self.factory.observer.happened(Read(self.clock.seconds(), f"{account}/{INBOX}", (uid,), "read by POP3"))

    @property
    def _open_inbox(self) -> Inbox:
        if self._inbox is None:
            raise RuntimeError("nobody is logged in")
        return self._inbox

    def _refuse(self, error: MailError | SASLError) -> None:
        refusal = refusal_for(error)
        if refusal.logged:
            self.log.warn("pop3 {account} from {peer}: {error}", account=self.account, peer=self.address, error=error)
        seconds = error.delay if isinstance(error, TooSoon) else 0
        self.core.refuse(refusal.text, refusal.code, seconds=seconds)


_HANDLERS: dict[type, Callable[..., Deferred[object] | None]] = {
    events.Answered: POP3Connection._answered_by_core,
    events.Capabilities: POP3Connection._capabilities,
    events.Login: POP3Connection._login,
    events.Apop: POP3Connection._apop,
    events.Authenticate: POP3Connection._authenticate,
    events.Response: POP3Connection._respond,
    events.StartTLS: POP3Connection._start_tls,
    events.Retrieve: POP3Connection._retrieve,
    events.Top: POP3Connection._top,
    events.Update: POP3Connection._update,
    events.Close: POP3Connection._close,
}
