"""TCP connections that send at once what the socket takes, and close at once when all is sent.

Twisted's own transport keeps every write until the reactor has said that the socket is writable: two ``epoll_ctl`` and
a turn of the loop for each answer of a few octets, which nearly always fits.  Here such a write is one ``send``; what
the socket does not take goes the usual way, and so does everything after it until that is sent, so octets stay in
order, producers are paused and a lost connection is told as ever.  A listening port makes connections of the class
that its ``transport`` attribute names: that is all ``send_at_once`` changes.  TLS from the first octet profits too;
after STARTTLS Twisted's TLS layer writes the usual way.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Port, Server


class PromptServer(Server):
    """One accepted connection."""

    #: The reactor was asked to tell when the socket is writable: something waits to be sent, or to be closed.
    _waiting = False
    #: Octets that one ``send`` may take (Twisted's default is 128 KiB): a part of a long answer goes in fewer turns.
    SEND_LIMIT = 1 << 20

    def write(self, data: bytes) -> None:
        if self.connected and not self.TLS and not self._waiting:
            sent = self.writeSomeData(data)
            if isinstance(sent, int):  # else it is lost, as the reactor will find
                data = data[sent:]
        if data:
            super().write(data)

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


def send_at_once(port: IListeningPort) -> IListeningPort:
    """The same port, whose connections from now on are such; nothing changes for a port that is not TCP."""
    if isinstance(port, Port) and port.transport is Server:
        port.transport = PromptServer
    return port
