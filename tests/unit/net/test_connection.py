"""The pump between transport and core: order, back-pressure, time, faults, endings."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from mailsuite.net.connection import CLOSING_GRACE, GATHER, MAX_AHEAD, Connection
from mailsuite.testing.tls import ReadyTLS
from mailsuite.testing.transport import FakeTransport
from mailsuite.wire.lines import LineBuffer
from mailsuite.wire.signals import NEED_DATA, Signal

IDLE = 60.0


class LineCore:
    """Each line is an event; answers are queued as they are given."""

    def __init__(self) -> None:
        self.lines = LineBuffer(1_000_000)
        self.out: list[bytes] = [b"hello\r\n"]

    @property
    def buffered(self) -> int:
        return len(self.lines)

    def receive(self, data: bytes) -> None:
        self.lines.receive(data)

    def next_event(self) -> bytes | Signal:
        line = self.lines.take_line()
        assert isinstance(line, bytes) or line is NEED_DATA
        return line

    def reply(self, data: bytes) -> None:
        self.out.append(data)

    def data_to_send(self) -> bytes:
        data, self.out = b"".join(self.out), []
        return data


class Subject(Connection[LineCore]):
    """``wait NAME`` is answered when the test says so, ``break`` breaks, the rest is repeated at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(LineCore(), clock, IDLE)
        self.seen: list[bytes] = []
        self.waits: dict[bytes, Deferred[None]] = {}
        self.ends = 0
        self.holding = False

    @property
    def busy(self) -> bool:
        return super().busy or self.holding

    def handle(self, event: object) -> Deferred[object] | None:
        assert isinstance(event, bytes)
        self.seen.append(event)
        verb, _, rest = event.partition(b" ")
        if verb == b"wait":
            self.waits[rest] = Deferred()
            return self.waits[rest].addCallback(lambda _: self.core.reply(b"done " + rest + b"\r\n"))
        if verb == b"big":
            return Deferred.fromCoroutine(self.send_big(int(rest)))
        if verb == b"hold":
            self.holding = not self.holding
        if verb == b"break":
            raise RuntimeError("broken")
        self.core.reply(event + b"\r\n")
        if verb == b"quit":
            self.close()
        if verb == b"tls":
            self.start_tls(ReadyTLS().server())
        return None

    async def send_big(self, pieces: int) -> None:
        for _ in range(pieces):
            self.core.reply(b"x" * 65535 + b"\r\n")
            self.flush()
            await self.drained()

    def timed_out(self) -> None:
        self.core.reply(b"too slow\r\n")
        self.close()

    def faulted(self, failure: Failure) -> None:
        self.core.reply(b"sorry\r\n")

    def stopping(self) -> None:
        self.core.reply(b"bye\r\n")

    def ended(self) -> None:
        self.ends += 1


class Meeting:
    def __init__(self, high_water: int = 2**16) -> None:
        self.clock = Clock()
        self.subject = Subject(self.clock)
        self.transport = FakeTransport(high_water=high_water)
        self.transport.connect(self.subject)

    def say(self, *lines: bytes) -> None:
        self.transport.feed(b"".join(line + b"\r\n" for line in lines))
        self.settle()

    def settle(self) -> None:
        while self.transport.settle():
            pass

    def hear(self) -> bytes:
        data = self.transport.take()
        self.settle()
        return data


@pytest.fixture
def meeting() -> Meeting:
    meeting = Meeting()
    assert meeting.hear() == b"hello\r\n"
    return meeting


@pytest.fixture
def failures() -> object:
    found: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            found.append(event)

    globalLogPublisher.addObserver(observe)
    yield found
    globalLogPublisher.removeObserver(observe)


def test_it_is_a_producer(meeting: Meeting) -> None:
    verifyObject(IPushProducer, meeting.subject)


# -- order -----------------------------------------------------------------------------------------------------------


def test_the_next_command_waits_for_the_answer_to_the_one_before(meeting: Meeting) -> None:
    meeting.say(b"a", b"wait 1", b"b", b"wait 2", b"c")
    assert meeting.hear() == b"a\r\n"
    assert meeting.subject.busy
    meeting.subject.waits[b"1"].callback(None)
    assert meeting.hear() == b"done 1\r\nb\r\n"
    meeting.subject.waits[b"2"].callback(None)
    assert meeting.hear() == b"done 2\r\nc\r\n"
    assert not meeting.subject.busy


