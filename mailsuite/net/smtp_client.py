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

from mailsuite.interfaces import IBody, ICourier, IOffload, ITLSContexts
from mailsuite.model import Delayed, Delivered, Envelope, Hop, Outcome, Recipient, Status
from mailsuite.net.smtp_client_message import Outgoing
from mailsuite.net.smtp_client_pool import IdleSessions
from mailsuite.net.smtp_client_protection import (
    NO_SECURITY,
    NOT_PROMISED,
    NOT_PROTECTED,
    needs_protection,
    unpromised,
    untrusted,
    wanted_tls,
)
from mailsuite.net.smtp_client_session import GIVEN_UP, ClientSession, SessionFailed
from mailsuite.net.smtp_client_settings import CourierSettings, Endpoints, Tls
from mailsuite.net.smtp_client_transaction import as_many_as, transaction
from mailsuite.smtp.client_events import Done
from mailsuite.smtp.client_fit import limit

#: RFC 4954 §6: our name or password is wrong there.
_NOT_LET_IN = Status(4, 7, 8)


@implementer(ICourier)
class Courier:
    """``endpoints`` makes connections; ``contexts`` the TLS settings."""

    log = Logger()

    def __init__(
        self,
        settings: CourierSettings,
        endpoints: Endpoints,
        contexts: ITLSContexts,
        clock: IReactorTime,
        offload: IOffload,
    ) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self._contexts = contexts
        self._clock = clock
        self._offload = offload
        self._idle = IdleSessions(settings, clock)
        self._sessions: dict[ClientSession, None] = {}
        self._under_way: dict[Outgoing, None] = {}

    def deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Deferred[Sequence[Outcome]]:
        outgoing = Outgoing(body, self._offload)
        carried = Deferred.fromCoroutine(self._deliver(hop, envelope, recipients, outgoing))

        def break_off(_: object) -> None:
            outgoing.wanted = False
            carried.cancel()

        answer: Deferred[Sequence[Outcome]] = Deferred(break_off)
        carried.chainDeferred(answer)
        return answer

    def close(self) -> None:
        """The server stops: end every connection at once; what was under way is delayed."""
        self._idle.close()
        for outgoing in self._under_way:
            outgoing.wanted = False
        for session in tuple(self._sessions):
            session.abort()

    async def _deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], outgoing: Outgoing
    ) -> Sequence[Outcome]:
        self._under_way[outgoing] = None
        try:
            await outgoing.look()
            if len(recipients) == 1:  # nearly always
                return await self._carry(hop, envelope, recipients, outgoing)
            return await self._carry_all(hop, envelope, recipients, outgoing)
        finally:
            self._under_way.pop(outgoing, None)

    async def _carry_all(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], outgoing: Outgoing
    ) -> Sequence[Outcome]:
        """In as many transactions as it takes; a host that had enough recipients gets the others in the next one."""
        outcomes: dict[int, Outcome] = {}
        left = sorted(range(len(recipients)), key=lambda index: str(recipients[index].return_path or ""))
        while left:
            found = await self._carry(hop, envelope, [recipients[index] for index in left], outgoing)
            now, left = left[: len(found)], left[len(found) :]
            outcomes.update(zip(now, found, strict=True))
            if any(isinstance(outcome, Delivered) for outcome in found):
                left += [index for index in now if _one_too_many(outcomes[index])]
        return [outcomes[index] for index in range(len(recipients))]

    async def _carry(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], outgoing: Outgoing
    ) -> Sequence[Outcome]:
        """Over a waiting connection if there is one, else over the first address that lets us; outcomes of as many of
        the first recipients as one transaction takes."""
        strict = needs_protection(envelope)
        if strict and not hop.certain:
            return untrusted(hop, recipients)
        tls = wanted_tls(envelope, outgoing, self._settings, hop.security)
        waiting = self._idle.take(hop, tls) if outgoing.wanted else None
        if waiting is not None:
            outcomes = await self._use(hop, waiting, envelope, recipients, outgoing)
            if not _came_to_nothing(outcomes):
                return outcomes
        problems: list[str] = []
        status = Status(4, 4, 1)
        for address in hop.addresses:
            if not outgoing.wanted:
                problems.append(GIVEN_UP)
                break
            try:
                session = await self._open(hop, address, tls)
            except SessionFailed as error:
                problems.append(str(error))
                if error.about_tls:
                    status = NOT_PROTECTED if strict else NO_SECURITY
                elif error.about_login:
                    status = _NOT_LET_IN
                continue
            outcomes = await self._use(hop, session, envelope, recipients, outgoing)
            if not _came_to_nothing(outcomes):
                return outcomes
            status = Status(4, 4, 2)  # somebody is there, but the session broke
            problems += [outcome.text for outcome in outcomes[:1] if isinstance(outcome, Delayed)]
            if isinstance(outcomes[0], Delayed) and outcomes[0].status == NOT_PROMISED:
                status = NOT_PROMISED
        text = "; ".join(dict.fromkeys(problems))
        return [Delayed(recipient.address, status, text) for recipient in recipients]

    async def _use(
        self,
        hop: Hop,
        session: ClientSession,
        envelope: Envelope,
        recipients: Sequence[Recipient],
        outgoing: Outgoing,
    ) -> Sequence[Outcome]:
        extensions = session.extensions
        if needs_protection(envelope) and "REQUIRETLS" not in extensions:
            self._give_back(hop, session, clean=True)
            return unpromised(hop, recipients)
        if outgoing.eight_bit and "8BITMIME" not in extensions:
            outgoing = await outgoing.seven_bit()
        taken = as_many_as(recipients, extensions, self._settings.recipients)
        done: Done = await session.carry(transaction(envelope, taken, outgoing, self._clock.seconds()), outgoing)
        self._give_back(hop, session, done.clean)
        return done.outcomes

    def _give_back(self, hop: Hop, session: ClientSession, clean: bool) -> None:
        """Keep the session for the next message, or end it."""
        most = limit(session.extensions, "MAILMAX", self._settings.messages)
        if clean and session.usable and session.carried < min(most, self._settings.messages):
            self._idle.put(hop, session)
        else:
            session.quit()

    async def _open(self, hop: Hop, address: str, tls: Tls) -> ClientSession:
        """A session that mail can be sent over, or SessionFailed."""
        try:
            return await self._connect(hop, address, tls)
        except SessionFailed as error:
            if not error.in_handshake or tls is not Tls.MAY or self._settings.implicit_tls:
                raise
            self.log.info("no TLS with {host}, trying without: {error}", host=hop.host, error=error)
        return await self._connect(hop, address, Tls.NEVER)

    async def _connect(self, hop: Hop, address: str, tls: Tls) -> ClientSession:
        endpoint = self._endpoints(address, hop.port)
        creator: object = None
        if self._settings.implicit_tls:
            creator = self._contexts.client(hop.host, tls.verified, hop.security)
            endpoint = wrapClientTLS(cast(IOpenSSLClientConnectionCreator, creator), endpoint)
        session = ClientSession(hop.host, self._settings, self._contexts, self._clock, tls, hop.security)
        session.creator = creator
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
        self._sessions[session] = None
        session.gone = lambda: self._forget(hop, session)
        await session.opened()
        return session

    def _forget(self, hop: Hop, session: ClientSession) -> None:
        self._sessions.pop(session, None)
        self._idle.remove(hop, session)


def _one_too_many(outcome: Outcome) -> bool:
    """RFC 5321 §4.5.3.1.10: the others are for another transaction, and that need not wait."""
    return isinstance(outcome, Delayed) and outcome.status == Status(4, 5, 3) and bool(outcome.host)


def _came_to_nothing(outcomes: Sequence[Outcome]) -> bool:
    """Nobody was decided about and nothing was handed over: it may be tried elsewhere at once."""
    return all(isinstance(outcome, Delayed) and not outcome.host for outcome in outcomes)
