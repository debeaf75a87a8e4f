"""One figure of ours beside a peer's, and the file that keeps them."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

#: Figures by name, of one run of one server.
Measured = dict[str, float]


class LeftOut(Exception):
    """A part cannot be measured here; its words say why."""


class Wanted(msgspec.Struct, frozen=True):
    """How much is done: ``size`` scales all counts."""

    size: float = 1.0
    runs: int = 3

    def count(self, full: int) -> int:
        return max(1, int(full * self.size))


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """``unit`` is ``/s``, ``s``, ``ms``, ``MiB``, ``KiB`` or ``MB/s``; without a peer ``peer`` is empty.  ``most``:
    what ours may be at most, 0 if nothing is promised."""

    name: str
    unit: str
    ours: float
    peer: str = ""
    theirs: float = 0.0
    most: float = 0.0

    @property
    def more_is_better(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def times(self) -> float:
        """How many times better ours is; 0 if nobody can say."""
        if not self.peer or not self.ours or not self.theirs:
            return 0.0
        return self.ours / self.theirs if self.more_is_better else self.theirs / self.ours

    @property
    def held(self) -> bool:
        return not self.most or self.ours <= self.most

    @property
    def promise(self) -> str:
        """In words; empty if there is none."""
        return f"at most {self.most:g} {self.unit}: {'held' if self.held else 'FAILED'}" if self.most else ""


def promised(figures: Iterable[Figure], most: Mapping[str, float]) -> list[Figure]:
    """With what those may be at most that are named."""
    return [msgspec.structs.replace(one, most=most.get(one.name, 0.0)) for one in figures]


def broken(figures: Iterable[Figure]) -> list[str]:
    """In words."""
    words = "{one.name}: {one.ours:g} {one.unit}, and {one.most:g} at most was promised"
    return [words.format(one=one) for one in figures if not one.held]


def judged(measured: Measured, units: Mapping[str, str], most: Mapping[str, float]) -> int:
    """Print what was promised of it, and whether it held; the status with which a program is to end."""
    figures = promised([Figure(name, units[name], value) for name, value in measured.items()], most)
    for one in figures:
        print(f"{one.name:<15} {one.ours:.4g} {one.unit}, {one.promise}")
    return 1 if broken(figures) else 0


class Measurement(msgspec.Struct, frozen=True):
    """What a part gives.  ``workload``: how much was done, in words with all numbers.  ``runs``: how often, if that was
    not as often as was wanted."""

    workload: str
    figures: list[Figure]
    runs: int = 0


class Part(msgspec.Struct, frozen=True):
    """The figures of one part, when and where they were made, and ``how``: of how much, how often.  ``before``: whether
    the machine was calm; ``alone``: why peers are missing, empty if none is."""

    figures: list[Figure]
    how: str
    date: str
    machine: str
    versions: str
    before: str
    alone: str = ""


def in_turns(
    runs: int, units: dict[str, str], ours: Callable[[], Measured], theirs: Callable[[], Measured] | None, peer: str
) -> list[Figure]:
    """Both sides in turns; the median of each figure.  The peer need not have them all."""
    mine, others = [], []
    for _ in range(runs):
        mine.append(ours())
        if theirs is not None:
            others.append(theirs())
    return [
        Figure(
            name, unit, _median(mine, name), peer if any(name in each for each in others) else "", _median(others, name)
        )
        for name, unit in units.items()
    ]


def _median(measured: Iterable[Measured], name: str) -> float:
    values = [each[name] for each in measured if name in each]
    return float(f"{statistics.median(values):.4g}") if values else 0.0


def part(made: Measurement, runs: str, before: str, alone: str = "") -> Part:
    """With what is to be told of this machine now."""
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    how = f"{made.workload}; {runs}"
    return Part(made.figures, how, date, machine(), versions({each.peer for each in made.figures}), before, alone)


def keep(path: Path, name: str, made: Part) -> None:
    """In the file of results, in place of an older one."""
    known = results(path)
    known[name] = made
    path.write_bytes(msgspec.json.format(msgspec.json.encode(known), indent=1) + b"\n")


def results(path: Path) -> dict[str, Part]:
    """By name; none if there is no such file.  ``msgspec.MsgspecError`` if it is no file of results."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Part]) if path.exists() else {}


def machine() -> str:
    """Processor, memory, system."""
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "")
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} processors ({model or platform.machine()}), {memory / 2**20:.0f} GiB, {system}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def versions(peers: Iterable[str]) -> str:
    """Of all that was measured: ours, and those of the peers that are named."""
    found = [f"Python {platform.python_version()}", f"Twisted {version('twisted')}"]
    for name, command in (("Postfix", ["postconf", "-h", "mail_version"]), ("Dovecot", ["dovecot", "--version"])):
        if any(name in peer for peer in peers):
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found.append(f"{name} {done.stdout.split()[0]}")
    return ", ".join(found)
