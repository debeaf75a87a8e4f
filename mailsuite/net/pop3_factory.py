"""The listening side of POP3: makes a connection for each client there is room for.

TLS from the first octet is the endpoint's business; connections recognize it by their transport.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger

from mailsuite.errors import ConfigError
from mailsuite.interfaces import IMailStores, ITLSContexts
from mailsuite.net.address import client_address
from mailsuite.net.login import Login
from mailsuite.net.pop3_server import POP3Connection
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Admission, Sessions
from mailsuite.net.turned_away import TurnedAway


class POP3ServerFactory(ServerFactory):
    """One listener.  ``admission`` may be shared with others; ``tls`` is None on a server without."""

    noisy = False
    log = Logger()

    def __init__(
        self,
        settings: POP3Settings,
        stores: IMailStores,
        login: Login,
        admission: Admission,
        tls: ITLSContexts | None,
        clock: IReactorTime,
    ) -> None:
        self.settings = settings
        self.stores = stores
        self.login = login
        self.clock = clock
        self.sessions = Sessions()
        self._admission = admission
        self._tls = tls

    @property
    def tls_available(self) -> bool:
        return self._tls is not None and self._tls.available()

    def tls_context(self) -> object:
        """For STLS."""
        if self._tls is None:
            raise ConfigError("TLS was offered and is not there")
        return self._tls.server()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        address = client_address(addr)
        if self.sessions.closing:
            return TurnedAway(b"-ERR [SYS/TEMP] the server is shutting down\r\n", self.clock)
        if not self._admission.enter(address, self.settings.trusted(address)):
            self.log.info("{address}: turned away, too many connections", address=address)
            return TurnedAway(b"-ERR [SYS/TEMP] too many connections\r\n", self.clock)
        return POP3Connection(self, address)

    def ended(self, connection: POP3Connection) -> None:
        """A connection is lost."""
        self._admission.leave(connection.address)
        self.sessions.remove(connection)

    def shut_down(self) -> Deferred[None]:
        """Ask every session to end after the command it is at; fires when none is left.  The caller bounds the time
        and calls ``sessions.cut``."""
        return self.sessions.shut_down()
