"""What the reactor thread spends on sending a queued message on, without sockets and disk.

    python -m bench.relay_send [--messages N] [--together N] [--runs N] [--profile]

Queue, runner and courier are the real ones, nothing is written to a disk, the route is known, and the next host
answers at once with what Postfix's ``smtp-sink`` says.  Messages come ``--together``, over connections that are used
again.  Prints microseconds of processor time a message, the best of several runs.
Example: ``python -m bench.relay_send --together 100 --profile``.
"""

from __future__ import annotations

import random
import time
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.logger import globalLogBeginner
from zope.interface import implementer

from bench.program import Arguments, profiled
from mailsuite.disk.spool import Content
from mailsuite.model import Address, Envelope, Hop, Recipient
from mailsuite.net.smtp_client import Courier
from mailsuite.net.smtp_client_settings import CourierSettings
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.runner import Runner, RunnerSettings
from mailsuite.testing.disk import MemoryDisk
from mailsuite.testing.queue import NotedReports, TableRouter
from mailsuite.testing.tls import ReadyTLS

HOP = Hop("mx.far.test", ("192.0.2.1",))
BODY = b"From: load@source.test\nTo: u@far.test\nSubject: load\n\n" + b"x" * 78 * 50 + b"\n"
TRACE = b"Received: from source.test (source.test [192.0.2.7])\r\n\tby here.test with ESMTP id 1\r\n"
GREETED = b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 \r\n"


class Passing:
    """A message that is not in its place yet, and need not be put there."""

    def perform(self) -> None:
        raise NotImplementedError

    def forgo(self) -> bool:
        return True

    def over(self, path: str) -> Deferred[None]:
        return succeed(None)


class Sink:
    """The other end of a connection; also its transport."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.answered = 0

    def write(self, data: bytes) -> None:
        if data.startswith(b"EHLO"):
            self.said.append(GREETED)
        elif data.endswith(b"DATA\r\n"):
            self.said.append(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n")
        elif data.endswith(b"\r\n.\r\n"):
            self.answered += 1
            self.said.append(b"250 2.0.0 Ok: queued as %08X\r\n" % self.answered)
        else:
            raise ValueError(data)

    def setTcpNoDelay(self, wanted: bool) -> None:
        pass


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Makes connections to sinks, which it lists."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, Sink]] = []

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        protocol: Any = factory.buildProtocol(None)
        sink = Sink()
        sink.said.append(b"220 sink.test ESMTP\r\n")
        self.made.append((protocol, sink))
        protocol.makeConnection(sink)
        return succeed(protocol)

    @property
    def taken(self) -> int:
        """Messages that came."""
        return sum(sink.answered for _, sink in self.made)

    def answer(self) -> bool:
        """Everybody says what it has to say; whether anybody had."""
        speaking = [(protocol, sink) for protocol, sink in self.made if sink.said]
        for protocol, sink in speaking:
            said, sink.said = b"".join(sink.said), []
            protocol.dataReceived(said)
        return bool(speaking)


class Relay:
    """A queue and what empties it."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._clock.advance(1_700_000_000.0)
        self._endpoint = Endpoint()
        self.queue = DiskQueue("/queue", MemoryDisk(), Inline(), self._clock, rng=random.Random(1))
        self.queue.load()
        settings = CourierSettings("here.test")
        courier = Courier(settings, lambda address, port: self._endpoint, ReadyTLS(), self._clock, Inline())
        router = TableRouter({"far.test": (HOP,)})
        chosen = RunnerSettings(at_once=100, per_destination=100)
        Runner(self.queue, router, courier, NotedReports(), self._clock, chosen).start()
        self._count = 0

    def send(self, together: int) -> None:
        """So many arrive, and are sent."""
        for _ in range(together):
            self._count += 1
            recipients = (Recipient(Address("u", "far.test")),)
            envelope = Envelope(f"m{self._count}", Address("load", "source.test"), recipients, self._clock.seconds())
            placement = self.queue.placement(envelope, TRACE, Content(BODY, "", len(BODY), len(BODY) + 5))
            self.queue.arrived(placement, Passing())
        self._clock.advance(0.001)
        while self._endpoint.answer():
            self._clock.advance(0.001)
        if self._endpoint.taken != self._count:
            raise RuntimeError(f"{self._endpoint.taken} of {self._count} messages were sent")


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 2000, "messages of a run")
    parser.count("--together", 10, "of them that come at a time")
    parser.count("--runs", 5, "runs, of which the best counts")
    parser.profile()
    asked = parser.parse_args()
    if asked.messages < asked.together:
        parser.error(f"--together: of {asked.messages} messages {asked.together} cannot come together")
    globalLogBeginner.beginLoggingTo([lambda event: None], redirectStandardIO=False)
    relay = Relay()
    rounds = asked.messages // asked.together

    def run() -> float:
        """Seconds a message."""
        before = time.process_time()
        for _ in range(rounds):
            relay.send(asked.together)
        return (time.process_time() - before) / (rounds * asked.together)

    print(f"{min(run() for _ in range(asked.runs)) * 1e6:.1f} us a message")
    if asked.profile:
        profiled(run)


if __name__ == "__main__":
    main()