def test_many_answers_do_not_nest(meeting: Meeting) -> None:
    """A handler whose Deferreds have all fired must not recurse."""

    def at_once(event: object) -> Deferred[object]:
        fired: Deferred[object] = Deferred()
        fired.callback(None)
        return fired

    meeting.subject.handle = at_once
    meeting.say(*[b"x"] * 5000)
    assert meeting.subject.core.buffered == 0


def test_short_answers_of_a_pipeline_are_one_write(meeting: Meeting) -> None:
    meeting.say(*[b"n"] * 100)
    assert len(meeting.transport._out) == 1
    assert meeting.hear() == b"n\r\n" * 100


def test_gathered_answers_are_bounded(meeting: Meeting) -> None:
    meeting.say(*[b"n" * 1000] * 40)
    assert max(map(len, meeting.transport._out)) <= GATHER + 1002
    assert len(meeting.hear()) == 40 * 1002


def test_tls_starts_after_the_answers_before_it(meeting: Meeting) -> None:
    assert not meeting.subject.secure
    assert meeting.subject.tls_version == ""
    meeting.say(b"a", b"tls")
    assert meeting.hear() == b"a\r\ntls\r\n"
    meeting.transport.finish_tls()
    assert meeting.subject.secure
    assert meeting.subject.tls_version == "TLSv1.3"


# -- back-pressure ---------------------------------------------------------------------------------------------------


def test_a_peer_that_does_not_read_gets_no_further_command_done() -> None:
    meeting = Meeting(high_water=100)
    meeting.say(b"n" * 200)
    meeting.say(b"a", b"b")
    assert meeting.subject.seen == [b"n" * 200]
    meeting.hear()
    assert meeting.subject.seen[1:] == [b"a", b"b"]
    assert meeting.hear() == b"a\r\nb\r\n"


