"""What lies between a language and its transport: TLS (RFC 3207, RFC 2595) and compression (RFC 4978).

Octets are compressed before they are encrypted, whatever was begun first (RFC 4978 §3).  What a peer compresses is
inflated only as far as the language takes it; see ``compression``.  Base of ``connection.Connection``.
"""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar, cast

from twisted.internet import interfaces
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.net.channel import secured_channel
from mailsuite.net.compression import Compression, Endless
from mailsuite.net.pumped import Core, Transport
from mailsuite.sasl.values import Channel
from mailsuite.wire.deflate import Garbled

CoreT = TypeVar("CoreT", bound=Core)


@implementer(interfaces.IHandshakeListener)
class Layered(TwistedProtocol, Generic[CoreT]):
    """A protocol with a core whose layers may change while it runs."""

    log: ClassVar[Logger] = Logger()
    transport: Transport

    def __init__(self, core: CoreT, clock: interfaces.IReactorTime) -> None:
        self.core = core
        self.clock = clock
        self.closing = False
        #: ``address:port`` of the client, for the log; whoever knows it better than the transport sets it.
        self.peer = ""
        self._secured: Channel | None = None
        self._compression: Compression | None = None

    # -- for subclasses ------------------------------------------------------------------------------------------

    def secured(self) -> None:
        """The TLS handshake is done."""

    def garbled(self) -> None:
        """What the peer sends cannot be inflated: say so; the connection closes after this."""

    def endless(self) -> None:
        """What the peer sends is inflated to too much, and to no command: say so; the connection closes after this."""

    # -- what the pump gives -------------------------------------------------------------------------------------

    def flush(self) -> bool:
        """Send what the core has to say; whether there was anything."""
        raise NotImplementedError

    def pump(self) -> None:
        """Go on with what was received."""
        raise NotImplementedError

    def close(self) -> None:
        """Send what is left, then close."""
        raise NotImplementedError

    # -- TLS -----------------------------------------------------------------------------------------------------

    def start_tls(self, context: object) -> None:
        """Send what the core has to say, then shake hands (STARTTLS, STLS); ``context`` is ITLSContexts' ``server``."""
        self.flush()
        self.transport.startTLS(cast(interfaces.IOpenSSLServerConnectionCreator, context))

    @property
    def secure(self) -> bool:
        """The connection is under TLS, or about to be."""
        return interfaces.ISSLTransport.providedBy(self.transport)

    @property
    def tls_version(self) -> str:
        """``TLSv1.3`` and the like; empty without TLS."""
        return self.transport.getHandle().get_protocol_version_name() if self.secure else ""

    def channel(self, plain: bool) -> Channel:
        """What SASL has to go by; ``plain``: without TLS, passwords may be sent all the same."""
        return self._secured or Channel(private=plain)

    def handshakeCompleted(self) -> None:
        self._secured = secured_channel(self.transport.getHandle())
        self.secured()

    # -- compression ---------------------------------------------------------------------------------------------

    def compress(self) -> None:
        """From now on both sides compress; what the core has to say goes out before."""
        self.flush()
        self._compression = Compression(self.clock, self.pump)

    def expand(self) -> None:
        """No more of that, if it was so: what the core has to say goes out first."""
        self.flush()
        if self._compression is not None:
            self.transport.write(self._compression.finish())
            self._end_compression()

    def inflate(self) -> bool:
        """Give the core more of what came compressed, if there is any and others have had their turn."""
        try:
            data = self._compression.next() if self._compression is not None else b""
        except (Garbled, Endless) as error:
            self.log.info("{peer} compresses badly: {error}", peer=self.peer, error=error)
            (self.garbled if isinstance(error, Garbled) else self.endless)()
            self.close()
            return False
        self.core.receive(data)
        return bool(data) or self._end_compression()

    def _end_compression(self) -> bool:
        """If both sides have ended it; whether something plain is there."""
        compression = self._compression
        if compression is None or not compression.over:
            return False
        self._compression = None
        compression.close()
        plain = compression.leftover()
        self.core.receive(plain)
        return bool(plain)

    def below(self, data: bytes) -> bytes:
        """What the transport is given for these octets."""
        return data if self._compression is None else self._compression.send(data)

    def drop_layers(self) -> None:
        """The connection is gone."""
        if self._compression is not None:
            self._compression.close()
