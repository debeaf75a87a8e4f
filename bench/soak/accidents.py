"""What happens to the server.  Each accident begins, lasts some seconds, and is over; then there is calm."""

from __future__ import annotations

import errno
import os
import random
import resource
import time
from collections.abc import Callable

from bench.abuse.memory import peak
from bench.soak.ledger import Accident, Ledger
from bench.soak.names import SlowDNS
from bench.soak.sink import Sink
from mailsuite.testing.instance import Instance

#: So many fewer descriptors than are in use are allowed when they run out: what is closed cannot be opened again.
FEWER = 4
#: Seconds until a killed server's last octets are read.
READING = 10.0
#: All that can happen.
KINDS = ("kill", "full disk", "no descriptors", "slow names", "far is gone")


class Accidents:
    """``happen`` one after the other.  ``small_disk``: the instance lies on a file system of its own."""

    def __init__(
        self, instance: Instance, ledger: Ledger, sink: Sink, names: SlowDNS, small_disk: bool, seed: int
    ) -> None:
        self._instance = instance
        self._ledger = ledger
        self._sink = sink
        self._names = names
        self._random = random.Random(seed)
        self.longest_start = 0.0
        #: Octets that any of the killed servers held at most.
        self.peak_memory = 0
        self.kinds: list[Callable[[float], None]] = [self.kill, self.no_descriptors, self.slow_names, self.far_is_gone]
        if small_disk:
            self.kinds.insert(1, self.full_disk)

    def happen(self, until: float, calm: float) -> None:
        """Each kind once, in turns, however long that takes; then in any order, until that time on the monotonic
        clock."""
        waiting, all_happened = list(self.kinds), False
        while time.monotonic() < until or not all_happened:
            time.sleep(calm)
            self._let_happen(waiting.pop(0), self._random.uniform(0.5, 2.0) * calm)
            if not waiting:
                all_happened = True
                waiting = self._random.sample(self.kinds, len(self.kinds))

    def _let_happen(self, accident: Callable[[float], None], seconds: float) -> None:
        kind, begun = accident.__name__.replace("_", " "), time.time()
        try:
            accident(seconds)
        finally:
            self._ledger.accidents.append(Accident(kind, begun, time.time()))
        self._ledger.counts[kind] += 1

    def kill(self, seconds: float) -> None:
        """SIGKILL, and a start as soon as it may be: when all that the sink was sent has reached it, so that it is
        known of each message which server sent it."""
        self.peak_memory = max(self.peak_memory, peak(self._instance.pid))
        self._instance.kill()
        if not self._sink.left_alone(READING):
            self._ledger.complain(f"somebody holds a killed server's connections, {READING:g} s later")
        self._ledger.life += 1
        begun = time.monotonic()
        self._instance.start(timeout=120)
        self.longest_start = max(self.longest_start, time.monotonic() - begun)

    def full_disk(self, seconds: float) -> None:
        """Somebody else takes all there is."""
        filler = self._instance.folder.parent / "filler"
        try:
            with filler.open("wb") as file:
                self._fill(file.fileno())
                end = time.monotonic() + seconds
                while time.monotonic() < end:  # what is freed meanwhile goes too
                    time.sleep(0.2)
                    self._fill(file.fileno())
        finally:
            filler.unlink()

    def _fill(self, file: int) -> None:
        try:
            while True:
                os.write(file, b"x" * 65536)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def no_descriptors(self, seconds: float) -> None:
        """EMFILE for whatever it opens."""
        pid = self._instance.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used - FEWER, before[1]))
        try:
            time.sleep(seconds)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    def slow_names(self, seconds: float) -> None:
        """Name servers answer late, or not at all."""
        self._names.delay = self._random.choice((0.5, 2.0, 30.0))
        time.sleep(seconds)
        self._names.delay = 0.0

    def far_is_gone(self, seconds: float) -> None:
        """The next host hangs up on everybody."""
        self._sink.open = False
        time.sleep(seconds)
        self._sink.open = True
