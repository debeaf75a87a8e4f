"""services.polling: what happens at sockets happens as ever."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.python import log
from twisted.python.failure import Failure

from mailsuite.services import polling
from mailsuite.services.polling import poll_plainly


@pytest.fixture
def reactor() -> Iterator[EPollReactor]:
    """Twisted's own; nobody runs it."""
    reactor = EPollReactor()
    poll_plainly(reactor)
    yield reactor
    for reader in reactor.removeAll():
        reader.connectionLost(Failure(ValueError()))
    reactor._poller.close()


class Pipe(FileDescriptor):
    """Reads from a pipe into which the test writes."""

    def __init__(self, reactor: EPollReactor) -> None:
        super().__init__(reactor)
        self._reading, self._writing = os.pipe()
        self.read: list[bytes] = []
        self.lost: list[Failure] = []
        self.other: Pipe | None = None
        self.breaks = False
        self.startReading()

    def fileno(self) -> int:
        return self._reading

    def logPrefix(self) -> str:
        raise AssertionError("nobody asks whose it is")

    def say(self, octets: bytes) -> None:
        os.write(self._writing, octets)

    def doRead(self) -> None:
        if self.breaks:
            raise ZeroDivisionError
        self.read.append(os.read(self._reading, 100))
        if self.other is not None:
            self.other.stopReading()

    def hang_up(self) -> None:
        os.close(self._writing)

    def connectionLost(self, reason: Failure) -> None:
        self.lost.append(reason)
        self.stopReading()
        if self.breaks:
            raise ValueError("closing")


@pytest.fixture
def faults() -> Iterator[list[type[BaseException] | None]]:
    found: list[type[BaseException] | None] = []

    def note(event: dict[str, Any]) -> None:
        if event.get("isError"):
            found.append(event["failure"].type)

    log.addObserver(note)
    yield found
    log.removeObserver(note)


def test_who_is_spoken_to_reads(reactor: EPollReactor) -> None:
    one, other = Pipe(reactor), Pipe(reactor)
    one.say(b"hello")
    reactor.doIteration(0)
    assert (one.read, other.read) == ([b"hello"], [])


def test_nothing_happens_in_a_turn_without_events(reactor: EPollReactor) -> None:
    pipe = Pipe(reactor)
    reactor.doIteration(0)
    assert pipe.read == []


def test_who_was_closed_by_what_happened_before_hears_nothing(reactor: EPollReactor, faults: list[object]) -> None:
    one, other = Pipe(reactor), Pipe(reactor)
    one.other, other.other = other, one
    one.say(b"1")
    other.say(b"2")
    reactor.doIteration(0)
    assert len(one.read + other.read) == 1
    assert faults == []


def test_who_hangs_up_is_told_as_ever(reactor: EPollReactor) -> None:
    pipe = Pipe(reactor)
    pipe.hang_up()
    reactor.doIteration(0)
    assert len(pipe.lost) == 1


def test_what_breaks_is_logged_and_concerns_nobody_else(reactor: EPollReactor, faults: list[object]) -> None:
    pipes = [Pipe(reactor) for _ in range(3)]
    pipes[1].breaks = True
    for pipe in pipes:
        pipe.say(b"x")
    reactor.doIteration(0)
    assert faults == [ZeroDivisionError, ValueError]
    assert [pipe.read for pipe in pipes] == [[b"x"], [], [b"x"]]
    assert len(pipes[1].lost) == 1


def test_a_signal_in_the_middle_is_no_fault(reactor: EPollReactor) -> None:
    class Interrupted:
        def poll(self, seconds: float, most: int) -> None:
            raise InterruptedError

        def close(self) -> None:
            pass

    reactor._poller.close()
    reactor._poller = Interrupted()
    reactor.doIteration(None)


def test_another_reactor_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(EPollReactor):
        """Somebody's, who polls in a way of his own."""

    others = [SelectReactor(), Own()]
    for reactor in others:
        poll_plainly(reactor)
        assert "doIteration" not in vars(reactor)
    changed = EPollReactor()
    monkeypatch.setattr(polling, "_PARTS", ("_of_a_later_twisted",))
    poll_plainly(changed)
    assert "doIteration" not in vars(changed)
    for one in (*others, changed):
        one.removeAll()
