"""MTA-STS in the running server: policies of other domains, read at the start, refreshed every hour."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mailsuite.config.relay import RelayTls
from mailsuite.config.schema import Settings
from mailsuite.interfaces import IOffload, IResolver
from mailsuite.net.https import HttpsFetch
from mailsuite.net.smtp_client_settings import tcp_endpoints
from mailsuite.routing.mta_sts import Policy
from mailsuite.routing.security import no_policy
from mailsuite.routing.sts_policies import StsPolicies

#: Seconds between looks at which policies are to be refreshed.
HOUR = 3600.0


class MtaSts:
    """Asks nobody where the settings have it off, send everything to a smarthost, or never use TLS."""

    log = Logger()

    def __init__(self, settings: Settings, resolver: IResolver, reactor: Any, offload: IOffload) -> None:
        relay = settings.relay
        self._wanted = relay.mta_sts and relay.tls is not RelayTls.NEVER and not settings.smarthost.host
        fetch = HttpsFetch(reactor, resolver, tcp_endpoints(reactor, relay.connect_timeout, relay.bind_address)).fetch
        self._policies = StsPolicies(resolver, fetch, relay.mta_sts_folder, offload, reactor.seconds)
        self._upkeep = LoopingCall(self._refresh)
        self._upkeep.clock = reactor

    def policy_of(self, domain: str) -> Deferred[Policy]:
        """That of a domain in A-labels, as it is to be applied."""
        return self._policies.policy_of(domain) if self._wanted else no_policy(domain)

    async def open(self) -> None:
        """Raises Temporary if the folder cannot be used."""
        if self._wanted:
            await self._policies.open()
            self._upkeep.start(HOUR, now=False)

    def close(self) -> None:
        """Refresh nothing more."""
        if self._upkeep.running:
            self._upkeep.stop()

    def _refresh(self) -> Deferred[None]:
        refreshing = Deferred.fromCoroutine(self._policies.refresh())
        return refreshing.addErrback(lambda failure: self.log.failure("refreshing MTA-STS policies", failure))
