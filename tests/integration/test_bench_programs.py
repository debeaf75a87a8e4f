"""The programs in bench/ run, each with very little to do, and print what they promise.  No figure is judged: only that
it is one that can be."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench.program import Arguments

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "bench"
#: What the programs share, and no program.
SHARED = "program"
PROGRAMS = sorted(path.stem for path in BENCH.glob("*.py") if path.stem != SHARED)

#: In a line that is expected: a number above nothing, nothing or more, and whatever comes.
ABOVE, NUMBER, REST = "{+}", "{0}", "..."
_DIGITS = r"(\d[\d,]*(?:\.\d+)?)"

#: In place of the real one, which asks the network.
PIP_AUDIT = """
import json, re, sys
from pathlib import Path
files = [after for before, after in zip(sys.argv, sys.argv[1:]) if before == "-r"]
pinned = [pin for file in files for pin in re.findall(r"(?m)^([^=#\\s]+)==([^\\s;]+)", Path(file).read_text())]
weak = [{"id": "PYSEC-1", "fix_versions": ["9.9"]}]
known = [{"name": name, "version": version, "vulns": weak * (name == "requests")} for name, version in pinned]
print(json.dumps({"dependencies": known}))
"""


class Case(msgspec.Struct, frozen=True):
    """What to give a program, the lines that it prints, and what must be installed."""

    given: str
    lines: list[str]
    needs: str = ""


def of_mailbox(count: int, *steps: str) -> list[str]:
    return [f"{count} messages {step} {{0}} ms of CPU {{+}} ms" for step in steps]


def opened(count: int, *states: str) -> list[str]:
    line = "{0} s (of it the snapshot {0}), {0} of CPU, {+} us a message"
    held = f"{count} messages hold {{0}} MiB, peak {{0}} MiB"
    return [*(f"{count} messages {state} {line}" for state in states), held]


INGESTED = "30 messages of 965 octets to 2 accounts, 3 sessions: {+}/s"
CASES = {
    "audit": Case("", ["no weaknesses are known of what requirements.txt pins"]),
    "imap_core": Case(
        "--messages 20 --commands 10 --append 1 --runs 1",
        [
            "20 messages: build a view {0} ms",
            "20 messages: a view holds {0} MiB",
            "20 messages: opening lines {0} ms",
            "20 messages: resolve 1:* {0} ms",
            "20 messages: UID FETCH 1:* (FLAGS) rows {0} ms",
            "20 messages: FETCH 1:* (FLAGS) rows {0} ms",
            "20 messages: all flags change, half vanish, told {0} ms",
            "20 messages: rows of FLAGS INTERNALDATE SIZE ENVELOPE {0} ms",
            "20 messages: internal dates {0} ms",
            "10 NOOP {0} ms",
            "10 UID FETCH n (FLAGS BODY.PEEK[]) {0} ms",
            "1 MiB of APPEND in 64 KiB pieces {0} ms",
        ],
    ),
    "mime_scan": Case(
        "--messages 20",
        [
            "20 messages, {+} octets at the median",
            "summary, LF median {+} us p99 {+} us",
            "summary, CRLF median {+} us p99 {+} us",
            "ten header fields median {+} us p99 {+} us",
            "search in the body median {+} us p99 {+} us",
        ],
    ),
    "pop3_core": Case(
        "--commands 20 --messages 10 --listed 100",
        [
            "core: RETR of 4 KiB {+} us",
            "core: NOOP {+} us",
            "connection: RETR of 4 KiB, pipelined {+} us",
            "connection: RETR of 4 KiB, one by one {+} us",
            "connection: RETR of 1 MiB {+} us",
            "connection: TOP n 0 of 4 KiB, pipelined {+} us",
            "core: UIDL of 100 messages {+} us",
        ],
    ),
    "queue_large": Case(
        "--messages 20 --domains 2",
        [
            "start {0} s, {0} s of a processor, 20 messages",
            "memory {+} MiB, {+} of them before",
            "queue list {+} s, {+} s of a processor, {+} lines",
            "queue list --json {+} s, {+} s of a processor, {+} lines",
            "queue stats {+} s, {+} s of a processor, {+} lines",
            "queue list --domain domain1.example.net {+} s, {+} s of a processor, {+} lines",
            "memory at most {+} MiB",
        ],
    ),
    "queue_waiting": Case(
        "--messages 5",
        [
            "before {+} MiB, at most {+}, beside it {+}, together {+}; nothing waits",
            "accepted {+} MiB, at most {+}, beside it {+}, together {+}; {+} messages a second",
            *(
                f"{when} {{+}} MiB, at most {{+}}, beside it {{+}}, together {{+}}; 5 wait"
                for when in ("tried", "listed", "kicked")
            ),
        ],
        "smtp-source",
    ),
    "relay_send": Case("--messages 20 --runs 1", ["{+} us a message"]),
    "smtp_core": Case(
        "--messages 10 --size 1000 --runs 1",
        [f"{how}: {{+}} us a message of {{+}} octets" for how in ("answer by answer", "pipelined")],
    ),
    "smtp_crowd": Case(
        "--messages 10 --sessions 2 --crowd 4 --runs 1",
        [
            "alone {+}/s with 4 of 4 others still there {+}/s {+} MiB, {0} load",
            "median {+} and {+}: {+}% is left",
        ],
        "smtp-source",
    ),
    "smtp_limits": Case(
        "--messages 10 --connections 5 --runs 1",
        [
            "message, no checks at all: {+} us",
            "message, standard checks: {+} us",
            "message, and rates: {+} us",
            "message, and rates, IPv6: {+} us",
            "connection: {+} us",
            "connection, early talkers: {+} us",
        ],
    ),
    "smtp_receive": Case(
        "--messages 20 --sessions 2 --runs 1",
        ["connections used again: {+} us a message, {+}/s", "a connection a message: {+} us a message, {+}/s"],
        "smtp-source",
    ),
    "store_bulk": Case(
        "20 30 --runs 1",
        [
            line
            for count in (20, 30)
            for line in of_mailbox(
                *(count, "select", "status", "select again", "store all", "unstore all"),
                *("copy all", "delete all", "expunge all"),
            )
        ],
    ),
    "store_ingest": Case(
        "--messages 30 --sessions 3 --accounts 2 --size 1000 --watched",
        [
            INGESTED,
            "grown by {0} MiB at most",
            "a 1 ms timer late by {0} ms at the 99th percentile",
            "grown by {0} MiB after 5 s of rest",
            "closed in {0} s",
            "heard of 30 messages, listed the folder {+} times",
        ],
    ),
    "store_open": Case("20", opened(20, "copied in", "open already", "and again", "warm index", "without an index")),
    "track_cost": Case("--messages 20", ["reactor {+} us a message", "thread {+} us a message"]),
}


def as_pattern(line: str) -> str:
    """Of one whole line, whatever stands between its words."""
    text = r"\s+".join(re.escape(word) for word in line.replace(REST, "").split())
    for kind in (ABOVE, NUMBER):
        text = text.replace(re.escape(kind), rf"\s*{_DIGITS}")
    return rf"\s*{text}" + (".*" if line.endswith(REST) else r"\s*")


def is_as_promised(line: str, printed: str) -> bool:
    found = re.fullmatch(as_pattern(line), printed)
    kinds = re.findall(f"{re.escape(ABOVE)}|{re.escape(NUMBER)}", line)
    return found is not None and all(
        kind == NUMBER or float(figure.replace(",", "")) > 0 for kind, figure in zip(kinds, found.groups(), strict=True)
    )


def run(command: list[str], folder: str, also: str = "") -> subprocess.CompletedProcess[str]:
    """In ``folder``, where its temporary files are, too."""
    # Dovecot is in sbin, and takes longer to start than all the rest; its side has a test in test_figures.
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    environment = os.environ | {"TMPDIR": folder, "PATH": path, "PYTHONPATH": os.pathsep.join([also, str(ROOT)])}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_every_program_has_a_case() -> None:
    assert sorted(CASES) == PROGRAMS


@pytest.mark.parametrize("name", CASES)
def test_program_prints_what_it_promises_and_leaves_nothing(
    name: str, program: Callable[[str], str], tmp_path: Path
) -> None:
    case = CASES[name]
    if case.needs:
        program(case.needs)
    (tmp_path / "pip_audit.py").write_text(PIP_AUDIT)
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, which is too long for the name of a socket
        done = run(["-m", f"bench.{name}", *case.given.split()], folder, str(tmp_path))
        left = os.listdir(folder)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    printed = done.stdout.splitlines()
    assert len(printed) == len(case.lines), done.stdout
    wrong = [each for each in zip(case.lines, printed, strict=True) if not is_as_promised(*each)]
    assert wrong == []
    assert left == []


BOUND = """
import sys
from bench import {name} as program
program.MESSAGES = 5
program.PROMISED.update({promised})
sys.argv = ["{name}.py"]
sys.exit(program.main())
"""
BOUNDS = [
    ("queue_large", {"start": 1e6, "full listing": 1e6}, "memory at most {+} MiB, at most 300 MiB: held", 0),
    ("queue_large", {"memory at most": 1}, "memory at most {+} MiB, at most 1 MiB: FAILED", 1),
    ("queue_waiting", {}, "all processes {+} MiB, at most 150 MiB: held", 0),
    ("queue_waiting", {"its own process": 1}, "its own process {+} MiB, at most 1 MiB: FAILED", 1),
]


@pytest.mark.parametrize(("name", "promised", "line", "status"), BOUNDS)
def test_bound_stands_beside_the_figure_and_is_the_status(
    name: str, promised: dict[str, float], line: str, status: int, program: Callable[[str], str]
) -> None:
    program(CASES[name].needs or "true")
    with tempfile.TemporaryDirectory() as folder:
        done = run(["-c", BOUND.format(name=name, promised=promised)], folder)
    assert done.returncode == status, done.stderr
    assert [each for each in done.stdout.splitlines() if is_as_promised(line, each)], done.stdout


def test_what_is_promised_is_looked_at_closely() -> None:
    assert is_as_promised("reactor {+} us", "reactor    12.5 us ")
    assert is_as_promised("held {0} MiB", "held 0.0 MiB")
    assert not is_as_promised("reactor {+} us", "reactor     0.0 us")
    assert not is_as_promised("reactor {+} us", "reactor     nan us")
    assert not is_as_promised("reactor {+} us", "reactor    12.5 us a message")


def ended(name: str, given: list[str], monkeypatch: pytest.MonkeyPatch) -> object:
    """The status with which a program ends, run here."""
    path = str(BENCH / f"{name}.py")
    monkeypatch.setattr(sys, "argv", [path, *given])
    with pytest.raises(SystemExit) as how:
        runpy.run_path(path, run_name="__main__")
    return how.value.code


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_says_what_is_measured_and_how(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(name, ["--help"], monkeypatch) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: python -m bench.{name} ")
    assert "Prints " in text
    assert f"Example: ``python -m bench.{name} " in text.replace("\n", " ")
    shown, _, options = text.partition("\noptions:")
    for option in re.findall(r"^  (--[a-z]+)", options, re.MULTILINE):
        assert option in shown.partition("\n\n")[2], f"{option} is not in the docstring"


#: Make messages of any size.
SIZED = ("queue_waiting", "smtp_core", "smtp_receive", "store_ingest")
WRONG = [
    *((name, ["--nonsense"], "--nonsense") for name in PROGRAMS),
    ("audit", ["--requirements", "nowhere"], "there is no file nowhere"),
    ("mime_scan", ["--maildir", "."], "no messages in cur and new of ."),
    ("queue_large", ["--tried", "2"], "argument --tried: a share from 0 to 1, not '2'"),
    ("queue_large", ["--tried", "most"], "argument --tried: a share from 0 to 1, not 'most'"),
    ("relay_send", ["--messages", "5"], "of 5 messages 10 cannot come together"),
    ("smtp_core", ["--messages", "0"], "argument --messages: a whole number from 1 to 10,000,000, not '0'"),
    ("smtp_core", ["--messages", "10000001"], "a whole number from 1 to 10,000,000, not '10000001'"),
    *((name, ["--size", str(10**15)], f"a whole number from 1 to 33,554,432, not '{10**15}'") for name in SIZED),
    ("imap_core", ["--append", "257"], "argument --append: a whole number from 1 to 256, not '257'"),
    ("store_bulk", ["--profile", "nothing"], "invalid choice: 'nothing'"),
    ("store_bulk", ["many"], "argument COUNT: a whole number from 1 to 10,000,000, not 'many'"),
    ("store_open", ["--folder", "nowhere"], "nowhere is not a folder"),
]


@pytest.mark.parametrize(("name", "given", "words"), WRONG)
def test_wrong_argument_is_told_with_status_2(
    name: str, given: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(name, given, monkeypatch) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert shown.out == ""


def test_program_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(SystemExit) as how:
        Arguments("Text.").needs("smtp-source", "Postfix")
    assert how.value.code == 1
    assert "smtp-source is not installed; it comes with Postfix" in capsys.readouterr().err


def test_importing_does_nothing(tmp_path: Path) -> None:
    modules = ", ".join(f"bench.{name}" for name in PROGRAMS)
    done = run(["-c", f"import threading, {modules}; print(threading.active_count(), 'thread')"], str(tmp_path))
    assert (done.stdout, done.stderr) == ("1 thread\n", "")
    assert list(tmp_path.iterdir()) == []


def test_error_in_the_midst_ends_the_program(tmp_path: Path) -> None:
    """Though threads and another process are at work."""
    broken = (
        "import sys; from bench import store_ingest as program\n"
        "async def take(self, account, body): raise ValueError('broken on purpose')\n"
        "program.Server.take = take; sys.argv = ['store_ingest.py', '--messages', '30']; program.main()"
    )
    done = run(["-c", broken], str(tmp_path))
    assert done.returncode == 1
    assert "broken on purpose" in done.stderr
    assert list(tmp_path.iterdir()) == []


IN_THE_MIDST = """
import asyncio, os, signal, sys, time
from bench.program import end_in_order
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have it ignored
end_in_order()
async def wait():
    await asyncio.get_running_loop().create_future()
async def work():
    tasks = [asyncio.create_task(wait()) for _ in "ab"]
    asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
    await asyncio.wait_for(asyncio.gather(*tasks), 10)
try:
    asyncio.run(work())
finally:
    os.kill(os.getpid(), signal.SIGINT)  # impatient
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.05)
    print("in order")
"""


def test_ctrl_c_ends_with_a_line_and_whoever_repeats_it_disturbs_nothing(tmp_path: Path) -> None:
    done = run(["-c", IN_THE_MIDST], str(tmp_path))
    assert (done.returncode, done.stdout) == (130, "in order\n")
    assert done.stderr == "ended by SIGINT: what was started is stopped\n"
