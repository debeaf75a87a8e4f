"""Which seeds are tried, and how one is run alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import pytest

from mailsuite.errors import Temporary
from mailsuite.testing.world import run as running
from mailsuite.testing.world.run import PROGRAM, Outcome
from mailsuite.testing.world.seeds import FIRST, SEEDS, asked_for
from mailsuite.testing.world.trace import TraceFile

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


def test_a_signal_in_the_middle_of_a_line_waits_for_its_end(tmp_path: Path) -> None:
    file = TraceFile(str(tmp_path / "trace"))

    class Interrupted:
        """A file whose every write a signal interrupts, which then ends all."""

        def __init__(self, inner: TextIO) -> None:
            self.inner = inner

        def write(self, text: str) -> None:
            file.after_line(self.inner.close)
            self.inner.write(text)

    file.keep("one")
    file._file = Interrupted(file._file)  # type: ignore[assignment]
    file.keep("two")
    assert (tmp_path / "trace").read_text() == "one\ntwo\n"
    file.after_line((tmp_path / "trace").unlink)  # between two lines: at once
    assert not (tmp_path / "trace").exists()


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Octets that are free, one time after the other when somebody asks."""
    octets: list[int] = []
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=octets.pop(0)))
    monkeypatch.setattr(running, "_end_at_signals", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["run", "7"])
    yield octets
    assert octets == []


def test_a_full_disk_is_told_in_a_line(free: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    free.append(running.ROOM - 1)
    assert running.main() == 1
    told = capsys.readouterr()
    assert told.err == (
        f"{PROGRAM}: there is no room for a world: {tempfile.gettempdir()} has 64.0 MiB left, and 64 MiB are needed\n"
    )
    assert told.out == ""


def test_a_world_ends_when_the_disk_is_full(free: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    """Its servers would try to start again for all its days."""
    free += [running.ROOM, running.LEFT, 0, 0]
    assert running.main() == 1
    assert "there is no room for a world: " in capsys.readouterr().err


@pytest.mark.parametrize("fails", [True, False])
def test_a_disk_that_fills_meanwhile_is_no_fault_of_the_server(
    fails: bool, free: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def meanwhile(seed: int, folder: str, keep: object, room: object) -> Outcome:
        if fails:
            raise Temporary("database or disk is full")
        return Outcome(seed, ("a letter is lost",), "", "", "")

    monkeypatch.setattr(running, "run", meanwhile)
    free += [running.ROOM, 0] + [0] * (not fails)
    assert running.main() == 1
    assert "there is no room for a world: " in capsys.readouterr().err
    free += [running.ROOM, running.LEFT]
    if fails:
        with pytest.raises(Temporary):
            running.main()
    else:
        assert running.main() == 1
        assert "a letter is lost" in capsys.readouterr().out


def test_no_folder_for_a_world_is_told_in_a_line(tmp_path: Path) -> None:
    nowhere = {"TMPDIR": "/nowhere", "PYTHONPATH": str(ROOT)}
    words = "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/nowhere']; import sys; sys.argv[1:] = ['7']"
    program = f"{words}; from mailsuite.testing.world.run import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, env={**os.environ, **nowhere}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{PROGRAM}: there is no room for a world: No usable temporary directory")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_the_beginning_leaves_nothing_either(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mailsuite.testing.world.run", "13", "--trace", str(tmp_path / "trace")]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)})
    end = time.monotonic() + 60
    while not list(tmp_path.glob("mailsuite-world-*")):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.001)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert [each.name for each in tmp_path.iterdir()] == ["trace"]


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
