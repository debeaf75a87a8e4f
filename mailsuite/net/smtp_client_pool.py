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
        for session, _ in reversed(self._waiting.get(_key(hop), [])):
            if not tls.content_with(session.secure, session.verified):
                continue
            self.remove(hop, session)
            if session.usable:
                return session
        return None

    def remove(self, hop: Hop, session: ClientSession) -> None:
        """It is gone or in use; nothing happens if it does not wait."""
        key = _key(hop)
        for entry in self._waiting.get(key, []):
            if entry[0] is session:
                self._waiting[key] = [other for other in self._waiting[key] if other is not entry]
                self._count -= 1
                if entry[1].active():
                    entry[1].cancel()
                break
        if not self._waiting.get(key, True):
            del self._waiting[key]

    def _expire(self, hop: Hop, session: ClientSession) -> None:
        self.remove(hop, session)
        session.quit()


def _key(hop: Hop) -> _Key:
    """What TLS has shown for one domain says nothing about another that asks for something else."""
    return hop.host, hop.port, hop.security