@pytest.mark.parametrize("cause", ["busy", "choked"])
def test_what_a_peer_may_send_ahead_is_bounded(cause: str) -> None:
    meeting = Meeting(high_water=100)
    meeting.hear()
    meeting.say(b"wait 1" if cause == "busy" else b"n" * 200)
    for _ in range(2 * MAX_AHEAD // 1024):
        meeting.say(b"y" * 1022)
    assert MAX_AHEAD <= meeting.subject.core.buffered < MAX_AHEAD + 1024
    assert meeting.transport.paused
    if cause == "busy":
        meeting.subject.waits[b"1"].callback(None)
    heard = b""
    while more := meeting.hear():
        heard += more
    assert heard.count(b"y" * 1022) == 2 * MAX_AHEAD // 1024
    assert not meeting.transport.paused


def test_a_peer_that_reads_nothing_can_still_be_heard(meeting: Meeting) -> None:
    """Under TLS the handshake itself comes in while the greeting cannot go out."""
    meeting.subject.pauseProducing()
    assert not meeting.transport.paused


def test_implicit_tls_gets_through_the_handshake() -> None:
    clock, subject = Clock(), None
    ends = []
    heard: list[bytes] = []

    class Client(Protocol):
        def dataReceived(self, data: bytes) -> None:
            heard.append(data)

    subject = Subject(clock)
    server_factory, client_factory = Factory(), Factory.forProtocol(Client)
    server_factory.buildProtocol = lambda _: subject
    for creator, is_client, factory in (
        (ReadyTLS().client("localhost", False), True, client_factory),
        (ReadyTLS().server(), False, server_factory),
    ):
        transport = FakeTransport()
        transport.connect(TLSMemoryBIOFactory(creator, is_client, factory, clock).buildProtocol(None))
        ends.append(transport)
    for _ in range(10):
        for one, other in (ends, ends[::-1]):
            if data := one.take():
                other.feed(data)
            other.settle()
            clock.advance(0)
            clock.advance(0)
    assert b"".join(heard) == b"hello\r\n"
    assert subject.tls_version == "TLSv1.3"


def test_a_long_answer_goes_out_as_fast_as_it_is_read(meeting: Meeting) -> None:
    meeting.say(b"big 10", b"after")
    pieces = []
    while piece := meeting.hear():
        assert len(piece) <= 3 * 65537
        pieces.append(piece)
    assert len(pieces) >= 5
    assert b"".join(pieces) == (b"x" * 65535 + b"\r\n") * 10 + b"after\r\n"


def test_all_who_wait_for_the_peer_to_read_are_told(meeting: Meeting) -> None:
    meeting.subject.pauseProducing()
    first, second, third = (meeting.subject.drained() for _ in range(3))
    first.addCallback(lambda _: second.cancel())
    second.addErrback(lambda failure: failure.trap(CancelledError))
    assert meeting.subject.choked
    meeting.subject.resumeProducing()
    assert [one.called for one in (first, second, third)] == [True, True, True]
    assert meeting.subject.drained().called


def test_who_waits_for_the_peer_to_read_is_told_that_it_left(meeting: Meeting) -> None:
    meeting.subject.pauseProducing()
    waits = [meeting.subject.drained() for _ in range(2)]
    seen: list[Failure] = []
    for one in waits:
        one.addErrback(seen.append)
    meeting.transport.hang_up()
    meeting.settle()
    assert [failure.type for failure in seen] == [CancelledError, CancelledError]


# -- time ------------------------------------------------------------------------------------------------------------


def test_silence_ends_the_connection(meeting: Meeting) -> None:
    meeting.clock.advance(IDLE - 1)
    meeting.say(b"a")
    assert meeting.hear() == b"a\r\n"
    meeting.clock.advance(IDLE - 1)
    assert not meeting.subject.closing
    meeting.clock.advance(1)
    assert meeting.hear() == b"too slow\r\n"
    assert not meeting.transport.connected
    assert meeting.clock.getDelayedCalls() == []


def test_our_own_slowness_is_not_the_peers_silence(meeting: Meeting) -> None:
    meeting.say(b"wait 1")
    for _ in range(10):
        meeting.clock.advance(IDLE)
    meeting.subject.waits[b"1"].callback(None)
    meeting.clock.advance(IDLE - 1)
    assert meeting.hear() == b"done 1\r\n"
    meeting.clock.advance(1)
    assert meeting.hear() == b"too slow\r\n"


def test_a_peer_that_reads_nothing_is_cut_off_even_while_its_command_goes_on(meeting: Meeting) -> None:
    meeting.say(b"big 10")
    assert meeting.subject.busy
    meeting.clock.advance(IDLE - 1)
    meeting.hear()
    meeting.clock.advance(IDLE - 1)
    assert not meeting.transport.aborted
    meeting.clock.advance(1)
    assert meeting.transport.aborted
    meeting.settle()
    assert meeting.clock.getDelayedCalls() == []
    assert meeting.subject.ends == 1


# -- faults ----------------------------------------------------------------------------------------------------------


def test_a_fault_is_logged_told_and_ends_the_connection(meeting: Meeting, failures: list[LogEvent]) -> None:
    meeting.say(b"a", b"break", b"b")
    assert meeting.hear() == b"a\r\nsorry\r\n"
    assert not meeting.transport.connected
    assert [event["peer"] for event in failures] == ["192.0.2.1:40000"]


def test_a_fault_that_comes_later_is_treated_the_same(meeting: Meeting, failures: list[LogEvent]) -> None:
    meeting.say(b"wait 1", b"b")
    meeting.subject.waits[b"1"].errback(Failure(RuntimeError("broken")))
    assert meeting.hear() == b"sorry\r\n"
    assert not meeting.transport.connected
    assert len(failures) == 1


# -- endings ---------------------------------------------------------------------------------------------------------


def test_closing_sends_what_is_left_and_does_no_more_commands(meeting: Meeting) -> None:
    meeting.say(b"a", b"quit", b"b")
    meeting.say(b"c")
    assert meeting.transport.connected
    assert meeting.hear() == b"a\r\nquit\r\n"
    assert not meeting.transport.connected
    assert meeting.subject.ends == 1
    assert meeting.clock.getDelayedCalls() == []


def test_what_comes_after_the_end_is_not_kept(meeting: Meeting) -> None:
    meeting.say(b"quit")
    meeting.subject.dataReceived(b"x" * 1000)
    assert meeting.subject.core.buffered == 0


def test_a_peer_that_does_not_read_the_end_is_cut_off(meeting: Meeting) -> None:
    meeting.say(b"quit")
    meeting.clock.advance(CLOSING_GRACE - 1)
    assert not meeting.transport.aborted
    meeting.clock.advance(1)
    assert meeting.transport.aborted


def test_nobody_waits_for_a_handshake_that_does_not_end() -> None:
    clock, transport = Clock(), FakeTransport()
    subject = Subject(clock)
    factory = Factory.forProtocol(lambda: subject)  # type: ignore[arg-type]
    transport.connect(TLSMemoryBIOFactory(ReadyTLS().server(), False, factory, clock).buildProtocol(None))
    transport.feed(b"\x16\x03\x01\x40\x00\x01")
    while transport.settle():
        pass
    clock.advance(IDLE + 1)
    assert transport.aborted
    while transport.settle():
        pass
    assert subject.ends == 1
    assert not clock.getDelayedCalls()


def test_closing_reads_again_so_that_tls_can_say_goodbye(meeting: Meeting) -> None:
    meeting.say(b"wait 1")
    meeting.transport.feed(b"y" * (MAX_AHEAD + 1))
    meeting.settle()
    meeting.subject.dataReceived(b"\r\n")
    assert meeting.transport.paused
    meeting.subject.close()
    assert not meeting.transport.paused


def test_a_peer_that_leaves_ends_its_command(meeting: Meeting, failures: list[LogEvent]) -> None:
    meeting.say(b"wait 1")
    seen: list[Failure] = []
    meeting.subject.waits[b"1"].addErrback(lambda failure: seen.append(failure) or failure)
    meeting.transport.hang_up()
    meeting.settle()
    assert meeting.subject.ends == 1
    assert not meeting.subject.busy
    assert meeting.clock.getDelayedCalls() == []
    assert failures == []


def test_a_peer_that_leaves_in_a_long_answer_ends_it(meeting: Meeting, failures: list[LogEvent]) -> None:
    meeting.say(b"big 10")
    meeting.transport.hang_up()
    meeting.settle()
    assert not meeting.subject.busy
    assert failures == []


def test_cancelling_reaches_the_command(meeting: Meeting) -> None:
    cancelled: list[object] = []

    def handle(event: object) -> Deferred[object]:
        return Deferred(cancelled.append)

    meeting.subject.handle = handle
    meeting.say(b"x")
    meeting.transport.hang_up()
    meeting.settle()
    assert len(cancelled) == 1


def test_shutting_down_says_goodbye_at_once_when_nothing_is_done(meeting: Meeting) -> None:
    meeting.subject.shut_down()
    assert meeting.hear() == b"bye\r\n"
    assert not meeting.transport.connected


def test_shutting_down_in_a_pipeline_begins_no_other_command(meeting: Meeting) -> None:
    handle = meeting.subject.handle

    def then_stop(event: object) -> object:
        answer = handle(event)
        meeting.subject.shut_down()
        return answer

    meeting.subject.handle = then_stop
    meeting.say(b"a", b"b")
    assert meeting.hear() == b"a\r\nbye\r\n"


def test_what_a_protocol_calls_busy_is_finished_first(meeting: Meeting) -> None:
    """A body on its way is many events, none of which waits."""
    meeting.say(b"hold", b"a")
    meeting.subject.shut_down()
    meeting.say(b"b", b"hold", b"c")
    assert meeting.hear() == b"hold\r\na\r\nb\r\nhold\r\nbye\r\n"
    assert not meeting.transport.connected


def test_cutting_sends_nothing_more(meeting: Meeting) -> None:
    meeting.say(b"wait 1")
    meeting.subject.cut()
    meeting.settle()
    assert not meeting.transport.connected
    assert meeting.subject.ends == 1


def test_shutting_down_lets_the_command_finish_and_begins_no_other(meeting: Meeting) -> None:
    meeting.say(b"wait 1", b"b")
    meeting.subject.shut_down()
    assert meeting.hear() == b""
    assert meeting.transport.connected
    meeting.subject.waits[b"1"].callback(None)
    assert meeting.hear() == b"done 1\r\nbye\r\n"
    assert not meeting.transport.connected
