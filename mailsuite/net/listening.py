"""The listening side that all protocols share: a connection for each client there is room for, words for the others.

The words say which limit it was, and what to do.
TLS from the first octet is the endpoint's business; connections recognize it by their transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger

from mailsuite.errors import ConfigError
from mailsuite.interfaces import ITLSContexts
from mailsuite.net.address import client_address, peer_name
from mailsuite.net.connection import Connection
from mailsuite.net.sessions import Described, Door, Entry, Session, Sessions
from mailsuite.net.turned_away import TurnedAway


class Listening(ServerFactory):
    """Base of the server factories: subclasses give ``connection``, the ``service``'s name and, on the wire, the words
    for those whom they turn away: ``stopping`` while the server ends, ``full`` when there is no room for anybody,
    ``crowded`` when there is none for the client's network."""

    noisy = False
    log: ClassVar[Logger] = Logger()
    service: str
    stopping: ClassVar[bytes]
    full: ClassVar[bytes]
    crowded: ClassVar[bytes]

    def __init__(
        self,
        admission: Door,
        trusted: Callable[[str], bool],
        tls: ITLSContexts | None,
        clock: IReactorTime,
        client_ca: str = "",
    ) -> None:
        """``admission`` may be shared with others; ``tls`` is None on a server without; ``client_ca`` is a file of
        authorities for client certificates, empty where none are asked for."""
        self.clock = clock
        #: Counts by name the clients that met a limit.
        self.hits = admission.hits
        self.sessions = Sessions()
        self._admission = admission
        self._trusted = trusted
        self._tls = tls
        self._client_ca = client_ca

    @property
    def tls_available(self) -> bool:
        return self._tls is not None and self._tls.available()

    def tls_context(self) -> object:
        """For STARTTLS and STLS."""
        if self._tls is None:
            raise ConfigError("TLS was offered and is not there")
        return self._tls.server(self._client_ca)

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        address, port = client_address(addr), int(getattr(addr, "port", 0) or 0)
        trusted = self._trusted(address)
        if self.sessions.closing:
            return TurnedAway(self.stopping, self.clock)
        entry = self._admission.enter(address, trusted)
        if entry is not Entry.ADMITTED:
            words = self.crowded if entry is Entry.CROWDED else self.full
            return TurnedAway(self.turned_away(words, address, entry.value), self.clock)
        connection = self.connection(address, port, trusted)
        connection.peer, connection.hits = peer_name(addr), self.hits
        if address and not trusted:
            connection.guests = self._admission.guests
            connection.guests.arrived(connection)
        return connection

    def turned_away(self, words: bytes, address: str, limit: str) -> bytes:
        """What a client hears for which ``limit`` leaves no room; the log tells of it."""
        self.log.info("{address}: turned away, {limit} is reached", address=address, limit=limit)
        return words

    def trusts(self, address: str) -> bool:
        """Whether a client there is trusted."""
        return self._trusted(address)

    def described(self) -> Iterable[Described]:
        """The open sessions, for the administrator."""
        return self.sessions.described(self.service)

    def connection(self, address: str, port: int, trusted: bool) -> Connection[Any]:
        """For a client that was let in; ``left`` is to be called at its end."""
        raise NotImplementedError

    def left(self, address: str, session: Session) -> None:
        """A connection is lost."""
        self._admission.leave(address)
        self.sessions.remove(session)

    def shut_down(self) -> Deferred[None]:
        """Ask every session to end after the command or message it is at; fires when none is left.  The caller bounds
        the time and calls ``cut``."""
        return self.sessions.shut_down()

    def cut(self) -> None:
        """End the sessions that are left now, in the middle of whatever they do."""
        self.sessions.cut()
