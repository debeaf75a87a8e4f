"""One mailsuite server of a world: it starts, stops, loses power, and is started again by whoever watches over it.

What runs is ``services.running.Running`` with all its parts; the process around it (``services.server``) is not there.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from mailsuite.config.schema import Listener
from mailsuite.errors import MailError
from mailsuite.model import Queued
from mailsuite.services.parts import Parts
from mailsuite.services.running import Running
from mailsuite.services.steady import SteadyTimers
from mailsuite.testing.results import result_of
from mailsuite.testing.world.clock import HostClock, Timeline
from mailsuite.testing.world.disks import Disks, HostDisk
from mailsuite.testing.world.leftovers import descriptors, sweep
from mailsuite.testing.world.machine import simulated_machine
from mailsuite.testing.world.network import Network
from mailsuite.testing.world.offload import SimulatedOffload
from mailsuite.testing.world.reactor import HostReactor
from mailsuite.testing.world.site import Site

#: Seconds until a server that could not start is started again, and one that lost its power.
AGAIN, POWER_AGAIN = 10.0, 60.0


class SimulatedDoor:
    """A listener on a station; ``running.Door``."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    async def listen(self, reactor: Any, factory: IProtocolFactory) -> IListeningPort:
        port: IListeningPort = reactor.listenTCP(self.listener.port, factory)
        return port

    def close(self) -> None:
        """The port was closed."""


