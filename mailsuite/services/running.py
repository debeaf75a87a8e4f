"""A server at work: what is behind its ports, the ports, the relay; how they start and how they end in order.

Knows nothing of the process around it (``services.server``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, TimeoutError, gatherResults
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.config.schema import Listener, Settings
from mailsuite.errors import MailError
from mailsuite.net.prompt import send_at_once
from mailsuite.net.sessions import Overview
from mailsuite.services.factories import ServiceFactory, factory_for, fronted_by
from mailsuite.services.local_mail import local_factory, take_socket
from mailsuite.services.parts import Parts


class Door(Protocol):
    """A listener's port, or one of them, that is ours already: see ``sockets.Taken``."""

    @property
    def listener(self) -> Listener: ...

    def listen(self, reactor: Any, factory: IProtocolFactory) -> Awaitable[IListeningPort]: ...

    def close(self) -> None: ...


class Running:
    """``start`` it once, then ``stop`` it; ``settings`` are those of ``parts``."""

    log = Logger()

    def __init__(self, settings: Settings, parts: Parts, reactor: Any) -> None:
        self.parts = parts
        self._settings = settings
        self._reactor = reactor
        self._doors: list[Door] = []
        self._ports: list[IListeningPort] = []
        self._factories: list[ServiceFactory] = []

    async def start(self, path: str, doors: Sequence[Door]) -> int:
        """Open the parts, serve at ``doors``, start the relay; how many messages wait to be sent.  ``path`` is where
        the settings were read.  Raises MailError, OSError; ``stop`` closes what was opened."""
        waiting = await self.parts.open(path)
        for door in doors:
            factory = factory_for(door.listener, self.parts.shared)
            self._factories.append(factory)
            fronted = fronted_by(factory, door.listener, self.parts.shared)
            self._ports.append(send_at_once(await door.listen(self._reactor, fronted)))
        if self.parts.local.folder:
            self._doors.append(own := take_socket(self.parts.local))
            self._factories.append(factory := local_factory(own.listener, self.parts.shared))
            self._ports.append(await own.listen(self._reactor, factory))
        self._ports.append(self.parts.start_relay(self.look))
        return waiting

    def look(self) -> Overview:
        """For ``mailsuite sessions``."""
        described = tuple(one for factory in self._factories for one in factory.described())
        return Overview(described, dict(self.parts.shared.hits))

    async def stop(self, doors: Sequence[Door]) -> None:
        """No new connections (``doors`` are those of ``start``, or would have been), sessions and attempts end, all is
        closed.  Never fails."""
        for port in self._ports:
            await _done(port.stopListening())
        for door in (*doors, *self._doors):
            door.close()
        ending = [self._end_sessions(factory) for factory in self._factories]
        ending.append(Deferred.fromCoroutine(self.parts.stop_relay()))
        await gatherResults(ending).addErrback(lambda failure: self.log.failure("while stopping", failure))
        try:
            await self.parts.close()
        except MailError as error:
            self.log.error("while closing: {error}", error=error)
        except Exception:
            self.log.failure("while closing")

    def _end_sessions(self, factory: ServiceFactory) -> Deferred[None]:
        """All of a factory's sessions; those that take too long are cut."""
        ended = factory.shut_down()
        ended.addTimeout(self._settings.timeouts.shutdown, self._reactor)
        return ended.addErrback(self._cut, factory)

    def _cut(self, failure: Failure, factory: ServiceFactory) -> None:
        failure.trap(TimeoutError)
        self.log.info("sessions that did not end in time are cut")
        factory.cut()


async def _done(result: object) -> None:
    """What Twisted calls a maybe-Deferred."""
    if isinstance(result, Deferred):
        await result
