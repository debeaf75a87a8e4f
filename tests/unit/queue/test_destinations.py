"""How much goes to each destination at once, and that what happens at one is nothing to the others."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from mailsuite.interfaces import IBody, ICourier
from mailsuite.model import Address, Delayed, Delivered, Envelope, Hop, Outcome, Recipient, Status
from mailsuite.queue.hosts import Destinations, Place
from mailsuite.queue.runner import Runner, RunnerSettings
from mailsuite.queue.schedule import MINUTE, Schedule
from mailsuite.testing.queue import MemoryQueue, NotedReports, TableRouter
from mailsuite.testing.results import result_of

AL = Address("al", "a.test")
#: What hosts do: take the message; busy (RFC 3463 §3.4, X.3.2); gone in the middle; nobody there; no such user.
WELL, BUSY, BROKE, DEAD, UNKNOWN = None, Status(4, 3, 2), Status(4, 4, 2), Status(4, 4, 1), Status(4, 1, 1)


@implementer(ICourier)
class TimedCourier:
    """Each host takes its ``seconds`` for a message and does what it does; ``busy`` counts those under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}
        self.does: dict[str, Status | None] = {}
        self.busy: dict[str, int] = {}
        self.most: dict[str, int] = {}
        #: (seconds, host) of each that ended.
        self.ended: list[tuple[float, str]] = []

    def deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Deferred[Sequence[Outcome]]:
        host = hop.host
        self.busy[host] = self.busy.get(host, 0) + 1
        self.most[host] = max(self.most.get(host, 0), self.busy[host])
        answer: Deferred[Sequence[Outcome]] = Deferred()
        self._clock.callLater(self.seconds.get(host, 1.0), self._end, hop, recipients, answer)
        return answer

    def _end(self, hop: Hop, recipients: Sequence[Recipient], answer: Deferred[Sequence[Outcome]]) -> None:
        self.busy[hop.host] -= 1
        self.ended.append((self._clock.seconds(), hop.host))
        status = self.does.get(hop.host, WELL)
        answer.callback([_outcome(one.address, hop, status) for one in recipients])


def _outcome(recipient: Address, hop: Hop, status: Status | None) -> Outcome:
    if status is None:
        return Delivered(recipient, hop.host, "250 ok")
    undecided = status in (BROKE, DEAD)
    return Delayed(recipient, status, "not now", "" if undecided else hop.host)


class World:
    def __init__(self, queue: type[MemoryQueue] = MemoryQueue, **settings: object) -> None:
        self.clock = Clock()
        self.queue: Any = queue(self.clock, Schedule(waits=(5 * MINUTE,), jitter=0.0), random.Random(1))
        self.router = TableRouter({})
        self.courier = TimedCourier(self.clock)
        chosen = RunnerSettings(**settings)  # type: ignore[arg-type]
        self.runner = Runner(self.queue, self.router, self.courier, NotedReports(), self.clock, chosen)
        self.runner.start()
        self._count = 0

    def send(self, domain: str, messages: int) -> None:
        self.router.table = {**self.router.table, domain: (Hop(f"mx.{domain}", ("192.0.2.1",)),)}
        for _ in range(messages):
            self._count += 1
            recipients = (Recipient(Address("u", domain)),)
            self.queue.add(Envelope(f"m{self._count}", AL, recipients, self.clock.seconds()), b"x\r\n")

    def wait(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)

    @property
    def left(self) -> int:
        return len(result_of(self.queue.list()))


@pytest.mark.parametrize(("seconds", "does"), [(30.0, DEAD), (600.0, BROKE), (600.0, WELL), (0.1, BUSY), (0.0, DEAD)])
def test_thousands_for_one_bad_host_delay_nobody_else_by_a_second(seconds: float, does: Status | None) -> None:
    world = World()
    world.courier.seconds["mx.bad.test"], world.courier.does["mx.bad.test"] = seconds, does
    world.send("bad.test", 3000)
    world.wait(5)
    for number in range(15):
        world.send(f"d{number}.test", 3)
    before = len([host for _, host in world.courier.ended if host != "mx.bad.test"])
    world.wait(2)
    assert before == 0
    assert len([host for _, host in world.courier.ended if host != "mx.bad.test"]) == 45


def test_a_bad_host_among_the_recipients_of_every_message_delays_none_of_the_others() -> None:
    world = World()
    world.courier.seconds["mx.bad.test"] = 600.0
    world.send("bad.test", 30)
    world.router.table = {**world.router.table, "good.test": (Hop("mx.good.test", ("192.0.2.2",)),)}
    for number in range(100):
        both = (Recipient(Address("u", "bad.test")), Recipient(Address("u", "good.test")))
        world.queue.add(Envelope(f"both{number}", AL, both, 0.0), b"x\r\n")
    world.wait(30)
    assert len([host for _, host in world.courier.ended if host == "mx.good.test"]) == 100


def test_what_goes_to_a_host_grows_while_it_goes_well() -> None:
    world = World(at_once=100, first_per_destination=5, per_destination=20)
    world.send("b.test", 1000)
    seen = []
    while world.left:
        seen.append(world.courier.busy["mx.b.test"])
        world.wait(1)
    assert seen[:4] == [5, 10, 20, 20]
    assert max(seen) == 20


