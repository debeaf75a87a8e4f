"""The network of a world keeps TCP's rules, and breaks as it is told."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionRefusedError, TimeoutError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from mailsuite.testing.results import failure_of, result_of
from mailsuite.testing.world.clock import HostClock, Timeline
from mailsuite.testing.world.network import Network, Weather
from mailsuite.testing.world.pipe import GIVE_UP
from mailsuite.testing.world.reactor import HostReactor
from mailsuite.testing.world.trace import Trace
from mailsuite.testing.world.transport import HIGH_WATER


class Peer(Protocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.got, self.lost = b"", ""

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = type(reason.value).__name__


class Net:
    """Two hosts, near and far, of which the far one listens on port 25."""

    def __init__(self) -> None:
        self.timeline = Timeline(0.0)
        self.network = Network(self.timeline, random.Random(1), Trace(self.timeline))
        self.clock = HostClock(self.timeline)
        self.near = HostReactor(self.clock, self.network.station("near", "10.0.0.1"))
        self.far = HostReactor(HostClock(self.timeline), self.network.station("far", "10.0.0.2"))
        self.servers: list[Peer] = []
        self.far.listenTCP(25, Factory.forProtocol(self._serve))

    def _serve(self) -> Peer:
        self.servers.append(Peer())
        return self.servers[-1]

    def connect(self, port: int = 25, timeout: float = 30) -> object:
        endpoint = TCP4ClientEndpoint(self.near, "10.0.0.2", port, timeout)  # type: ignore[arg-type]
        return endpoint.connect(Factory.forProtocol(Peer))

    def connected(self) -> tuple[Peer, Peer]:
        connecting = self.connect()
        self.run(1)
        return result_of(connecting), self.servers[-1]  # type: ignore[return-value]

    def run(self, seconds: float) -> None:
        end = self.timeline.now + seconds
        while self.timeline.step(end):
            pass
        self.timeline.pass_to(end)


@pytest.fixture
def net() -> Iterator[Net]:
    return Net()


def test_octets_arrive_in_order_and_then_the_end(net: Net) -> None:
    client, server = net.connected()
    for number in range(50):
        client.transport.write(b"%d " % number * 1000)
    client.transport.loseConnection()
    assert server.got == b""
    net.run(60)
    assert server.got == b"".join(b"%d " % number * 1000 for number in range(50))
    assert (client.lost, server.lost) == ("ConnectionDone", "ConnectionDone")
    assert net.network.open_ends() == []


def test_nobody_listens(net: Net) -> None:
    connecting = net.connect(port=26)
    net.run(1)
    failure_of(connecting, ConnectionRefusedError)  # type: ignore[arg-type]


@pytest.mark.parametrize("cause", ["parted", "no such host", "down"])
def test_nobody_answers(cause: str, net: Net) -> None:
    if cause == "parted":
        net.network.part({"near"}, {"far"})
    elif cause == "down":
        net.far.station.lose_power()
    else:
        net.network.stations.pop("10.0.0.2")
    connecting = net.connect(timeout=20)
    net.run(30)
    failure_of(connecting, TimeoutError)  # type: ignore[arg-type]


def test_what_is_sent_in_a_partition_arrives_when_it_heals(net: Net) -> None:
    client, server = net.connected()
    net.network.part({"near"}, {"far"})
    client.transport.write(b"patience")
    net.run(600)
    assert server.got == b""
    net.network.heal()
    net.run(120)
    assert (server.got, client.lost, server.lost) == (b"patience", "", "")


def test_a_partition_that_lasts_is_given_up_by_who_sends_and_not_noticed_by_who_listens(net: Net) -> None:
    client, server = net.connected()
    net.network.part({"near"}, {"far"})
    client.transport.write(b"patience")
    net.run(GIVE_UP + 120)
    assert (client.lost, server.lost) == ("TimeoutError", "")


def test_a_host_that_comes_back_knows_nothing_of_its_connections(net: Net) -> None:
    client, server = net.connected()
    net.far.station.lose_power()
    net.run(3600)
    assert client.lost == ""  # nobody has told it
    net.far.station.up = True
    client.transport.write(b"are you there?")
    net.run(1)
    assert (client.lost, server.got, server.lost) == ("ConnectionLost", b"", "")


def test_what_was_under_way_when_power_failed_arrives_and_no_more(net: Net) -> None:
    client, server = net.connected()
    server.transport.write(b"250 Ok\r\n")
    net.far.station.lose_power()
    net.run(1)
    assert (client.got, client.lost) == (b"250 Ok\r\n", "")


@pytest.mark.parametrize("silently", [False, True])
def test_a_connection_is_cut_at_an_octet(silently: bool, net: Net) -> None:
    net.network.weather = Weather(cuts=1.0, silent=1.0 if silently else 0.0)
    client, server = net.connected()
    for peer in (client, server):
        peer.transport.write(b"x" * 10_000)
    net.run(60)
    assert min(len(client.got), len(server.got)) < 6000
    assert bool(client.lost) is bool(server.lost) is not silently


def test_who_does_not_read_holds_up_who_writes(net: Net) -> None:
    client, server = net.connected()

    class Producer:
        paused = False

        def pauseProducing(self) -> None:
            self.paused = True

        def resumeProducing(self) -> None:
            self.paused = False

        def stopProducing(self) -> None: ...

    producer = Producer()
    server.transport.registerProducer(producer, True)
    client.transport.pauseProducing()
    server.transport.write(b"x" * (HIGH_WATER + 1))
    net.run(60)
    assert (producer.paused, client.got) == (True, b"")
    client.transport.resumeProducing()
    net.run(60)
    assert (producer.paused, len(client.got)) == (False, HIGH_WATER + 1)


def test_who_aborts_resets_the_other_side(net: Net) -> None:
    client, server = net.connected()
    client.transport.write(b"never mind")
    client.transport.abortConnection()
    net.run(1)
    assert (client.lost, server.got, server.lost) == ("ConnectionAborted", b"", "ConnectionLost")
