"""A simulated machine tells of what comes and goes in its folders as the kernel of this one does."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailsuite.disk.inotify import Ended, Inotify, Lost, Moved
from mailsuite.testing.world.clock import HostClock, Timeline
from mailsuite.testing.world.disks import HostDisk
from mailsuite.testing.world.eyes import BATCH, LATEST, ROOM, SimulatedEyes


class Unlikely(random.Random):
    """Of chance only what happens nearly always."""

    def random(self) -> float:
        return 0.999


class Readers:
    def addReader(self, reader: Any) -> None: ...

    def removeReader(self, reader: Any) -> None: ...


class Machine:
    """Two folders on a simulated disk, with simulated eyes and this kernel's."""

    def __init__(self, root: Path, rng: random.Random | None = None) -> None:
        self.root = str(root)
        self.timeline = Timeline(1000.0)
        self.disk = HostDisk(self.root, lambda: self.timeline.now)
        for name in ("new", "cur"):
            self.disk.mkdir(f"{root}/{name}")
        self.told: list[object] = []
        self.eyes = SimulatedEyes(self.told.append, self.disk, HostClock(self.timeline), rng or Unlikely())
        self.kernel_told: list[object] = []
        self.kernel = Inotify(Readers(), self.kernel_told.append)
        for watch in (self.eyes.watch, self.kernel.watch):
            assert [watch(f"{root}/{name}") for name in ("new", "cur", "new")] == [1, 2, 1]

    def make(self, path: str) -> None:
        self.disk.close(self.disk.open(f"{self.root}/{path}", os.O_CREAT | os.O_WRONLY))

    def rename(self, old: str, new: str) -> None:
        self.disk.rename(f"{self.root}/{old}", f"{self.root}/{new}")

    def wait(self, seconds: float) -> list[object]:
        end = self.timeline.now + seconds
        while self.timeline.step(end):
            pass
        self.timeline.pass_to(end)
        return self.told


def forget(machine: Machine) -> None:
    machine.make("new/a")
    machine.eyes.forget(1)
    machine.kernel.forget(1)
    machine.make("new/b")


def watch_again(machine: Machine) -> None:
    forget(machine)
    assert machine.eyes.watch(f"{machine.root}/new") == machine.kernel.watch(f"{machine.root}/new") == 3
    machine.make("new/c")


def move_the_folder(machine: Machine) -> None:
    machine.rename("new", "newer")
    machine.make("newer/a")


def remove(machine: Machine) -> None:
    machine.make("new/a")
    machine.disk.rmtree(f"{machine.root}/new")


@pytest.mark.parametrize(
    "work",
    [
        lambda machine: machine.make("new/a"),
        lambda machine: (machine.make("new/a"), machine.rename("new/a", "cur/a:2,S")),
        lambda machine: (machine.make("cur/a:2,"), machine.rename("cur/a:2,", "cur/a:2,F")),
        lambda machine: (machine.make("new/a"), machine.rename("new/a", "elsewhere")),
        lambda machine: (machine.make("elsewhere"), machine.rename("elsewhere", "new/a")),
        lambda machine: (machine.make("a"), machine.disk.link(f"{machine.root}/a", f"{machine.root}/new/a")),
        lambda machine: (machine.make("new/a"), machine.disk.unlink(f"{machine.root}/new/a")),
        lambda machine: machine.disk.mkdir(f"{machine.root}/new/folder"),
        forget,
        watch_again,
        move_the_folder,
        remove,
    ],
)
def test_the_kernel_tells_the_same(scratch: Path, work: Callable[[Machine], object]) -> None:
    machine = Machine(scratch)
    work(machine)
    machine.eyes.catch_up()
    machine.kernel.catch_up()
    assert machine.told == machine.kernel_told
    assert machine.told != []
    machine.kernel.close()


@pytest.mark.parametrize("path", ["none", "new/none/none"])
def test_what_is_not_there_cannot_be_watched(scratch: Path, path: str) -> None:
    machine = Machine(scratch)
    for eyes in (machine.eyes, machine.kernel):
        with pytest.raises(FileNotFoundError):
            eyes.watch(f"{scratch}/{path}")
    machine.kernel.close()


def test_it_is_told_a_little_later_and_in_batches(scratch: Path) -> None:
    machine = Machine(scratch)
    for number in range(BATCH + 1):
        machine.make(f"new/{number:02}")
    assert machine.told == []
    assert len(machine.wait(LATEST)) == BATCH
    assert machine.wait(LATEST)[-1] == Moved(1, f"{BATCH:02}", True)


def test_what_does_not_fit_is_lost_and_that_is_told_once(scratch: Path) -> None:
    machine = Machine(scratch)
    for number in range(ROOM + 5):
        machine.make(f"new/{number}")
    machine.eyes.catch_up()
    assert machine.told[ROOM - 1 :] == [Moved(1, f"{ROOM - 1}", True), Lost()]


def test_who_has_closed_hears_nothing(scratch: Path) -> None:
    machine = Machine(scratch)
    machine.make("new/a")
    machine.eyes.close()
    machine.make("new/b")
    machine.disk.rmtree(f"{scratch}/cur")
    assert machine.wait(1) == []


def test_chance_decides_what_a_machine_can(scratch: Path) -> None:
    can: list[bool] = []
    for seed in range(200):
        (scratch / str(seed)).mkdir()
        try:
            SimulatedEyes(
                lambda event: None,
                HostDisk(str(scratch / str(seed)), lambda: 0.0),
                HostClock(Timeline(0.0)),
                random.Random(seed),
            )
            can.append(True)
        except OSError:
            can.append(False)
    assert 10 < can.count(False) < 60


def test_a_folder_that_is_removed_ends_its_watch_alone(scratch: Path) -> None:
    machine = Machine(scratch)
    machine.disk.rmdir(f"{scratch}/new")
    machine.make("cur/a")
    machine.eyes.catch_up()
    assert machine.told == [Ended(1), Moved(2, "a", True)]
