"""inotify of a simulated machine: its disk tells at once what comes and goes in folders, the reactor reads it later.

As inotify(7) has it: a watch is on a folder, whatever that is called, and is one however often it was asked for;
numbers are not used again; of a folder that is forgotten or removed the end is told, after what came before; what finds
the queue full is lost, and that is told.  Some machines have none, and now and then a folder cannot be watched.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
from collections import deque

from mailsuite.disk.inotify import Ended, Lost, Moved, Told
from mailsuite.testing.power_cut import Enter, Leave, Move, Operation
from mailsuite.testing.world.clock import Call, HostClock
from mailsuite.testing.world.disks import HostDisk

#: Seconds until the reactor reads, at most; events that it reads at once.
LATEST, BATCH = 0.01, 20
#: Events that wait at most, and the share of those that are lost though there are fewer.
ROOM, LOST_SHARE = 200, 0.01
#: Share of the machines that have no inotify, and of the folders that are one too many.
BLIND_SHARE, TOO_MANY_SHARE = 0.15, 0.02


class SimulatedEyes:
    """Of one process on the machine of ``disk``.  OSError where there is no inotify."""

    def __init__(self, told: Told, disk: HostDisk, clock: HostClock, rng: random.Random) -> None:
        if rng.random() < BLIND_SHARE:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        self._told, self._disk, self._clock, self._rng = told, disk, clock, rng
        self._fresh = itertools.count(1)
        self._numbers: dict[int, int] = {}  # of folders, by node
        self._waiting: deque[Moved | Ended | Lost] = deque()
        self._reading: Call | None = None
        disk.watchers[self] = None

    # -- what a server calls -----------------------------------------------------------------------------------------

    def watch(self, path: str) -> int:
        """OSError if the folder is not there, or one too many."""
        node = self._disk.folder(path)
        if self._rng.random() < TOO_MANY_SHARE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if node not in self._numbers:
            self._numbers[node] = next(self._fresh)
        return self._numbers[node]

    def forget(self, number: int) -> None:
        for node, each in self._numbers.items():
            if each == number:
                self.removed(node)
                return

    def catch_up(self) -> None:
        while self._waiting:
            self._told(self._waiting.popleft())

    def close(self) -> None:
        self._disk.watchers.pop(self, None)
        self._waiting.clear()
        if self._reading is not None and self._reading.active():
            self._reading.cancel()

    # -- what the disk tells -----------------------------------------------------------------------------------------

    def changed(self, operation: Operation) -> None:
        """It has been done, in this moment."""
        match operation:
            case Enter(folder, name):
                self._note(folder, name, True)
            case Leave(folder, name):
                self._note(folder, name, False)
            case Move(folder, name, to_folder, to_name):
                self._note(folder, name, False)
                self._note(to_folder, to_name, True)

    def removed(self, folder: int) -> None:
        """That folder is there no more, or watched no more."""
        number = self._numbers.pop(folder, 0)
        if number:
            self._put(Ended(number))

    def _note(self, folder: int, name: str, appeared: bool) -> None:
        if folder in self._numbers:
            self._put(Moved(self._numbers[folder], name, appeared))

    def _put(self, event: Moved | Ended | Lost) -> None:
        if len(self._waiting) >= ROOM or self._rng.random() < LOST_SHARE:
            event = Lost()
        if not self._waiting or event != Lost() or self._waiting[-1] != event:
            self._waiting.append(event)
        self._read_soon()

    def _read_soon(self) -> None:
        if self._reading is None or not self._reading.active():
            self._reading = self._clock.callLater(self._rng.uniform(0, LATEST), self._read)

    def _read(self) -> None:
        for _ in range(min(BATCH, len(self._waiting))):
            self._told(self._waiting.popleft())
        if self._waiting:
            self._read_soon()
