"""Connections of clients under test to ``ScriptedPeer``s, in memory.

``MemoryNetwork`` maps ``address:port`` to a peer, to an error that connecting fails with, or to ``NEVER`` (it hangs).
Its ``endpoint`` is what a courier is given in place of TCP; ``settle`` lets everything that is due happen.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeAlias, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from mailsuite.testing.peer import PeerSession, ScriptedPeer
from mailsuite.testing.transport import FakeTransport


class Hanging(enum.Enum):
    NEVER = "nobody answers the connection"


NEVER = Hanging.NEVER
Site: TypeAlias = ScriptedPeer | Exception | Hanging


class _Link:
    """A client's transport and the peer's session."""

    def __init__(self, transport: FakeTransport, session: PeerSession, cut: int) -> None:
        self._transport = transport
        self._session = session
        self._cut = cut

    def settle(self) -> bool:
        """One round; whether anything happened."""
        transport, session = self._transport, self._session
        moved = False
        data = b"" if session.deaf else transport.take()
        if data and not session.closed:
            session.receive(data)
            moved = True
        said = session.data_to_send()
        step = self._cut or max(len(said), 1)
        for at in range(0, len(said), step):
            transport.feed(said[at : at + step])
            moved = True
        if session.handshake and transport.tls_offered is not None and not transport.disconnecting:
            if session.start_tls():
                transport.finish_tls()
            moved = True
        if session.closed:
            transport.hang_up()
        return transport.settle() or moved


class MemoryNetwork:
    """``cut``: the peers' octets arrive in pieces of that many; 0 leaves them whole."""

    def __init__(self, sites: Mapping[str, Site], cut: int = 0) -> None:
        self.sites = dict(sites)
        self.cut = cut
        #: Every attempt to connect, in order, as ``address:port``.
        self.tried: list[str] = []
        self.transports: list[FakeTransport] = []
        self._links: list[_Link] = []

    def endpoint(self, address: str, port: int) -> IStreamClientEndpoint:
        return _Endpoint(self, f"{address}:{port}")

    def settle(self) -> None:
        """Until nothing is due any more."""
        for _ in range(100_000):
            if not sum([link.settle() for link in list(self._links)]):
                return
        raise AssertionError("the connections do not come to rest")

    def connect(self, place: str, factory: IProtocolFactory) -> Deferred[IProtocol]:
        self.tried.append(place)
        site = self.sites.get(place, ConnectionRefusedError())
        if isinstance(site, Exception):
            return fail(site)
        if isinstance(site, Hanging):
            return Deferred()
        protocol = cast(Protocol, factory.buildProtocol(None))  # type: ignore[arg-type]
        transport = FakeTransport(place.rsplit(":", 1)[0])
        transport.connect(protocol)
        self.transports.append(transport)
        self._links.append(_Link(transport, site.session(), self.cut))
        return succeed(cast(IProtocol, protocol))


@implementer(IStreamClientEndpoint)
class _Endpoint:
    def __init__(self, network: MemoryNetwork, place: str) -> None:
        self._network = network
        self._place = place

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return self._network.connect(self._place, protocolFactory)
