"""The listening side of SMTP, submission and LMTP."""

from __future__ import annotations

import functools
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from mailsuite.interfaces import (
    IDelivery,
    IDirectory,
    IObserver,
    IPolicy,
    IQueue,
    IReports,
    IRewriting,
    ITLSContexts,
)
from mailsuite.model import Client
from mailsuite.net.listening import Listening
from mailsuite.net.login import Login
from mailsuite.net.sessions import Door
from mailsuite.net.smtp_replies import SERVER_FULL, SHUTTING_DOWN, TOO_MANY_CONNECTIONS, referred
from mailsuite.net.smtp_server import SMTPConnection
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.observers import NOBODY
from mailsuite.unchanged import UNCHANGED


class SMTPServerFactory(Listening):
    """One listener; see ``Listening`` for ``admission`` and ``tls``.  ``ids`` gives a new message id at each call: an
    atom that fits a file name."""

    stopping = SHUTTING_DOWN.encode()
    full = SERVER_FULL.encode()
    crowded = TOO_MANY_CONNECTIONS.encode()

    def __init__(
        self,
        settings: SMTPSettings,
        directory: IDirectory,
        policy: IPolicy,
        delivery: IDelivery,
        login: Login,
        admission: Door,
        tls: ITLSContexts | None,
        clock: IReactorTime,
        ids: Callable[[], str],
        reports: IReports,
        queue: IQueue,
        observer: IObserver = NOBODY,
        rewriting: IRewriting = UNCHANGED,
    ) -> None:
        super().__init__(admission, settings.trusted, tls, clock, settings.client_ca)
        self.settings = settings
        #: What a session offers: the same for all whose client is as trusted.
        self.options = functools.cache(settings.options)
        self.service = settings.service.value
        self.directory = directory
        self.policy = policy
        self.delivery = delivery
        self.login = login
        self.ids = ids
        self.reports = reports
        self.queue = queue
        self.observer = observer
        self.rewriting = rewriting

    def turned_away(self, words: bytes, address: str, limit: str) -> bytes:
        """With the id under which the log tells of it, as in all refusals."""
        id, no = self.ids(), SERVER_FULL if words == self.full else TOO_MANY_CONNECTIONS
        self.log.info("{id}: {address} turned away, {limit} is reached", id=id, address=address, limit=limit)
        return referred(no, id, self.settings.hostname).encode()

    def connection(self, address: str, port: int, trusted: bool) -> SMTPConnection:
        return SMTPConnection(self, Client(address, port, self.settings.service.value, trusted=trusted))
