"""One attempt to deliver one queued message: routes for its domains, then hop after hop for each route.

Recipients whose domains share their hops (a smarthost, one provider) go in one transaction.  The next hop is tried
for those about whom the last one decided nothing.  Every recipient gets an outcome; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.logger import Logger

from mailsuite.errors import MailError, NoRoute
from mailsuite.interfaces import IBody, ICourier, IRouter
from mailsuite.model import Delayed, Envelope, Failed, Hop, Outcome, Recipient, Status
from mailsuite.queue.hosts import Places, UnreachableHosts

_T = TypeVar("_T")

_NO_DNS = Status(4, 4, 3)
_NOBODY_THERE = Status(4, 4, 1)
_OUR_FAULT = Status(4, 3, 0)
_UNPROTECTED = (Status(4, 7, 10), Status(4, 7, 30))


class Carrier:
    """Takes messages along routes; ``at_once`` bounds all transactions together, ``places`` those to one route."""

    log = Logger()

    def __init__(
        self,
        router: IRouter,
        courier: ICourier,
        at_once: DeferredSemaphore,
        places: Places,
        unreachable: UnreachableHosts,
    ) -> None:
        self._router = router
        self._courier = courier
        self._at_once = at_once
        self._places = places
        self._unreachable = unreachable
        self._under_way: set[Deferred[Any]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Break off what is under way, and begin nothing more; whoever was not decided about gets no outcome."""
        self._stopped = True
        for work in tuple(self._under_way):
            work.cancel()

    async def attempt(
        self, envelope: Envelope, recipients: Sequence[Recipient], body: IBody, since: float
    ) -> list[Outcome]:
        """An outcome for each of the recipients, in any order; fewer if it was stopped.  Hosts found unreachable
        before ``since`` (epoch seconds) are tried again."""
        outcomes: list[Outcome] = []
        groups: dict[tuple[Hop, ...], list[Recipient]] = {}
        domains: dict[str, list[Recipient]] = {}
        for recipient in recipients:
            domains.setdefault(recipient.address.domain, []).append(recipient)
        routes = [(those, self._watched(self._router.route(domain))) for domain, those in domains.items()]
        for those, route in routes:
            try:
                groups.setdefault(await route, []).extend(those)
            except Exception as error:
                if not self._stopped:
                    outcomes += [self._not_routed(one, error) for one in those]
        ways = [Deferred.fromCoroutine(self._go(hops, envelope, those, body, since)) for hops, those in groups.items()]
        for way in ways:
            outcomes += await way
        return outcomes

    def _not_routed(self, recipient: Recipient, error: Exception) -> Outcome:
        if isinstance(error, NoRoute):
            return Failed(recipient.address, Status.parse(error.status), str(error))
        if isinstance(error, MailError):
            return Delayed(recipient.address, _NO_DNS, str(error))
        self.log.failure("routing {domain}", domain=recipient.address.domain)
        return Delayed(recipient.address, _OUR_FAULT, "this server made a mistake while looking for the way")

    async def _go(
        self, hops: tuple[Hop, ...], envelope: Envelope, recipients: Sequence[Recipient], body: IBody, since: float
    ) -> list[Outcome]:
        """Over one route, when it is our turn."""
        place = self._places.of(hops[0].host)
        await place.acquire()
        try:
            await self._at_once.acquire()
            try:
                return await self._along(hops, envelope, recipients, body, since)
            finally:
                self._at_once.release()
        finally:
            place.release()

    async def _along(
        self, hops: tuple[Hop, ...], envelope: Envelope, recipients: Sequence[Recipient], body: IBody, since: float
    ) -> list[Outcome]:
        decided: list[Outcome] = []
        undecided: list[Delayed] = []
        for hop in hops:
            outcomes = await self._at(hop, envelope, recipients, body, since)
            undecided = _undecided(outcomes)
            decided += [outcome for outcome in outcomes if outcome.host or not isinstance(outcome, Delayed)]
            if not undecided or self._stopped:
                break
            left = {outcome.recipient for outcome in undecided}
            recipients = [recipient for recipient in recipients if recipient.address in left]
        if self._stopped:
            return decided
        return [*decided, *(_at_last(one, hop) for one in undecided)]

    async def _at(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody, since: float
    ) -> Sequence[Outcome]:
        if self._stopped:
            return ()
        known = self._unreachable.reason(hop, since)
        if known:
            return [Delayed(one.address, _NOBODY_THERE, known) for one in recipients]
        try:
            outcomes = await self._watched(self._courier.deliver(hop, envelope, recipients, body))
        except CancelledError:
            return ()
        except MailError as error:
            return [Delayed(one.address, _OUR_FAULT, str(error), hop.host) for one in recipients]
        except Exception:
            self.log.failure("{id}: delivering to {host}", id=envelope.id, host=hop.host)
            text = "this server made a mistake while delivering"
            return [Delayed(one.address, _OUR_FAULT, text, hop.host) for one in recipients]
        undecided = _undecided(outcomes)
        if undecided and undecided[0].status == _NOBODY_THERE and not self._stopped:
            self._unreachable.note(hop, undecided[0].text)
            self.log.info("{id}: {host}: {text}", id=envelope.id, host=hop.host, text=undecided[0].text)
        else:
            self._unreachable.forget(hop)
        return outcomes

    def _watched(self, work: Deferred[_T]) -> Deferred[_T]:
        """Known to ``stop`` until it has fired."""

        def ended(result: _T) -> _T:
            self._under_way.discard(work)
            return result

        self._under_way.add(work)
        return work.addBoth(ended)


def _at_last(outcome: Delayed, hop: Hop) -> Outcome:
    """What is left undecided by the last hop that was tried.  RFC 8689 §4.2.1: where none gives the protection that
    was asked for, the message goes back."""
    if outcome.status in _UNPROTECTED:
        return Failed(outcome.recipient, Status(5, 7, outcome.status.detail), outcome.text, hop.host)
    return msgspec.structs.replace(outcome, host=hop.host)


def _undecided(outcomes: Sequence[Outcome]) -> list[Delayed]:
    """ICourier: a ``Delayed`` without a host decided nothing, so another host may be tried."""
    return [outcome for outcome in outcomes if isinstance(outcome, Delayed) and not outcome.host]
