"""The pump between a transport and a sans-IO core, shared by every server protocol here.

Octets go into the core, its events go to ``handle`` one at a time; while the Deferred that ``handle`` gave back has
not fired, nothing more is taken from the core (one command at a time makes pipelining correct).  A peer that does
not read its answers gets no further command done, is paused once ``MAX_AHEAD`` octets of it wait, and is cut off when
it reads nothing for ``idle_limit``.  One timer watches for silence, for octets that never become a command, and for
the end of the session's time.  Trusts nothing the peer sends; an exception out
of ``handle`` is a fault of ours: logged with a traceback, told to the peer in general words, and the connection ends.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from twisted.internet import interfaces
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.net.address import named_peer
from mailsuite.net.guests import Guests
from mailsuite.net.layered import CoreT, Layered
from mailsuite.net.sessions import Described
from mailsuite.wire.signals import NEED_DATA, PAUSED

#: Octets that may wait unread in a core before the transport is paused.
MAX_AHEAD = 256 * 1024
#: Octets of answers that are gathered into one write while commands are done on the spot (one TLS record holds 16 KiB).
GATHER = 16 * 1024
#: Seconds a closing connection may take to send what is left before it is cut.
CLOSING_GRACE = 30.0


@implementer(interfaces.IPushProducer)
class Connection(Layered[CoreT]):
    """Base of the server protocols: subclasses give ``handle`` and the words for time-outs and faults."""

    #: Counts by name the peers that met a limit; a listener's connections share one.
    hits: Counter[str] = Counter()
    #: Strangers of whom one may have to make room; whoever is no stranger is not among them.
    guests: Guests = Guests()

    def __init__(self, core: CoreT, clock: interfaces.IReactorTime, idle_limit: float) -> None:
        """``idle_limit``: seconds without a whole command (or part of a body) from the peer after which ``timed_out``
        is called; octets alone are no sign of life.  The time that a command takes us does not count."""
        super().__init__(core, clock)
        self.idle_limit = idle_limit
        #: Octets of the peer had come before the connection was ours.
        self.early = False
        #: Seconds after which it is looked at the latest whether the peer may still be silent: for who sets
        #: ``idle_limit`` lower than it was.
        self.look_every = math.inf
        self.connected_at = 0.0
        self._heard = False
        self._pumping = False
        self._waiting: Deferred[object] | None = None
        self._choked = False
        self._draining: dict[Deferred[None], None] = {}
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._reading = True
        #: What to say at the next pause, before closing.
        self._leaving: Callable[[], None] | None = None
        #: When the peer last sent something whole, read something, or was given its answer.
        self._last_moved = 0.0
        self._progress = 0
        self._watchdog: interfaces.IDelayedCall | None = None
        self._cut: interfaces.IDelayedCall | None = None

    # -- for subclasses ------------------------------------------------------------------------------------------

    def handle(self, event: object) -> Deferred[object] | None:
        """Act on one event; the answer goes through the core.  A Deferred holds back the next event."""
        raise NotImplementedError

    def between(self) -> Deferred[object] | None:
        """Asked before each event: something of our own to be done first, which holds back the next event."""
        return None

    def timed_out(self) -> None:
        """The peer was silent for ``idle_limit``, or too slow: say so and close."""
        self.close()

    def ends_at(self) -> float:
        """When the session has to end however busy the peer is, on ``clock``.  Asked now and then: may only move
        further away."""
        return math.inf

    def expired(self) -> None:
        """``ends_at`` has come: say so and close."""
        self.close()

    def progress(self) -> int:
        """Asked now and then: a count that changes while the peer sends something long that gives no events."""
        return 0

    def too_slow(self) -> bool:
        """Asked now and then: what the peer sends is too little for the time it takes."""
        return False

    def faulted(self, failure: Failure) -> None:
        """Something of ours broke (already logged): say so in general words; the connection closes after this."""

    def ended(self) -> None:
        """The connection is gone: release what the session holds."""

    def stopping(self) -> None:
        """The server stops and no command is in flight: say goodbye; the connection closes after this."""

    def dismissed(self) -> None:
        """The login does not count any more and no command is in flight: say so; the connection closes after this."""

    def shut_down(self) -> None:
        """The server stops: say goodbye and close, now or after the command in flight."""
        self._leave(self.stopping)

    def dismiss(self) -> None:
        """The login does not count any more: say so and close, now or after the command in flight."""
        self._leave(self.dismissed)

    def _leave(self, say: Callable[[], None]) -> None:
        self._leaving = say
        if not self.busy and not self.closing:
            say()
            self.close()

    @property
    def logged_in(self) -> str:
        """The account, or nothing."""
        return ""

    def described(self, service: str) -> Described:
        """For the administrator."""
        return Described(service, self.peer, self.logged_in, self.tls_version, self.connected_at, self._last_moved)

    @property
    def silence(self) -> float:
        """Seconds since the peer did something whole."""
        return self.clock.seconds() - self._last_moved

    @property
    def busy(self) -> bool:
        """A command is being worked on."""
        return self._waiting is not None

    @property
    def choked(self) -> bool:
        """The peer has not read enough for more to be written."""
        return self._choked

    def drained(self) -> Deferred[None]:
        """Fires when the peer has read enough for more to be written: to be awaited between the pieces of a long
        answer.  Has fired already if nothing piles up."""
        if not self._choked:
            return succeed(None)
        drained: Deferred[None] = Deferred(lambda cancelled: self._draining.pop(cancelled, None))
        self._draining[drained] = None
        return drained

    # -- Twisted calls these -------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.connected_at = self._last_moved = self.clock.seconds()
        self.peer = named_peer(self.peer, self.transport)
        if interfaces.ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)  # the end of an answer waits for no acknowledgement of its start
        self.transport.registerProducer(self, True)
        self._watchdog = self.clock.callLater(self._patience(), self._watch)
        self.pump()

    def dataReceived(self, data: bytes) -> None:
        if self.closing:
            return
        self._heard = True
        (self._compression or self.core).receive(data)
        self.pump()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closing = True
        self.guests.left(self)
        self._stop_timers()
        self.drop_layers()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()
        for drained in list(self._draining):
            drained.cancel()
        self.ended()

    def pauseProducing(self) -> None:
        self._choked = True
        self._steer()

    def resumeProducing(self) -> None:
        self._choked = False
        self._last_moved = self.clock.seconds()
        draining = list(self._draining)
        self._draining.clear()
        for drained in draining:
            if not drained.called:
                drained.callback(None)
        self.pump()

    def stopProducing(self) -> None:
        self._choked = True

    # -- the pump ------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Take events from the core while none is being worked on and the peer reads its answers."""
        if self._pumping:
            return
        self._pumping = True
        moved = False
        try:
            while self._waiting is None and not self._choked and not self.closing:
                if (work := self.between()) is not None:
                    self._wait_for(work)
                    continue
                event = self.core.next_event()
                if event is NEED_DATA and self._compression is not None and self.inflate():
                    continue
                if event is NEED_DATA or event is PAUSED:
                    break
                moved = True
                if self._compression is not None:
                    self._compression.heard()
                self._dispatch(event)
                self._gather()
                if self._leaving is not None:
                    self._leave(self._leaving)
            if self.flush() or moved:  # a command that the core answers by itself is no event
                self._last_moved = self.clock.seconds()
            if moved and self._heard:
                self.guests.spoke(self)
        except Exception:
            self._fault(Failure())
        finally:
            self._pumping = False
        self._steer()

    def flush(self) -> bool:
        """Send what the core has to say; whether there was anything."""
        if data := self.core.data_to_send():
            self._gathered.append(data)
        return self._write()

    def _write(self) -> bool:
        """Send what was gathered; whether there was anything."""
        gathered = self._gathered
        if not gathered or self.transport is None:
            return False
        data = gathered[0] if len(gathered) == 1 else b"".join(gathered)
        gathered.clear()
        self._gathered_size = 0
        self.transport.write(self.below(data))
        return True

    def send(self, pieces: Sequence[bytes]) -> None:
        """Octets that the core need not see, behind what it had to say; they are not copied to be put together."""
        self.flush()
        if self._compression is not None:
            self.transport.write(self.below(b"".join(pieces)))
        else:
            self.transport.writeSequence(pieces)

    def _gather(self) -> None:
        """Keep short answers together, so that a pipeline costs few writes and few TLS records."""
        if data := self.core.data_to_send():
            self._gathered.append(data)
            self._gathered_size += len(data)
            if self._gathered_size >= GATHER:
                self._write()

    def _dispatch(self, event: object) -> None:
        result = self.handle(event)
        if result is not None:
            self._wait_for(result)

    def _wait_for(self, work: Deferred[object]) -> None:
        self._waiting = work
        work.addCallbacks(self._answered, self._failed)

    def _answered(self, _: object) -> None:
        self._waiting = None
        self._last_moved = self.clock.seconds()
        if self._leaving is not None:
            self._leave(self._leaving)
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
        """Read from the transport only while the core can use what comes, or little of it waits.

        A choked connection goes on reading up to that: TLS cannot shake hands, and so not write, without."""
        idle = self._waiting is None and not self._choked
        behind = self._compression is not None and self._compression.behind
        wanted = not behind and (idle or self.core.buffered < MAX_AHEAD)
        if wanted != self._reading and self.transport is not None and not self.closing:
            self._reading = wanted
            if wanted:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    # -- time and ending -----------------------------------------------------------------------------------------

    def _patience(self) -> float:
        """Seconds until the peer is out of time if it does nothing; none are left if not above 0."""
        moved = self._last_moved + self.idle_limit
        return min(moved, self.ends_at()) - self.clock.seconds()

    def watch_again(self) -> None:
        """``ends_at`` has come nearer."""
        if self._watchdog is not None:
            self._watchdog.reset(self._patience())

    def _watch(self) -> None:
        progress, self._progress = self._progress, self.progress()
        if self._progress != progress:
            self._last_moved = self.clock.seconds()
        left = self._patience()
        if self._waiting is not None and not self._choked:  # our own slowness is not the peer's silence
            left = max(left, 1.0)
        elif left > 0 and self.too_slow():
            left = 0.0
        if left > 0:
            self._watchdog = self.clock.callLater(min(left, self.look_every), self._watch)
            return
        self._watchdog = None
        if self._choked:  # it would not read our words either
            self.hits["reads nothing"] += 1
            self.cut()
        elif self.clock.seconds() >= self.ends_at():
            self.expired()
        else:
            self.timed_out()

    def close(self) -> None:
        """Send what is left, then close; cut after ``CLOSING_GRACE`` if the peer does not read it, and in the middle of
        a handshake at once."""
        if self.closing:
            return
        if self.secure and self._secured is None:  # whatever is said would wait for the end of the handshake
            self.cut()
            return
        self.flush()
        self.closing = True
        self._stop_timers()
        if self.transport is not None:
            if not self._reading:  # TLS says goodbye both ways
                self.transport.resumeProducing()
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            self._cut = self.clock.callLater(CLOSING_GRACE, self.cut)

    def _stop_timers(self) -> None:
        for call in (self._watchdog, self._cut):
            if call is not None and call.active():
                call.cancel()
        self._watchdog = self._cut = None

    def cut(self) -> None:
        """End the connection now; nothing more is sent."""
        self.closing = True
        self.transport.abortConnection()
