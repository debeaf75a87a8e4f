"""Programs of bench/ that start servers, ended by a signal: at no moment does anything run on, and one line tells."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.abuse.memory import family

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "abuse": ["bench.abuse", "tag_of_a_megabyte"],
    "figures": ["bench.figures", "memory", "--runs", "1", "--patience", "0", "--results", "figures.json"],
    "soak": ["bench.soak", "--minutes", "1"],
}


def until(found: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 20
    while not found():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.002)


def words(pid: int) -> bytes:
    """Its command line; empty if it is no more, or ended and waits to be asked for."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def has(pid: int, program: bytes) -> bool:
    """Whether one of its family runs it."""
    return any(program in words(one) for one in family(pid) if one != pid)


def starting(program: subprocess.Popen[str]) -> None:
    until(lambda: has(program.pid, b"twistd\0"), "a server that starts")


def named(program: subprocess.Popen[str]) -> None:
    """A name server of the abuse is there."""
    until(lambda: has(program.pid, b"bench.abuse.zones"), "a name server")


def running(program: subprocess.Popen[str]) -> None:
    """All of the server is there, for a while."""
    starting(program)
    time.sleep(4)


MOMENTS = [
    ("abuse", named, signal.SIGINT),
    ("abuse", starting, signal.SIGINT),
    ("soak", starting, signal.SIGTERM),
    ("soak", running, signal.SIGINT),
    ("abuse", starting, signal.SIGHUP),
    ("figures", starting, signal.SIGINT),
]


@pytest.mark.parametrize(("name", "moment", "number"), MOMENTS)
def test_all_that_was_started_ends(
    name: str, moment: Callable[[subprocess.Popen[str]], None], number: signal.Signals
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"TMPDIR": folder, "PYTHONPATH": str(ROOT)}
        # Ctrl-C goes to all of the terminal's group; and who runs the tests may have these ignored (nohup)
        heard = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGINT, signal.SIGHUP)}
        pipe = subprocess.PIPE
        program = subprocess.Popen(
            [sys.executable, "-m", *PROGRAMS[name]],
            cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True,
        )  # fmt: skip
        for each, before in heard.items():
            signal.signal(each, before)
        try:
            moment(program)
            started = list(family(program.pid))
            os.killpg(program.pid, number)
            _, told = program.communicate(timeout=40)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
        assert program.returncode == 128 + number
        assert told == f"ended by {number.name}: what was started is stopped\n"
        until(lambda: not any(words(one) for one in started), "the end of all")
        assert os.listdir(folder) == []
