"""The pump between a transport and a sans-IO core, shared by every server protocol here.

Octets go into the core, its events go to ``handle`` one at a time; while the Deferred that ``handle`` gave back has
not fired, nothing more is taken from the core (one command at a time makes pipelining correct).  A peer that does
not read its answers is not read from, and gets no further command done; one that sends faster than commands are
answered is paused once ``MAX_AHEAD`` octets wait.  One timer watches for silence.  Trusts nothing the peer sends; an
exception out of ``handle`` is a fault of ours: logged with a traceback, told to the peer in general words, and the
connection ends.
"""

from __future__ import annotations

from typing import ClassVar, Generic, Protocol, TypeVar

from twisted.internet import interfaces
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.wire.signals import NEED_DATA, PAUSED

#: Octets that may wait unread in a core before the transport is paused.
MAX_AHEAD = 256 * 1024
#: Seconds a closing connection may take to send what is left before it is cut.
CLOSING_GRACE = 10.0


class Core(Protocol):
    """What the pump needs of a language's server core."""

    @property
    def buffered(self) -> int:
        """Octets received and not yet turned into events."""

    def receive(self, data: bytes) -> None: ...

    def next_event(self) -> object: ...

    def data_to_send(self) -> bytes: ...


class _Transport(interfaces.ITransport, interfaces.IConsumer, interfaces.IPushProducer):
    """What TCP and TLS transports provide together; Twisted names it nowhere."""


CoreT = TypeVar("CoreT", bound=Core)


@implementer(interfaces.IPushProducer)
class Connection(TwistedProtocol, Generic[CoreT]):
    """Base of the server protocols: subclasses give ``handle`` and the words for time-outs and faults."""

    log: ClassVar[Logger] = Logger()
    transport: _Transport

    def __init__(self, core: CoreT, clock: interfaces.IReactorTime, idle_limit: float) -> None:
        """``idle_limit``: seconds without an octet from the peer after which ``timed_out`` is called."""
        self.core = core
        self.clock = clock
        self.idle_limit = idle_limit
        self.closing = False
        self.connected_at = 0.0
        self._pumping = False
        self._waiting: Deferred[object] | None = None
        self._choked = False
        self._reading = True
        self._last_heard = 0.0
        self._watchdog: interfaces.IDelayedCall | None = None
        self._cut: interfaces.IDelayedCall | None = None

    # -- for subclasses ------------------------------------------------------------------------------------------

    def handle(self, event: object) -> Deferred[object] | None:
        """Act on one event; the answer goes through the core.  A Deferred holds back the next event."""
        raise NotImplementedError

    def timed_out(self) -> None:
        """The peer was silent for ``idle_limit``: say so and close."""
        self.close()

    def faulted(self, failure: Failure) -> None:
        """Something of ours broke (already logged): say so in general words; the connection closes after this."""

    def ended(self) -> None:
        """The connection is gone: release what the session holds."""

    def shut_down(self) -> None:
        """The server stops: say goodbye and close as soon as no command is in flight."""
        self.close()

    @property
    def busy(self) -> bool:
        """A command is being worked on."""
        return self._waiting is not None

    # -- Twisted calls these -------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.connected_at = self._last_heard = self.clock.seconds()
        self.transport.registerProducer(self, True)
        self._watchdog = self.clock.callLater(self.idle_limit, self._watch)
        self.pump()

    def dataReceived(self, data: bytes) -> None:
        if self.closing:
            return
        self._last_heard = self.clock.seconds()
        self.core.receive(data)
        self.pump()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closing = True
        for call in (self._watchdog, self._cut):
            if call is not None and call.active():
                call.cancel()
        self._watchdog = self._cut = None
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
        self.ended()

    def pauseProducing(self) -> None:
        self._choked = True
        self._steer()

    def resumeProducing(self) -> None:
        self._choked = False
        self.pump()

    def stopProducing(self) -> None:
        self._choked = True

    # -- the pump ------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Take events from the core while none is being worked on and the peer reads its answers."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._waiting is None and not self._choked and not self.closing:
                event = self.core.next_event()
                if event is NEED_DATA or event is PAUSED:
                    break
                self._dispatch(event)
                self.flush()
            self.flush()
        except Exception:
            self._fault(Failure())
        finally:
            self._pumping = False
        self._steer()

    def flush(self) -> None:
        """Send what the core has to say."""
        data = self.core.data_to_send()
        if data and self.transport is not None:
            self.transport.write(data)

    def _dispatch(self, event: object) -> None:
        result = self.handle(event)
        if result is None:
            return
        self._waiting = result
        result.addCallbacks(self._answered, self._failed)

    def _answered(self, _: object) -> None:
        self._waiting = None
        self.pump()

    def _failed(self, failure: Failure) -> None:
        self._waiting = None
        if self.closing and failure.check(CancelledError):
            return
        self._fault(failure)

    def _fault(self, failure: Failure) -> None:
        self.log.failure("fault while serving {peer}", failure, peer=self.peer)
        if not self.closing:
            self.faulted(failure)
            self.close()

    def _steer(self) -> None:
        """Read from the transport only while the core can use what comes."""
        wanted = not self._choked and (self._waiting is None or self.core.buffered < MAX_AHEAD)
        if wanted != self._reading and self.transport is not None and not self.closing:
            self._reading = wanted
            if wanted:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    # -- time and ending -----------------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        """``address:port`` of the other side, for the log."""
        if self.transport is None:
            return "?"
        peer = self.transport.getPeer()
        return f"{getattr(peer, 'host', peer)}:{getattr(peer, 'port', '')}"

    def _watch(self) -> None:
        left = self._last_heard + self.idle_limit - self.clock.seconds()
        if self._waiting is not None:  # our own slowness is not the peer's silence
            left = max(left, 1.0)
        if left <= 0:
            self._watchdog = None
            self.timed_out()
        else:
            self._watchdog = self.clock.callLater(left, self._watch)

    def close(self) -> None:
        """Send what is left, then close; cut after ``CLOSING_GRACE`` if the peer does not read it."""
        if self.closing:
            return
        self.flush()
        self.closing = True
        if self.transport is not None:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            self._cut = self.clock.callLater(CLOSING_GRACE, self._abort)

    def _abort(self) -> None:
        abort = getattr(self.transport, "abortConnection", None)
        if abort is not None:
            abort()
