"""Scratch folders in memory, recordings made once, seeds, and how much was proved."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crash_proof import Proof, Recording, record
from crash_scenarios import SCENARIOS

from mailsuite.testing.scratch import in_memory, scratch_folder

#: ``make crash SEEDS=n`` sets it.
SEEDS_GIVEN = os.environ.get("MAILSUITE_CRASH_SEEDS", "1")
SEEDS = int(SEEDS_GIVEN) if SEEDS_GIVEN.isascii() and SEEDS_GIVEN.isdecimal() else 0
#: How often the real server is killed.
KILLS = int(os.environ.get("MAILSUITE_KILLS", "8"))


def pytest_configure() -> None:
    """A run that tries nothing would look like one that found nothing."""
    if not 1 <= SEEDS <= 10_000:
        raise pytest.UsageError(f"SEEDS is a whole number from 1 to 10000, not {SEEDS_GIVEN!r}")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on the medium is the model's affair."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """Images are laid out by the thousand: in memory where the system has a place for that."""
    with scratch_folder("mailsuite-crash-", in_memory()) as folder:
        yield folder


@pytest.fixture(scope="session")
def recorded(scratch: Path) -> Callable[[str], Recording]:
    """The recording of a scenario by name; made at first use."""
    made: dict[str, Recording] = {}

    def recording(name: str) -> Recording:
        if name not in made:
            made[name] = record(next(each for each in SCENARIOS if each.name == name), scratch)
        return made[name]

    return recording


@pytest.fixture
def proof(scratch: Path, record_property: Callable[[str, object], None]) -> Iterator[Callable[..., Proof]]:
    """Makes a ``Proof`` with a seed and settings; their counts are summed up at the end of the run."""
    begun: list[Proof] = []

    def begin(seed: int, **settings: Any) -> Proof:
        begun.append(Proof(scratch, seed, **settings))
        return begun[-1]

    yield begin
    record_property("power cuts", sum(each.cuts for each in begun))
    record_property("disk images", sum(each.images for each in begun))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                counts.update(dict(report.user_properties))
    if counts["disk images"]:
        line = f"simulated disk: {counts['power cuts']} crash points, servers started on {counts['disk images']} images"
        terminalreporter.write_line(line)
    if counts["kills"]:
        line = f"real server: killed {counts['kills']} times, {counts['messages']} answered messages all found"
        terminalreporter.write_line(line)
