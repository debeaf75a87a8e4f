"""The listening side of POP3."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from mailsuite.interfaces import IMailStores, IObserver, ITLSContexts
from mailsuite.net.listening import Listening
from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts
from mailsuite.net.pop3_server import POP3Connection
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Door
from mailsuite.observers import NOBODY


class POP3ServerFactory(Listening):
    """One listener; see ``Listening`` for ``admission`` and ``tls``."""

    stopping = b"-ERR [SYS/TEMP] the server is shutting down\r\n"
    service = "pop3"
    full = b"-ERR [SYS/TEMP] all connections of this server are in use, try again in a minute\r\n"
    crowded = b"-ERR [SYS/TEMP] too many connections from your network, close one first\r\n"

    def __init__(
        self,
        settings: POP3Settings,
        stores: IMailStores,
        login: Login,
        admission: Door,
        tls: ITLSContexts | None,
        clock: IReactorTime,
        accounts: Accounts,
        unique: Callable[[], str],
        observer: IObserver = NOBODY,
    ) -> None:
        """``accounts`` is shared with the other listeners; ``unique`` gives another text each time, for APOP."""
        super().__init__(admission, settings.trusted, tls, clock, settings.client_ca)
        self.settings = settings
        self.stores = stores
        self.login = login
        self.accounts = accounts
        self._unique = unique
        self.observer = observer

    def timestamp(self) -> str:
        """RFC 1939 §7, for one connection; empty without APOP."""
        return f"<{self._unique()}@{self.settings.hostname}>" if self.settings.apop else ""

    def connection(self, address: str, port: int, trusted: bool) -> POP3Connection:
        return POP3Connection(self, address)
