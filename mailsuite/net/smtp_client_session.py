"""One SMTP client connection: the core on a transport, with TLS, login, flow control and time-outs.

``opened`` fires when mail can be sent or fails with ``SessionFailed``; ``carry`` sends one message and always
fires.  The message is read piece by piece, no faster than the other side takes it.  Each wait has its own time limit
(RFC 5321 §4.5.3.2), counted from the last whole reply or piece, so that a server that drips octets gains nothing by
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet import interfaces
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.errors import MailError
from mailsuite.interfaces import ITLSContexts
from mailsuite.model import USUAL_SECURITY, Security
from mailsuite.net.smtp_client_message import PIECE, Outgoing
from mailsuite.net.smtp_client_settings import CourierSettings, Tls
from mailsuite.smtp.client import ClientCore
from mailsuite.smtp.client_events import (
    BodyWanted,
    ClientEvent,
    Done,
    Ended,
    Greeted,
    LoggedIn,
    LoginRefused,
    Step,
    TlsReady,
    TlsRefused,
    Transaction,
)
from mailsuite.wire.signals import Signal

#: Seconds that clocks may be inexact.
_A_MOMENT = 0.001
#: What recipients are told of a session that we broke off.
GIVEN_UP = "given up by this server"


class SessionFailed(Exception):
    """No mail can be sent over this connection.  ``in_handshake``: TLS broke it; ``about_tls``: it was not offered, or
    that; ``about_login``: we were not let in."""

    def __init__(
        self, text: str, in_handshake: bool = False, about_tls: bool = False, about_login: bool = False
    ) -> None:
        super().__init__(text)
        self.in_handshake = in_handshake
        self.about_tls = about_tls or in_handshake
        self.about_login = about_login


@implementer(interfaces.IHandshakeListener, interfaces.IPushProducer)
class ClientSession(Protocol):
    """``tls`` is what is asked of this one, whatever the settings say."""

    log = Logger()

    def __init__(
        self,
        host: str,
        settings: CourierSettings,
        contexts: ITLSContexts,
        clock: interfaces.IReactorTime,
        tls: Tls,
        security: Security = USUAL_SECURITY,
    ) -> None:
        self._host = host
        self._security = security
        #: Made its TLS, if that was there from the start.
        self.creator: object = None
        self._settings = settings
        self._tls = tls
        self._contexts = contexts
        self._clock = clock
        self._core = ClientCore(settings.hostname, host, settings.limits, settings.lmtp)
        self._core.secure = settings.implicit_tls
        self._opening: Deferred[None] | None = Deferred(lambda _: self.abort())
        self._carrying: Deferred[Done] | None = None
        self._outgoing: Outgoing | None = None
        self._room: Deferred[None] | None = None
        self._choked = False
        self._logged_in = False
        self._timer: interfaces.IDelayedCall | None = None
        self._timed: object = None
        self._deadline = 0.0
        self._sent = 0
        #: Messages sent over it.
        self.carried = 0
        #: Called when the connection is gone.
        self.gone = lambda: None

    # -- for the courier -------------------------------------------------------------------------------------------

    def opened(self) -> Deferred[None]:
        """When a message can be sent.  To be called once."""
        assert self._opening is not None  # noqa: S101
        return self._opening

    @property
    def usable(self) -> bool:
        return not self._core.ended and self._core.step is Step.IDLE

    @property
    def secure(self) -> bool:
        """Whether it is under TLS, with whatever certificate."""
        return self._core.secure

    @property
    def verified(self) -> bool:
        """Whether TLS has shown that it is the host we meant."""
        return self._core.secure and self._tls.verified

    @property
    def extensions(self) -> Mapping[str, str]:
        """What the server offers: EHLO keywords in capitals and their parameters."""
        return self._core.extensions

    def carry(self, transaction: Transaction, outgoing: Outgoing) -> Deferred[Done]:
        """Send one message."""
        self.carried += 1
        self._outgoing = outgoing
        self._sent = 0
        carrying = self._carrying = Deferred(lambda _: self.abort())
        self._core.send(transaction)
        self._react()
        return carrying

    def quit(self) -> None:
        """Say goodbye and close."""
        self._core.quit()
        self._react()

    def abort(self) -> None:
        """Close at once."""
        self._give_up(GIVEN_UP, again=False)

    # -- Twisted calls these ---------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.setTcpNoDelay(True)  # the end of a message must not wait for an acknowledgement of its start
        self._react()

    def dataReceived(self, data: bytes) -> None:
        self._core.receive(data)
        self._react()

    def handshakeCompleted(self) -> None:
        objection = self._contexts.objection(self.creator, self.transport)
        if objection:
            self._give_up(f"{self._host}: {objection}", in_handshake=True)
        elif self._core.step is Step.HANDSHAKE:
            self._core.secured()
            self._react()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        in_handshake = self._core.step is Step.HANDSHAKE
        closed = reason.check(ConnectionDone) is not None
        self._core.lost("the connection was closed" if closed else reason.getErrorMessage() or "connection lost")
        self._react(in_handshake)
        self._stop_timer()
        self.resumeProducing()
        self.gone()

    def pauseProducing(self) -> None:
        self._choked = True

    def resumeProducing(self) -> None:
        self._choked = False
        room, self._room = self._room, None
        if room is not None:
            room.callback(None)

    def stopProducing(self) -> None:
        self.resumeProducing()

    # -- events ----------------------------------------------------------------------------------------------------

    def _react(self, in_handshake: bool = False) -> None:
        while not isinstance(event := self._core.next_event(), Signal):
            self._act(event, in_handshake)
        self._flush()

    def _flush(self) -> None:
        data = self._core.data_to_send()
        if data and self.transport is not None:
            self.transport.write(data)
        self._set_timer()

    def _act(self, event: ClientEvent, in_handshake: bool) -> None:
        if isinstance(event, Done):
            carrying, self._carrying = self._carrying, None
            self._outgoing = None
            if carrying is not None:
                carrying.callback(event)
        elif isinstance(event, BodyWanted):
            self._start_pump()
        elif isinstance(event, (Greeted, TlsRefused, LoggedIn)):
            self._logged_in = self._logged_in or isinstance(event, LoggedIn)
            self._prepare(event)
        elif isinstance(event, TlsReady):
            self._start_tls()
        elif isinstance(event, LoginRefused):
            self._refuse(event.text, about_login=True)
        elif isinstance(event, Ended):
            self._fail_opening(SessionFailed(event.text, in_handshake))
            self._close()

    def _prepare(self, event: Greeted | TlsRefused | LoggedIn) -> None:
        """One step further towards a session that mail can be sent over."""
        settings, core = self._settings, self._core
        offered = isinstance(event, Greeted) and "STARTTLS" in event.extensions
        if not core.secure and self._tls is not Tls.NEVER and offered:
            core.start_tls()
        elif not core.secure and self._tls.needed:
            text = event.text if isinstance(event, TlsRefused) else f"{self._host} does not offer TLS"
            self._refuse(text, about_tls=True)
        elif settings.login is not None and not self._logged_in:
            if core.secure or settings.login_in_clear:
                core.login(settings.login)
            else:
                self._refuse(f"{self._host} offers no TLS and the password is not sent without", about_login=True)
        elif self._opening is not None:
            opening, self._opening = self._opening, None
            opening.callback(None)

    def _start_tls(self) -> None:
        self.creator = self._contexts.client(self._host, self._tls.verified, self._security)
        transport: Any = self.transport
        transport.startTLS(self.creator)

    def _refuse(self, text: str, about_tls: bool = False, about_login: bool = False) -> None:
        """It works, and is not what we want."""
        self._fail_opening(SessionFailed(text, about_tls=about_tls, about_login=about_login))
        self._core.quit()

    def _fail_opening(self, reason: SessionFailed) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.errback(reason)

    # -- the message -----------------------------------------------------------------------------------------------

    def _start_pump(self) -> None:
        outgoing = self._outgoing
        if outgoing is not None and outgoing.at_hand:  # sent with its end, in one write
            self._sent = outgoing.size
            self._core.body(outgoing.first)
            self._core.end_body()
            return
        Deferred.fromCoroutine(self._pump()).addErrback(self._pump_failed)

    async def _pump(self) -> None:
        outgoing, transport = self._outgoing, self.transport
        assert outgoing is not None  # noqa: S101 - ``carry`` set it
        large = outgoing.size > PIECE
        if large:
            transport.registerProducer(self, True)  # type: ignore[union-attr]
        try:
            while self._sent < outgoing.size and self._outgoing is outgoing:
                piece = await outgoing.piece(self._sent)
                self._sent += len(piece)
                self._core.body(piece)
                self._flush()
                if self._choked and not self._core.ended:
                    self._room = Deferred()
                    await self._room
        finally:
            if large:
                transport.unregisterProducer()  # type: ignore[union-attr]
        self._core.end_body()
        self._flush()

    def _pump_failed(self, failure: Failure) -> None:
        """Our own fault: the other side must not take half a message for a whole one."""
        if failure.check(MailError) is None:
            self.log.failure("reading a message for {host}", failure, host=self._host)
        self._give_up(f"the message could not be read: {failure.getErrorMessage()}")

    # -- time and the end ------------------------------------------------------------------------------------------

    def _set_timer(self) -> None:
        """Start the clock anew whenever something was achieved."""
        core = self._core
        timed = (core.step, core.replies, self._sent)
        if timed == self._timed or core.ended:
            return
        self._timed = timed
        patience = self._settings.patience[core.step]
        self._deadline = self._clock.seconds() + patience
        if self._timer is not None and self._timer.getTime() <= self._deadline:
            return  # it looks again then, which costs less than a new one at each step
        self._stop_timer()
        self._timer = self._clock.callLater(patience, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _time_out(self) -> None:
        left = self._deadline - self._clock.seconds()
        if left > _A_MOMENT:
            self._timer = self._clock.callLater(left, self._time_out)
            return
        self._timer = None
        self._give_up("timed out")

    def _give_up(self, reason: str, again: bool = True, in_handshake: bool = False) -> None:
        """``again``: where TLS is to blame, it may be tried without."""
        in_handshake = in_handshake or (again and self._core.step is Step.HANDSHAKE)
        self._core.lost(reason)
        self._react(in_handshake)
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def _close(self) -> None:
        self._stop_timer()
        if self.transport is not None:
            self.transport.loseConnection()
