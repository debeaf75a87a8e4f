"""Connections that wait a few seconds for another message to the same host."""

from __future__ import annotations

from typing import TypeAlias

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mailsuite.model import Hop, Security
from mailsuite.net.smtp_client_session import ClientSession
from mailsuite.net.smtp_client_settings import CourierSettings, Tls

_Key: TypeAlias = tuple[str, int, Security]


class IdleSessions:
    """At most ``settings.idle_connections`` of them, each for ``settings.idle`` seconds, then it says goodbye."""

    def __init__(self, settings: CourierSettings, clock: IReactorTime) -> None:
        self._settings = settings
        self._clock = clock
        self._waiting: dict[_Key, list[tuple[ClientSession, IDelayedCall]]] = {}
        self._count = 0

    def put(self, hop: Hop, session: ClientSession) -> None:
        """Let it wait, or end it if too many do."""
        if self._count >= self._settings.idle_connections or self._settings.idle <= 0:
            session.quit()
            return
        call = self._clock.callLater(self._settings.idle, self._expire, hop, session)
        self._waiting.setdefault(_key(hop), []).append((session, call))
        self._count += 1

    def take(self, hop: Hop, tls: Tls) -> ClientSession | None:
        """The one that waited the shortest, of those that are as safe as ``tls`` asks."""
        key = _key(hop)
        waiting = self._waiting.get(key, [])
        for at in range(len(waiting) - 1, -1, -1):
            session = waiting[at][0]
            if tls.content_with(session.secure, session.verified):
                self._remove(key, at)
                if session.usable:
                    return session
        return None

    def remove(self, hop: Hop, session: ClientSession) -> None:
        """It is gone; nothing happens if it does not wait."""
        key = _key(hop)
        for at, (one, _) in enumerate(self._waiting.get(key, ())):
            if one is session:
                self._remove(key, at)
                break

    def _remove(self, key: _Key, at: int) -> None:
        waiting = self._waiting[key]
        _, call = waiting.pop(at)
        if call.active():
            call.cancel()
        self._count -= 1
        if not waiting:
            del self._waiting[key]

    def _expire(self, hop: Hop, session: ClientSession) -> None:
        self.remove(hop, session)
        session.quit()


def _key(hop: Hop) -> _Key:
    """What TLS has shown for one domain says nothing about another that asks for something else."""
    return hop.host, hop.port, hop.security
