"""Connections that wait a few seconds for another message to the same host.

One timer watches them all, so a message that takes one and gives it back makes no timer and cancels none.
"""

from __future__ import annotations

from typing import TypeAlias

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mailsuite.model import Hop, Security
from mailsuite.net.smtp_client_session import ClientSession
from mailsuite.net.smtp_client_settings import CourierSettings, Tls

#: Seconds that clocks may be inexact.
_A_MOMENT = 0.001
_Key: TypeAlias = tuple[str, int, Security]


class IdleSessions:
    """At most ``settings.idle_connections`` of them, each for ``settings.idle`` seconds, then it says goodbye."""

    def __init__(self, settings: CourierSettings, clock: IReactorTime) -> None:
        self._settings = settings
        self._clock = clock
        #: Those for a host and when they came, the latest at the end.
        self._waiting: dict[_Key, list[tuple[ClientSession, float]]] = {}
        self._count = 0
        self._timer: IDelayedCall | None = None
        self._closed = False

    def close(self) -> None:
        """No more of them wait; whoever holds the sessions ends those that do."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def put(self, hop: Hop, session: ClientSession) -> None:
        """Let it wait, or end it if too many do."""
        if self._closed or self._count >= self._settings.idle_connections or self._settings.idle <= 0:
            session.quit()
            return
        self._waiting.setdefault(_key(hop), []).append((session, self._clock.seconds()))
        self._count += 1
        if self._timer is None:
            self._timer = self._clock.callLater(self._settings.idle, self._expire)

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
        del waiting[at]
        self._count -= 1
        if not waiting:
            del self._waiting[key]

    def _expire(self) -> None:
        """Those whose time is over go; look again when that of the next one is."""
        self._timer = None
        over = self._clock.seconds() - self._settings.idle + _A_MOMENT
        for key in list(self._waiting):
            while (waiting := self._waiting.get(key)) and waiting[0][1] <= over:
                session = waiting[0][0]
                self._remove(key, 0)
                session.quit()
        if self._waiting:
            oldest = min(waiting[0][1] for waiting in self._waiting.values())
            self._timer = self._clock.callLater(max(oldest - over, 0.0), self._expire)


def _key(hop: Hop) -> _Key:
    """What TLS has shown for one domain says nothing about another that asks for something else."""
    return hop.host, hop.port, hop.security
