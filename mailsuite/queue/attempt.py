"""One attempt to deliver one queued message: routes for its domains, then hop after hop for each route.

Recipients whose domains share their hops (a smarthost, one provider) go in one transaction.  The next hop is tried
for those about whom the last one decided nothing.  Every recipient gets an outcome; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.logger import Logger

from mailsuite.errors import MailError, NoRoute, OnHold
from mailsuite.happenings import Routed
from mailsuite.interfaces import IBody, ICourier, IObserver, IRouter
from mailsuite.model import Address, Delayed, Envelope, Failed, Hop, Outcome, Queued, Recipient, Status
from mailsuite.observers import NOBODY
from mailsuite.queue.book import NONE_KEPT
from mailsuite.queue.hosts import Destinations, Place, UnreachableHosts

_T = TypeVar("_T")

_NO_DNS = Status(4, 4, 3)
_NOBODY_THERE = Status(4, 4, 1)
#: RFC 4954 §6: our name or password is wrong there.
_NOT_LET_IN = Status(4, 7, 8)
_OUR_FAULT = Status(4, 3, 0)
_NOT_NOW = Status(4, 3, 2)
_UNPROTECTED = (Status(4, 7, 10), Status(4, 7, 30))


class Attempted(msgspec.Struct, frozen=True):
    """What an attempt came to.  Recipients without an outcome were not tried: those ``kept`` wait for somebody to let
    them go, and why; the others for lack of room at ``waits_for``, or because everything stops."""

    outcomes: tuple[Outcome, ...]
    waits_for: str = ""
    kept: Mapping[Address, str] = NONE_KEPT


class _Way(msgspec.Struct, frozen=True):
    """One route, and a place at its destination."""

    place: Place
    hops: tuple[Hop, ...]
    recipients: Sequence[Recipient]


#: Told of outcomes that are known before those of others, and of the place that may be left when they are on disk.
Note: TypeAlias = Callable[[Sequence[Outcome], Place], Coroutine[Any, Any, None]]
#: The hops of a route, in order, and who goes there.
_Group: TypeAlias = tuple[tuple[Hop, ...], list[Recipient]]


class Carrier:
    """Takes messages along routes; ``at_once`` bounds all transactions together, ``destinations`` those of each."""

    log = Logger()

    def __init__(
        self,
        router: IRouter,
        courier: ICourier,
        at_once: DeferredSemaphore,
        destinations: Destinations,
        unreachable: UnreachableHosts,
        observer: IObserver = NOBODY,
        seconds: Callable[[], float] = float,
    ) -> None:
        self._observer = observer
        self._seconds = seconds
        self._router = router
        self._courier = courier
        self._at_once = at_once
        self._destinations = destinations
        self._unreachable = unreachable
        self._under_way: dict[Deferred[Any], None] = {}
        self._stopped = False

    def stop(self) -> None:
        """Break off what is under way, and begin nothing more; whoever was not decided about gets no outcome."""
        self._stopped = True
        for work in tuple(self._under_way):
            work.cancel()

    async def attempt(
        self, queued: Queued, recipients: Sequence[Recipient], body: IBody, places: list[Place], note: Note
    ) -> Attempted:
        """Carry it wherever there is room.  ``places`` has the one in its lane, which is left if it goes elsewhere, and
        gets those that are entered; whoever has written the outcomes down leaves them.  Hosts found unreachable before
        somebody wanted it tried at once are tried again.  ``note`` hears of what is over while something else is
        not."""
        envelope, since = queued.envelope, queued.kicked
        kept: dict[Address, str] = {}
        outcomes, groups = await self._routes(recipients, queued, kept)
        [lane] = places
        ways: list[_Way] = []
        waits_for = ""
        for hops, those in groups.values():
            destination = _destination(hops)
            if destination == lane.destination and all(way.place is not lane for way in ways):
                ways.append(_Way(lane, hops, those))
            elif self._destinations.enter(destination):
                places.append(Place(self._destinations, destination))
                ways.append(_Way(places[-1], hops, those))
            else:
                waits_for = destination
        if all(way.place is not lane for way in ways):
            lane.leave()
        if len(ways) == 1:  # nearly always: no need for a Deferred
            outcomes += await self._go(ways[0], envelope, body, since)
        else:
            left = len(ways)

            async def go(way: _Way) -> list[Outcome]:
                nonlocal left
                found = await self._go(way, envelope, body, since)
                left -= 1
                if left:
                    await note(found, way.place)
                return found

            for going in [Deferred.fromCoroutine(go(way)) for way in ways]:
                outcomes += await going
        return Attempted(tuple(outcomes), waits_for, kept)

    async def _routes(
        self, recipients: Sequence[Recipient], queued: Queued, kept: dict[Address, str]
    ) -> tuple[list[Outcome], dict[frozenset[Hop], _Group]]:
        """Who goes where: recipients whose domains share their hops, in whatever order, go together.  Whoever is on
        hold is put into ``kept``."""
        outcomes: list[Outcome] = []
        groups: dict[frozenset[Hop], _Group] = {}
        routes = [
            (those, self._watched(self._hops(domain, queued))) for domain, those in _by_domain(recipients).items()
        ]
        for those, route in routes:
            try:
                hops = await route
                if self._observer.listens:
                    self._tell(queued.envelope.id, those[0].address.domain, hops)
                groups.setdefault(frozenset(hops), (hops, []))[1].extend(those)
            except OnHold as error:
                kept |= {one.address: str(error) for one in those}
            except Exception as error:
                if not self._stopped:
                    outcomes += [self._not_routed(one, error) for one in those]
        return outcomes, groups

    def _tell(self, id: str, domain: str, hops: Sequence[Hop]) -> None:
        found = tuple(f"{hop.host}:{hop.port}" if hop.addresses else hop.host for hop in hops)
        self._observer.happened(Routed(self._seconds(), id, domain, found))

    def _hops(self, domain: str, queued: Queued) -> Deferred[tuple[Hop, ...]]:
        if queued.via:
            return self._router.by_hand(queued.via)
        return self._router.route(domain, queued.envelope.sender, queued.released)

    def _not_routed(self, recipient: Recipient, error: Exception) -> Outcome:
        if isinstance(error, NoRoute):
            return Failed(recipient.address, Status.parse(error.status), str(error))
        if isinstance(error, MailError):
            return Delayed(recipient.address, _NO_DNS, str(error))
        self.log.failure("routing {domain}", domain=recipient.address.domain)
        return Delayed(recipient.address, _OUR_FAULT, "this server made a mistake while looking for the way")

    async def _go(self, way: _Way, envelope: Envelope, body: IBody, since: float) -> list[Outcome]:
        """Over one route, when it is our turn."""
        await self._at_once.acquire()
        try:
            outcomes = await self._along(way.hops, envelope, way.recipients, body, since)
        finally:
            self._at_once.release()
        if outcomes:
            self._destinations.went(way.place.destination, not any(map(_is_trouble, outcomes)))
        return outcomes

    async def _along(
        self, hops: tuple[Hop, ...], envelope: Envelope, recipients: Sequence[Recipient], body: IBody, since: float
    ) -> list[Outcome]:
        """RFC 5321 §5.1: hop after hop, until one has taken it."""
        known: dict[Address, Outcome] = {}
        for hop in hops:
            for outcome in await self._at(hop, envelope, recipients, body, since):
                known[outcome.recipient] = _better(known.get(outcome.recipient), outcome)
            recipients = [one for one in recipients if _is_open(known.get(one.address))]
            if not recipients or self._stopped:
                break
            self._log_refusals(envelope.id, recipients, known)
        outcomes = list(known.values())
        if self._stopped:
            return [outcome for outcome in outcomes if outcome.host or not isinstance(outcome, Delayed)]
        return [_at_last(outcome, hop) for outcome in outcomes]

    def _log_refusals(self, id: str, recipients: Sequence[Recipient], known: Mapping[Address, Outcome]) -> None:
        """What a host said before another one was asked; what comes of it all is the caller's to tell."""
        for one in recipients:
            said = known.get(one.address)
            if isinstance(said, Delayed) and said.refused:
                self.log.info(
                    "{id}: <{to}> not taken by {host}: {text}", id=id, to=one.address, host=said.host, text=said.text
                )

    async def _at(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody, since: float
    ) -> Sequence[Outcome]:
        if self._stopped:
            return ()
        known = self._unreachable.reason(hop, since)
        if known:
            return [Delayed(one.address, known.status, known.text) for one in recipients]
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
        if undecided and undecided[0].status in (_NOBODY_THERE, _NOT_LET_IN) and not self._stopped:
            self._unreachable.note(hop, undecided[0].status, undecided[0].text)
            self.log.info("{id}: {host}: {text}", id=envelope.id, host=hop.host, text=undecided[0].text)
        else:
            self._unreachable.forget(hop)
        return outcomes

    def _watched(self, work: Deferred[_T]) -> Deferred[_T]:
        """Known to ``stop`` until it has fired."""
        if work.called and not work.paused:  # as most routes have
            return work

        def ended(result: _T) -> _T:
            self._under_way.pop(work, None)
            return result

        self._under_way[work] = None
        return work.addBoth(ended)


