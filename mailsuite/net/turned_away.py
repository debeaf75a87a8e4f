"""A connection there is no room for, or that comes when the server stops: told why, and ended within seconds.

Promises that it is gone after ``GRACE`` seconds whatever the client does, because nobody counts it.  Under TLS from the
first octet the words would wait for a handshake, so the connection is cut at once without any.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime, ISSLTransport, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

#: Seconds that a client may take to read the words.
GRACE = 5.0


class TurnedAway(Protocol):
    """Says ``words`` (octets of the protocol in question) and goes."""

    transport: ITCPTransport

    def __init__(self, words: bytes, clock: IReactorTime) -> None:
        self._words = words
        self._clock = clock
        self._cut: IDelayedCall | None = None

    def connectionMade(self) -> None:
        if ISSLTransport.providedBy(self.transport):
            self.transport.abortConnection()
            return
        self._cut = self._clock.callLater(GRACE, self.transport.abortConnection)
        self.transport.write(self._words)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
