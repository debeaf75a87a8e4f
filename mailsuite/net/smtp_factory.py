"""The listening side of SMTP, submission and LMTP: makes a connection for each client there is room for.

TLS from the first octet is the endpoint's business; connections recognize it by their transport.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.logger import Logger

from mailsuite.errors import ConfigError
from mailsuite.interfaces import IDelivery, IDirectory, IPolicy, ITLSContexts
from mailsuite.model import Client
from mailsuite.net.address import client_address
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission, Sessions
from mailsuite.net.smtp_replies import SHUTTING_DOWN, TOO_MANY_CONNECTIONS
from mailsuite.net.smtp_server import SMTPConnection
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.net.turned_away import TurnedAway


class SMTPServerFactory(ServerFactory):
    """One listener.  ``admission`` may be shared with others; ``tls`` is None on a server without; ``ids`` gives a
    new message id at each call: an atom that fits a file name."""

    noisy = False
    log = Logger()

    def __init__(
        self,
        settings: SMTPSettings,
        directory: IDirectory,
        policy: IPolicy,
        delivery: IDelivery,
        login: Login,
        admission: Admission,
        tls: ITLSContexts | None,
        clock: IReactorTime,
        ids: Callable[[], str],
    ) -> None:
        self.settings = settings
        self.directory = directory
        self.policy = policy
        self.delivery = delivery
        self.login = login
        self.clock = clock
        self.ids = ids
        self.sessions = Sessions()
        self._admission = admission
        self._tls = tls

    @property
    def tls_available(self) -> bool:
        return self._tls is not None and self._tls.available()

    def tls_context(self) -> object:
        """For STARTTLS."""
        if self._tls is None:
            raise ConfigError("TLS was offered and is not there")
        return self._tls.server()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        address, port = client_address(addr), int(getattr(addr, "port", 0))
        trusted = self.settings.trusted(address)
        if self.sessions.closing:
            return TurnedAway(SHUTTING_DOWN.encode(), self.clock)
        if not self._admission.enter(address, trusted):
            self.log.info("{address}: turned away, too many connections", address=address)
            return TurnedAway(TOO_MANY_CONNECTIONS.encode(), self.clock)
        return SMTPConnection(self, Client(address, port, self.settings.service.value, trusted=trusted))

    def ended(self, connection: SMTPConnection) -> None:
        """A connection is lost."""
        self._admission.leave(connection.client.address)
        self.sessions.remove(connection)

    def shut_down(self) -> Deferred[None]:
        """Ask every session to end after the command or message it is at; fires when none is left.  The caller bounds
        the time and calls ``cut``."""
        return self.sessions.shut_down()

    def cut(self) -> None:
        """End the sessions that are left now, in the middle of whatever they do."""
        self.sessions.cut()
