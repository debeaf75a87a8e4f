"""A world: its time, its network, its disks, its hosts, made of one seed.

``with World(seed, folder) as world``: add servers and others, ``run`` for some simulated time, ask ``problems``.  One
at a time in a process, for what stands in for clocks and for ``os`` is the process's.  Promise: the same seed, and the
same calls, give the same ``trace.digest()``.
"""

from __future__ import annotations

import contextlib
import gc
import random
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, Self, cast

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from mailsuite.testing.world.clock import HostClock, Timeline
from mailsuite.testing.world.disks import Disks
from mailsuite.testing.world.leftovers import descriptors, sweep, tasks, threads
from mailsuite.testing.world.names import Names
from mailsuite.testing.world.network import Network
from mailsuite.testing.world.reactor import HostReactor
from mailsuite.testing.world.server import Server
from mailsuite.testing.world.site import NAMESERVER, Site
from mailsuite.testing.world.stand_ins import standing_in
from mailsuite.testing.world.trace import Trace

#: When worlds begin, seconds since the epoch.
EPOCH = 1_750_000_000.0
#: Things that happen between two looks whether all is done, and whether there is room.
_STEPS, _LOOK = 1_000_000, 1_000


class World:
    """``folder`` is empty; the servers' files go there.  ``keep`` gets each line of the trace; ``room`` is called now
    and then, and ends the world by an error where there is no room for its files."""

    def __new__(cls, *_: object) -> Self:
        """What there is before the first one need not be looked through each time."""
        if not gc.get_freeze_count():
            gc.collect()
            gc.freeze()
        return super().__new__(cls)

    def __init__(
        self,
        seed: int,
        folder: str,
        keep: Callable[[str], None] = lambda line: None,
        room: Callable[[], None] = lambda: None,
    ) -> None:
        self.seed, self.folder = seed, folder
        self.rng = random.Random(seed)
        self.timeline = Timeline(EPOCH)
        self.trace = Trace(self.timeline, keep)
        self.network = Network(self.timeline, self.child(), self.trace)
        self.disks = Disks()
        self.names = Names(self.network, HostClock(self.timeline), NAMESERVER)
        self.servers: dict[str, Server] = {}
        self.problems: list[str] = []
        self._room = room
        self._life = contextlib.ExitStack()
        self._threads = threads()
        self._deaf = False
        self._ghosts: weakref.WeakSet[Any] = weakref.WeakSet()

    def child(self) -> random.Random:
        """Chance of its own for a part: what one part uses up changes nothing for others."""
        return random.Random(self.rng.getrandbits(64))

    def __enter__(self) -> Self:
        self._life.enter_context(standing_in(self.timeline, self.child(), self.disks))
        observer = cast(ILogObserver, self._logged)
        globalLogPublisher.addObserver(observer)
        self._life.callback(globalLogPublisher.removeObserver, observer)
        if gc.isenabled():  # what garbage does when it goes happens at the same moment in each run
            gc.disable()
            self._life.callback(gc.enable)
        gc.collect()  # the world before
        self._ghosts.update(tasks())  # what a failed test keeps of it
        return self

    def __exit__(self, *_: object) -> None:
        self._life.close()

    def finish(self) -> None:
        """Nothing more will happen, all servers have ended: what was forgotten is found now, such as tasks that go on
        waiting, failures that nobody heard of, files that nobody closed."""
        left = [f"a task in {each.__qualname__}" for each in tasks() if each not in self._ghosts]
        sweep()
        left += [f"an open file {path}" for path in sorted(descriptors(self.folder).values())]
        left += [f"a thread {name}" for name in sorted(threads() - self._threads)]
        for each in left:
            self.problem(f"the world leaves {each}")

    def bury(self) -> None:
        """A machine lost its power: what was left of its process goes, and nobody hears what that would have said.  Of
        tasks that wait for each other the collector may leave some; they are not looked for any more."""
        self._deaf = True
        sweep()
        self._deaf = False
        self._ghosts.update(tasks())

    def problem(self, words: str) -> None:
        self.trace.note("PROBLEM", words)
        self.problems.append(words)

    def _logged(self, event: LogEvent) -> None:
        """Faults are problems, wherever they were caught."""
        if self._deaf:
            return
        text = formatEvent(event)
        if event.get("log_level") in (LogLevel.error, LogLevel.critical, LogLevel.warn):
            self.trace.note("log", text.replace(self.folder, ""))
        failure = event.get("log_failure")
        if failure is not None:
            self.problem(f"logged: {text}\n{failure.getTraceback()}")

    # -- who is in it ----------------------------------------------------------------------------------------------

    def serve(self, site: Site) -> Server:
        """A server, with its names in DNS; it is to be started."""
        self.names.zones |= site.names()
        server = Server(
            *(site, f"{self.folder}/{site.domain}", self.timeline, self.network, self.disks, self.child(), self.problem)
        )
        server.bury = self.bury
        self.servers[site.domain] = server
        return server

    def host(self, name: str, address: str) -> HostReactor:
        """A host that runs no server of ours: its reactor."""
        return HostReactor(HostClock(self.timeline), self.network.station(name, address))

    def begin(self, work: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        """Somebody does this; a fault in it is a problem."""

        def failed(failure: Failure) -> None:
            self.problem(f"{failure.value}\n{failure.getTraceback()}")

        return Deferred.fromCoroutine(work).addErrback(failed)

    # -- time ------------------------------------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let so much time pass, or less if ``until`` comes true; whether it did."""
        end = self.timeline.now + seconds
        for number in range(_STEPS):
            if number % _LOOK == 0:
                self._room()
            if until():
                return True
            if not self.timeline.step(end):
                self.timeline.pass_to(end)
                return until()
        raise AssertionError(f"seed {self.seed}: the world does not come to rest")