def _by_domain(recipients: Sequence[Recipient]) -> Mapping[str, Sequence[Recipient]]:
    if len(recipients) == 1:  # nearly always
        return {recipients[0].address.domain: recipients}
    domains: dict[str, list[Recipient]] = {}
    for recipient in recipients:
        domains.setdefault(recipient.address.domain, []).append(recipient)
    return domains


def _destination(hops: Sequence[Hop]) -> str:
    """One name for a route, in whatever order chance has put its hops."""
    return min(hop.host for hop in hops)


def _is_trouble(outcome: Outcome) -> bool:
    """It is down, has more to do than it can, RFC 3463 §3.4 and §3.5, X.3.2 and X.4.z, or does not let us in."""
    return isinstance(outcome, Delayed) and (outcome.status.subject == 4 or outcome.status in (_NOT_NOW, _NOT_LET_IN))


def _is_open(outcome: Outcome | None) -> bool:
    """Whether another hop may be tried."""
    return outcome is None or (isinstance(outcome, Delayed) and (outcome.refused or not outcome.host))


def _better(before: Outcome | None, outcome: Outcome) -> Outcome:
    """What is known of a recipient after one more hop.  A host that said "not now" will be asked again: that a worse
    one says "never" does not end it."""
    said = isinstance(before, Delayed) and before.refused
    if before is not None and said and (isinstance(outcome, Failed) or _is_open(outcome)):
        return before
    return outcome


def _at_last(outcome: Outcome, hop: Hop) -> Outcome:
    """What was left undecided has the name of the last hop that was tried.  RFC 8689 §4.2.1: where none gives the
    protection that was asked for, the message goes back."""
    if not isinstance(outcome, Delayed) or outcome.host:
        return outcome
    if outcome.status in _UNPROTECTED:
        return Failed(outcome.recipient, Status(5, 7, outcome.status.detail), outcome.text, hop.host)
    return msgspec.structs.replace(outcome, host=hop.host)


def _undecided(outcomes: Sequence[Outcome]) -> list[Delayed]:
    """ICourier: a ``Delayed`` without a host decided nothing."""
    return [outcome for outcome in outcomes if isinstance(outcome, Delayed) and not outcome.host]
