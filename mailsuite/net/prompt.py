"""TCP connections that send at once what the socket takes, and close at once when all is sent.

Twisted's own transport keeps every write until the reactor has said that the socket is writable: two ``epoll_ctl`` and
a turn of the loop for each answer of a few octets, which nearly always fits.  Here such a write is one ``send``, or one
``sendmsg`` of many pieces; what the socket does not take goes the usual way, and so does everything after it until that
is sent, so octets stay in order, producers are paused and a lost connection is told as ever.

A listening port makes connections of the class that its ``transport`` attribute names, a connector those of its
``_makeTransport``: that is all ``send_at_once`` and ``PromptConnections`` change.  TLS from the first octet profits
too; after STARTTLS Twisted's TLS layer writes the usual way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.interfaces import IConnector, IListeningPort, IReactorFDSet, IReactorTCP, IReactorTime
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.internet.tcp import Client, Connection, Connector, Port, Server
from twisted.python.util import untilConcludes

#: That one ``sendmsg`` takes (IOV_MAX of Linux).
_MAX_PIECES = 1024

if TYPE_CHECKING:
    _Connection = Connection
else:
    _Connection = object


class _Prompt(_Connection):
    """What both ends have in common; goes before Twisted's class."""

    #: The reactor was asked to tell when the socket is writable: something waits to be sent, or to be closed.
    _waiting = False
    #: No other process has the descriptor, so that closing it ends the connection.
    _shouldShutdown = False
    #: Octets that one ``send`` may take (Twisted's default is 128 KiB): a part of a long answer goes in fewer turns.
    SEND_LIMIT = 1 << 20

    def write(self, data: bytes) -> None:
        if self.connected and not self.TLS and not self._waiting:
            sent = self.writeSomeData(data)
            if isinstance(sent, int):  # else it is lost, as the reactor will find
                data = data[sent:]
        if data:
            super().write(data)

    def writeSequence(self, pieces: Iterable[bytes]) -> None:
        """Many are not put together for that: copying a long answer costs as much as sending it."""
        left = list(pieces)
        if self.connected and not self.TLS and not self._waiting:
            with contextlib.suppress(OSError):  # nothing fits, or it is lost, as the reactor will find
                left = _without(left, untilConcludes(self.socket.sendmsg, left[:_MAX_PIECES]))
        if left:
            super().writeSequence(left)

    def loseConnection(self) -> None:
        """At the end of this turn when all is sent: the usual way asks the reactor first whether more could be."""
        at_once = self.connected and not (self.TLS or self._waiting or self.producer or self._writeDisconnected)
        if not at_once:
            super().loseConnection()
        elif not self.disconnecting:
            self.disconnecting = True
            self.stopReading()
            cast(IReactorTime, self.reactor).callLater(0, self.connectionLost, connectionDone)

    def startWriting(self) -> None:
        self._waiting = True
        super().startWriting()

    def stopWriting(self) -> None:
        self._waiting = False
        super().stopWriting()


def _without(pieces: list[bytes], octets: int) -> list[bytes]:
    """What is behind so many octets."""
    for place, piece in enumerate(pieces):
        if octets < len(piece):
            return [piece[octets:], *pieces[place + 1 :]]
        octets -= len(piece)
    return []


class PromptServer(_Prompt, Server):
    """One accepted connection."""


class PromptClient(_Prompt, Client):
    """One that we have made."""


class _Connector(Connector):
    def _makeTransport(self) -> Client:
        return PromptClient(self.host, self.port, self.bindAddress, self, self.reactor)


class PromptConnections:
    """Stands in for ``reactor`` where a client endpoint is given one, and makes such connections; nothing changes for a
    reactor that has no descriptors."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: ClientFactory[Any],
        timeout: float = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> IConnector:
        if not IReactorFDSet.providedBy(self._reactor):
            return cast(IReactorTCP, self._reactor).connectTCP(host, port, factory, timeout, bindAddress)
        connector = _Connector(host, port, factory, timeout, bindAddress, self._reactor)
        connector.connect()
        return connector


def send_at_once(port: IListeningPort) -> IListeningPort:
    """The same port, whose connections from now on are such; nothing changes for a port that is not TCP."""
    if isinstance(port, Port) and port.transport is Server:
        port.transport = PromptServer
    return port
