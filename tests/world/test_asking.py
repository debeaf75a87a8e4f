"""Which seeds are tried, and how one is run alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailsuite.testing.world.run import PROGRAM, Outcome
from mailsuite.testing.world.seeds import FIRST, SEEDS, asked_for

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("environment", "seeds"),
    [
        ({}, range(200)),
        ({SEEDS: "5000"}, range(5000)),
        ({SEEDS: "3", FIRST: "1000"}, range(1000, 1003)),
        ({FIRST: "1750000000"}, range(1_750_000_000, 1_750_000_200)),
    ],
)
def test_seeds_are_those_that_were_asked_for(environment: dict[str, str], seeds: range) -> None:
    assert asked_for(environment) == seeds


@pytest.mark.parametrize("name", [SEEDS, FIRST])
@pytest.mark.parametrize("text", ["", "abc", "-1", "1.5", "1 2", "٣", "9" * 13, "9" * 5000])
def test_what_is_no_number_of_seeds_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{name.rpartition('_')[2]} is a whole number from"):
        asked_for({name: text})


def test_no_seeds_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to"):
        asked_for({SEEDS: "0"})


def simulate(**variables: str) -> subprocess.CompletedProcess[str]:
    """As ``make simulate`` does it, of one test file."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/world/test_seeds.py"]
    return subprocess.run(
        command, check=False, env={**os.environ, **variables}, cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("text", ["0", "abc"])
def test_a_run_of_no_seeds_fails_and_says_why(text: str) -> None:
    done = simulate(**{SEEDS: text})
    assert done.returncode not in (0, 1)  # 1: some test failed
    assert f"SEEDS is a whole number from 1 to 1000000, not '{text}'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_run_begins_with_the_first_seed_that_was_asked_for() -> None:
    done = simulate(**{SEEDS: "2", FIRST: "7"})
    assert done.returncode == 0, done.stdout
    assert "simulated worlds: seeds 7 to 8" in done.stdout


def replay(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mailsuite.testing.world.run", *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)


def test_a_failure_says_how_to_run_its_seed_again() -> None:
    assert f"({PROGRAM} 1234)" in str(Outcome(1234, ("a problem",), "", "", ""))


def test_help_names_the_trace_and_an_example() -> None:
    words = " ".join(replay("--help").stdout.split())
    assert "--trace FILE" in words
    assert f"Example: {PROGRAM} 91 --trace /tmp/91" in words


@pytest.mark.parametrize("text", ["abc", "-5"])
def test_what_is_no_seed_is_refused(text: str) -> None:
    done = replay("--", text)
    assert (done.returncode, f"not '{text}'" in done.stderr) == (2, True)


def test_the_whole_trace_is_written(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    done = replay("7", "--trace", str(path))
    assert done.returncode == 0
    lines = path.read_text().splitlines()
    assert lines[0].endswith("a.test: starts")
    assert lines[-1].endswith(".test: stopped")


@pytest.mark.parametrize(
    ("path", "words"),
    [("/nowhere/at/all", "No such file or directory"), ("/", "Is a directory"), ("/dev/full", "No space left")],
)
def test_a_trace_that_cannot_be_written_is_an_error(path: str, words: str) -> None:
    done = replay("7", "--trace", path)
    assert done.returncode == 1
    assert f"{PROGRAM}: cannot write the trace to {path}: {words}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mailsuite.testing.world.run", "13", "--trace", str(tmp_path / "trace")]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)})
    end = time.monotonic() + 60
    while not list(tmp_path.glob("mailsuite-world-*/a.test/disk-1/store")):  # it lives
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert [each.name for each in tmp_path.iterdir()] == ["trace"]
    assert (tmp_path / "trace").stat().st_size