@pytest.mark.parametrize("trouble", [BUSY, BROKE])
def test_what_goes_to_a_host_shrinks_when_it_has_trouble_and_grows_again(trouble: Status) -> None:
    world = World(at_once=100, first_per_destination=5, per_destination=20)
    world.send("b.test", 1000)
    world.wait(20)
    assert world.courier.busy["mx.b.test"] == 20
    world.courier.does["mx.b.test"] = trouble
    world.wait(2)
    assert world.courier.busy["mx.b.test"] == 1
    world.courier.does["mx.b.test"] = WELL
    busy = []
    for _ in range(15):
        world.wait(1)
        busy.append(world.courier.busy["mx.b.test"])
    assert busy[:4] == [2, 2, 3, 4]
    assert busy[-1] > 10


def test_a_refusal_is_no_trouble() -> None:
    """What a host says of a recipient says nothing about the host."""
    world = World(at_once=100, first_per_destination=5, per_destination=20)
    world.courier.does["mx.b.test"] = UNKNOWN
    world.send("b.test", 300)
    world.wait(10)
    assert world.courier.busy["mx.b.test"] > 10


def test_limits_of_two_destinations_are_their_own() -> None:
    world = World(at_once=100, first_per_destination=5, per_destination=20)
    world.courier.does["mx.b.test"] = BUSY
    world.send("b.test", 500)
    world.send("c.test", 500)
    world.wait(20)
    assert (world.courier.busy["mx.b.test"], world.courier.busy["mx.c.test"]) == (1, 20)


def test_when_there_is_room_for_few_destinations_have_their_turns() -> None:
    world = World(leases=2, at_once=2)
    world.send("b.test", 20)
    world.send("c.test", 20)
    world.wait(10)
    hosts = [host for _, host in world.courier.ended][4:]
    assert hosts.count("mx.b.test") == hosts.count("mx.c.test") == 8


class SlowQueue(MemoryQueue):
    """Its disk has not written results yet: ``written`` does."""

    def __init__(self, clock: Clock, schedule: Schedule, rng: random.Random) -> None:
        super().__init__(clock, schedule, rng)
        self._unwritten: list[Deferred[None]] = []

    def note(self, id: str, served: Collection[Address]) -> Deferred[None]:
        return self._later().addCallback(lambda _: MemoryQueue.note(self, id, served))

    def settle(self, *args: Any, **kwargs: Any) -> Deferred[Sequence[Outcome]]:
        return self._later().addCallback(lambda _: MemoryQueue.settle(self, *args, **kwargs))

    def _later(self) -> Deferred[None]:
        self._unwritten.append(Deferred())
        return self._unwritten[-1]

    def written(self) -> None:
        unwritten, self._unwritten = self._unwritten, []
        for one in unwritten:
            one.callback(None)


def test_a_place_is_free_when_the_result_is_on_disk_and_not_before() -> None:
    """A server that is killed repeats what was delivered and not written: no more than it has places."""
    world = World(first_per_destination=2, per_destination=2, queue=SlowQueue)
    world.send("b.test", 4)
    world.wait(3)
    world.send("b.test", 1)
    assert len(world.courier.ended) == 2
    assert world.courier.busy["mx.b.test"] == 0
    world.queue.written()
    assert world.courier.busy["mx.b.test"] == 2
    assert world.left == 3


def test_a_place_at_a_host_that_was_quick_is_not_kept_for_another_that_is_slow() -> None:
    world = World(first_per_destination=1, per_destination=1, queue=SlowQueue)
    world.courier.seconds["mx.slow.test"] = 600.0
    for domain in ("slow.test", "b.test"):
        world.router.table = {**world.router.table, domain: (Hop(f"mx.{domain}", ("192.0.2.1",)),)}
    both = tuple(Recipient(Address("u", domain)) for domain in ("slow.test", "b.test"))
    world.queue.add(Envelope("both", AL, both, 0.0), b"x\r\n")
    world.send("b.test", 1)
    world.wait(2)
    assert world.courier.ended == [(1.0, "mx.b.test")]
    world.queue.written()
    world.wait(1)
    assert world.courier.ended == [(1.0, "mx.b.test"), (3.0, "mx.b.test")]


def test_a_place_is_kept_until_a_sender_who_wanted_it_has_been_told() -> None:
    world = World(first_per_destination=1, per_destination=1, queue=SlowQueue)
    world.courier.seconds["mx.slow.test"] = 5.0
    for domain in ("slow.test", "b.test"):
        world.router.table = {**world.router.table, domain: (Hop(f"mx.{domain}", ("192.0.2.1",)),)}
    told = Recipient(Address("u", "b.test"), notify=frozenset({"SUCCESS"}))
    world.queue.add(Envelope("both", AL, (Recipient(Address("u", "slow.test")), told), 0.0), b"x\r\n")
    world.send("b.test", 1)
    world.wait(4)
    world.queue.written()
    world.wait(4)
    assert world.courier.ended == [(1.0, "mx.b.test"), (5.0, "mx.slow.test")]
    world.queue.written()
    world.wait(1)
    assert [host for _, host in world.courier.ended].count("mx.b.test") == 2


def test_a_place_is_left_once() -> None:
    destinations = Destinations(2, 2)
    places = [Place(destinations, "a") for _ in range(2) if destinations.enter("a")]
    places[0].leave()
    places[0].leave()
    assert [destinations.enter("a") for _ in range(2)] == [True, False]
