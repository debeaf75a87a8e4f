"""A foreign mail host of a world: takes mail for its domain, and misbehaves in moods (``testing.peer``)."""

from __future__ import annotations

import enum
from typing import Any

from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from mailsuite.testing.peer import CLOSE, SILENCE, Bye, PeerSession, Script, ScriptedPeer
from mailsuite.testing.world.ledger import Ledger
from mailsuite.testing.world.reactor import HostReactor


class Mood(enum.Enum):
    """How it behaves at present."""

    KIND = "takes everything"
    GREYLISTING = "refuses at first"
    REFUSING = "refuses for good"
    BUSY = "has no time"
    HANGING = "does not answer the data"
    CUTTING = "hangs up at the data"
    MUTE = "does not greet"


_SCRIPTS: dict[Mood, Script] = {
    Mood.KIND: {},
    Mood.GREYLISTING: {"RCPT": ["451 4.7.1 later", "250 2.1.5 Ok"]},
    Mood.REFUSING: {"RCPT": "550 5.1.1 nobody"},
    Mood.BUSY: {"BANNER": Bye("421 4.3.2 too busy")},
    Mood.HANGING: {"DOT": SILENCE},
    Mood.CUTTING: {"DOT": CLOSE},
    Mood.MUTE: {"BANNER": SILENCE},
}


class Abroad:
    """Serves ``domain``; what arrives goes to the ledger."""

    def __init__(self, reactor: HostReactor, domain: str, ledger: Ledger) -> None:
        self.domain = domain
        self._ledger = ledger
        self._peer = ScriptedPeer()
        self._reactor = reactor
        reactor.listenTCP(25, Factory.forProtocol(lambda: _Session(self)))

    def feel(self, mood: Mood) -> None:
        """From now on; sessions that are open go on as they are."""
        self._reactor.network.trace.note(self.domain, mood.value)
        taken = self._peer.messages
        self._peer = ScriptedPeer(_SCRIPTS[mood])
        self._peer.messages = taken

    def session(self) -> PeerSession:
        return self._peer.session()

    def look(self) -> None:
        """Enter into the ledger what has come."""
        for message in self._peer.messages:
            for path in message.recipients:
                self._ledger.arrived_abroad(path.split(">")[0].strip("<>").lower(), message.octets)
        self._peer.messages.clear()


class _Session(Protocol):
    def __init__(self, host: Abroad) -> None:
        self._host = host
        self._session = host.session()

    def connectionMade(self) -> None:
        self._say()

    def dataReceived(self, data: bytes) -> None:
        if not self._session.closed:
            self._session.receive(data)
            self._host.look()
            self._say()

    def _say(self) -> None:
        transport: Any = self.transport
        if data := self._session.data_to_send():
            transport.write(data)
        if self._session.closed:
            transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._session.closed = True
