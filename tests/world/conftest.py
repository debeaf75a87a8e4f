"""Which seeds are tried, folders for worlds, and a town that has lived for some hours."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.logger import LogEvent, LogLevel, eventAsText, globalLogBeginner

from mailsuite.testing.scratch import in_memory, require_room, scratch_folder
from mailsuite.testing.world.run import ROOM
from mailsuite.testing.world.seeds import asked_for
from mailsuite.testing.world.town import Town
from mailsuite.testing.world.world import World


def pytest_configure() -> None:
    """Before anything is collected: a number of seeds that is none ends the run, with one line; so does a full disk."""
    try:
        asked_for(os.environ)
        require_room(in_memory(), ROOM)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    except OSError as error:
        raise pytest.UsageError(f"there is no room for a world: {error.strerror}") from None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which seeds it was that held, or did not."""
    done = (report for some in ("passed", "failed") for report in terminalreporter.stats.get(some, ()))
    if any("world/test_seeds.py::" in report.nodeid for report in done):
        seeds = asked_for(os.environ)
        terminalreporter.write_line(f"simulated worlds: seeds {seeds[0]} to {seeds[-1]}")


def _show(event: LogEvent) -> None:
    if event.get("log_level") is LogLevel.critical:
        print(eventAsText(event, includeTimestamp=False), file=sys.stderr)


@pytest.fixture(scope="session", autouse=True)
def log() -> None:
    """Until somebody begins to read its log Twisted keeps the latest events, and with a traceback a whole world."""
    globalLogBeginner.beginLoggingTo([_show], redirectStandardIO=False, discardBuffer=True)


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """Where the system has a place for that: nothing here waits for a disk."""
    with scratch_folder("mailsuite-worlds-", in_memory()) as folder:
        yield folder


@pytest.fixture
def scratch(memory: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def lived(scratch: Path) -> Callable[[int, float], World]:
    """A world of that seed whose people lived for so many hours without any fault, and which is over."""
    count = 0

    def live(seed: int, hours: float) -> World:
        nonlocal count
        count += 1
        (folder := scratch / str(count)).mkdir()
        with World(seed, str(folder)) as world:
            town = Town(world)
            town.start()
            town.live(hours)
            world.run(hours * 3600)
            town.settle()
        return world

    return live