class Server:
    """``site`` may be changed while it is down."""

    def __init__(
        self,
        site: Site,
        folder: str,
        timeline: Timeline,
        network: Network,
        disks: Disks,
        rng: random.Random,
        problem: Callable[[str], None],
    ) -> None:
        """``problem`` is told what should not be."""
        self.site = self.first_site = site
        self.name = site.domain
        self.folder = folder
        self._timeline, self._network, self._disks, self._rng, self._problem = timeline, network, disks, rng, problem
        self._station = network.station(site.domain, site.address)
        self._doors: list[SimulatedDoor] = []
        self._offset = 0.0
        self.disk: HostDisk | None = None
        self.clock: HostClock | None = None
        self.running: Running | None = None
        self.ready = False
        self.wanted = False
        self._stopping = False
        self._starting: Deferred[None] = succeed(None)
        #: Part of a ``Sync.site`` that its disk pays no heed to: a planted bug.
        self.ignored_syncs = ""
        #: Told the name, and since when what it did may not be on its disk, when it ends without having noted all.
        self.forgets: Callable[[str, float], None] = lambda name, since: None
        #: Ends what is left of a process whose machine has lost its power.
        self.bury: Callable[[], None] = sweep
        self._lives = 1
        for path in (self._root, f"{folder}/etc"):
            os.makedirs(path)
        site.write_directory(f"{folder}/etc/directory.sqlite", timeline.now - 3600)

    @property
    def _root(self) -> str:
        """Where the files of the disk are at present."""
        return f"{self.folder}/disk-{self._lives}"

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Like a machine that is switched on."""
        self.wanted = True
        self._network.trace.note(self.name, "starts")
        self._stopping = False
        rng = self._rng
        clock = self.clock = HostClock(self._timeline)
        clock.offset = self._offset
        clock.seconds = SteadyTimers(clock, int, clock.seconds, lambda: self._timeline.now).seconds  # type: ignore[method-assign]
        disk = HostDisk(self._root, clock.seconds)
        disk.full, disk.ignored_syncs = self.disk is not None and self.disk.full, self.ignored_syncs
        self.disk = disk
        self._station.up = True
        reactor = HostReactor(clock, self._station)
        #: Threads do not care what the wall clock says.
        self._steady = HostClock(self._timeline)
        offload = self._offload = SimulatedOffload(self._steady, rng, self._disks, disk, self.lose_power)
        settings = self.site.settings(self.folder, self._root)
        machine = simulated_machine(clock, rng, offload, disk, self.site.address)
        running = self.running = Running(settings, Parts(settings, reactor, machine), reactor)
        self._doors = [SimulatedDoor(listener) for listener in settings.listeners]
        self._starting = Deferred.fromCoroutine(running.start("", self._doors)).addCallbacks(
            self._started, self._not_started, errbackArgs=(running,)
        )

    def _started(self, waiting: int) -> None:
        self._network.trace.note(self.name, f"ready, {waiting} wait")
        self.ready = True

    def _not_started(self, failure: Failure, running: Running) -> None:
        """The process would end with status 1, and be started again by systemd."""
        if failure.check(CancelledError):
            return
        self._network.trace.note(self.name, f"cannot start: {failure.value}")
        if not failure.check(MailError, OSError):
            self._problem(f"{self.name} cannot start: {failure.getTraceback()}")
        Deferred.fromCoroutine(running.stop(self._doors)).addCallback(self._ended)
        self._after(AGAIN, self._start_again)

    def _after(self, seconds: float, work: Callable[[], None]) -> None:
        self._network.later(seconds, work)

    def _start_again(self) -> None:
        if self.running is None and self.wanted:
            self.start()

    def stop(self) -> Deferred[None]:
        """In order, and for good."""
        self.wanted = False
        return self._stop()

    def _stop(self) -> Deferred[None]:
        if self.running is None:
            return succeed(None)
        self._network.trace.note(self.name, "stops")
        self.ready, self._stopping = False, True
        self._starting.cancel()
        return Deferred.fromCoroutine(self.running.stop(self._doors)).addCallback(self._ended)

    def _ended(self, _: object) -> None:
        """The process is gone."""
        clock, disk = self.clock, self.disk
        if clock is None or disk is None or clock.stopped:
            return
        self._network.trace.note(self.name, "stopped")
        calls = [*clock.getDelayedCalls(), *self._steady.getDelayedCalls()]
        leaks = [f"a timer for {call.work}" for call in calls if call.active()]
        leaks += [f"an open file {path}" for path in sorted(descriptors(self.folder).values())]
        leaks += [f"a connection {end.name}" for end in self._station.ends if end.connected]
        leaks += ["what watches folders"] * len(disk.watchers)
        if disk.unsure_since < math.inf:
            self.forgets(self.name, disk.unsure_since - clock.offset)
        for leak in leaks:
            self._problem(f"{self.name} leaks {leak}")
        self._forget()

    def _forget(self) -> None:
        self.ready = False
        self.running = None
        if self.clock is not None:
            self._offset = self.clock.offset
            self.clock.stop()
        self._steady.stop()
        self._station.close_all()
        self._network.later(0, sweep)  # now, and not at some later time; nor does it pile up, should it start in vain

    # -- what happens to it ------------------------------------------------------------------------------------------

    def lose_power(self, back_after: float = POWER_AGAIN) -> None:
        running, clock, disk = self.running, self.clock, self.disk
        if running is None or clock is None or disk is None:
            return
        self._network.trace.note(self.name, f"loses power after {disk.operations} operations")
        self.ready = False
        self.running = None
        self._offset = clock.offset
        clock.stop()
        self._steady.stop()
        self._offload.vanish()
        self._station.lose_power()
        self.forgets(self.name, min(self._timeline.now, disk.unsure_since - clock.offset))
        self._lives += 1
        disk.lose_power(self._rng, self._root)
        self._network.later(0, self.bury)
        self._after(back_after, self._start_again)

    def restart(self, site: Site | None = None) -> None:
        """In order, with another configuration if one is given."""
        self.site = site or self.site
        if not self._stopping:
            self._stop().addCallback(lambda _: self._after(1.0, self._start_again))

    def set_clock(self, seconds: float) -> None:
        if self.clock is not None and not self.clock.stopped:
            self._network.trace.note(self.name, f"clock jumps {seconds:.0f}")
            self.clock.jump(seconds)

    def make_room(self) -> None:
        if self.disk is not None:
            self.disk.full = False

    def recover(self) -> None:
        """Whatever was wrong with it is over."""
        if self.disk is not None:
            self.disk.mend()
        self.wanted = True
        self._start_again()

    @property
    def waiting(self) -> int:
        """Messages in its queue; 1 while it is not ready."""
        if self.running is None or not self.ready:
            return 1
        queued: Sequence[Queued] = result_of(self.running.parts.shared.queue.list())
        return len(queued)
