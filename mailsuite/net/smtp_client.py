"""Carries messages to other hosts over SMTP (ICourier).

For a hop it tries the addresses in order until a session comes about, keeps a connection for a few seconds in case
more mail goes there, and splits long lists of recipients.  With opportunistic TLS a failed handshake is repeated
without TLS on a new connection.  Never fails for what others do: each recipient gets an outcome, and one that may be
tried at the next hop has an empty ``host``.  A delivery that is cancelled, and every one at ``close``, ends its
connection and tries no other.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionRefusedError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from zope.interface import implementer

from mailsuite.interfaces import IBody, ICourier, ITLSContexts
from mailsuite.model import Delayed, Envelope, Hop, Outcome, Recipient, Status
from mailsuite.net.smtp_client_message import Outgoing
from mailsuite.net.smtp_client_pool import IdleSessions
from mailsuite.net.smtp_client_session import GIVEN_UP, ClientSession, SessionFailed
from mailsuite.net.smtp_client_settings import CourierSettings, Endpoints, Tls
from mailsuite.smtp.client_events import Done, Transaction


@implementer(ICourier)
class Courier:
    """``endpoints`` makes connections; ``contexts`` the TLS settings."""

    log = Logger()

    def __init__(
        self, settings: CourierSettings, endpoints: Endpoints, contexts: ITLSContexts, clock: IReactorTime
    ) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self._contexts = contexts
        self._clock = clock
        self._idle = IdleSessions(settings, clock)
        self._sessions: set[ClientSession] = set()
        self._under_way: set[Outgoing] = set()

    def deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Deferred[Sequence[Outcome]]:
        outgoing = Outgoing(body)
        carried = Deferred.fromCoroutine(self._deliver(hop, envelope, recipients, outgoing))

        def break_off(_: object) -> None:
            outgoing.wanted = False
            carried.cancel()

        answer: Deferred[Sequence[Outcome]] = Deferred(break_off)
        carried.chainDeferred(answer)
        return answer

    def close(self) -> None:
        """The server stops: end every connection at once; what was under way is delayed."""
        for outgoing in self._under_way:
            outgoing.wanted = False
        for session in tuple(self._sessions):
            session.abort()

    async def _deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], outgoing: Outgoing
    ) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        self._under_way.add(outgoing)
        try:
            await outgoing.look()
            for start in range(0, len(recipients), self._settings.recipients):
                batch = tuple(recipients[start : start + self._settings.recipients])
                transaction = Transaction(envelope.sender, batch, outgoing.size, outgoing.eight_bit, envelope.smtputf8)
                outcomes += await self._carry(hop, transaction, outgoing)
        finally:
            self._under_way.discard(outgoing)
        return outcomes

    async def _carry(self, hop: Hop, transaction: Transaction, outgoing: Outgoing) -> Sequence[Outcome]:
        """Over a waiting connection if there is one, else over the first address that lets us."""
        waiting = self._idle.take(hop) if outgoing.wanted else None
        if waiting is not None:
            outcomes = await self._use(hop, waiting, transaction, outgoing)
            if not _came_to_nothing(outcomes):
                return outcomes
        problems: list[str] = []
        status = Status(4, 4, 1)
        for address in hop.addresses:
            if not outgoing.wanted:
                problems.append(GIVEN_UP)
                break
            try:
                session = await self._open(hop, address)
            except SessionFailed as error:
                problems.append(str(error))
                continue
            outcomes = await self._use(hop, session, transaction, outgoing)
            if not _came_to_nothing(outcomes):
                return outcomes
            status = Status(4, 4, 2)  # somebody is there, but the session broke
            problems += [outcome.text for outcome in outcomes[:1] if isinstance(outcome, Delayed)]
        text = "; ".join(dict.fromkeys(problems))
        return [Delayed(recipient.address, status, text) for recipient in transaction.recipients]

    async def _use(
        self, hop: Hop, session: ClientSession, transaction: Transaction, outgoing: Outgoing
    ) -> Sequence[Outcome]:
        done: Done = await session.carry(transaction, outgoing)
        if done.clean and session.usable and session.carried < self._settings.messages:
            self._idle.put(hop, session)
        else:
            session.quit()
        return done.outcomes

    async def _open(self, hop: Hop, address: str) -> ClientSession:
        """A session that mail can be sent over, or SessionFailed."""
        try:
            return await self._connect(hop, address, plain=False)
        except SessionFailed as error:
            if not error.in_handshake or self._settings.tls is not Tls.MAY or self._settings.implicit_tls:
                raise
            self.log.info("no TLS with {host}, trying without: {error}", host=hop.host, error=error)
        return await self._connect(hop, address, plain=True)

    async def _connect(self, hop: Hop, address: str, plain: bool) -> ClientSession:
        endpoint = self._endpoints(address, hop.port)
        if self._settings.implicit_tls:
            creator = self._contexts.client(hop.host, self._settings.tls is Tls.VERIFY)
            endpoint = wrapClientTLS(cast(IOpenSSLClientConnectionCreator, creator), endpoint)
        session = ClientSession(hop.host, self._settings, self._contexts, self._clock, plain)
        where = f"{'' if hop.host == address else f'{hop.host} '}[{address}]:{hop.port}"
        factory = Factory.forProtocol(lambda: session)
        factory.noisy = False
        connecting = endpoint.connect(factory)
        try:
            await connecting.addTimeout(self._settings.connect_timeout, self._clock)
        except TimeoutError:
            raise SessionFailed(f"{where} does not answer") from None
        except ConnectionRefusedError as error:
            raise SessionFailed(f"{where} refused the connection") from error
        except ConnectError as error:
            words = os.strerror(error.osError) if isinstance(error.osError, int) else str(error)
            raise SessionFailed(f"{where} cannot be reached: {words}") from error
        except Exception as error:
            raise SessionFailed(f"{where}: {error}") from error
        self._sessions.add(session)
        session.gone = lambda: self._forget(hop, session)
        await session.opened()
        return session

    def _forget(self, hop: Hop, session: ClientSession) -> None:
        self._sessions.discard(session)
        self._idle.remove(hop, session)


def _came_to_nothing(outcomes: Sequence[Outcome]) -> bool:
    """Nobody was decided about and nothing was handed over: it may be tried elsewhere at once."""
    return all(isinstance(outcome, Delayed) and not outcome.host for outcome in outcomes)
