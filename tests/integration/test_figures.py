"""What is written of figures, and that each part can be run alone and small."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench import queue_large
from bench.figures import calm, imap, large
from bench.figures.__main__ import PARTS, PEERS, arguments, main, what
from bench.figures.chart import draw
from bench.figures.daemon import daemon, runs
from bench.figures.figure import Figure, Measurement, Part, Wanted, broken, in_turns, keep, results
from bench.figures.figure import part as made
from bench.figures.mailbox import in_words, maildir
from bench.figures.page import page
from bench.figures.rest import until_at_rest
from bench.figures.servers import can_have
from bench.figures.sessions import push

DOCS = Path(__file__).parents[2] / "docs"
RATE = Figure("delivered", "/s", 3000.0, "Postfix", 1000.0)
WAIT = Figure("told", "ms", 20.0, "Dovecot", 10.0)
ALONE = Figure("at rest", "MiB", 60.0)


def part(*figures: Figure, alone: str = "") -> Part:
    return Part(list(figures), "9 each; 1 run", "2026-11-21 18:00 UTC", "2 processors", "Python 3", "calm", alone)


def rest(wanted: Wanted) -> Measurement:
    """Rests."""
    return Measurement(f"{wanted.count(10)} naps", [ALONE])


@pytest.fixture(autouse=True)
def _calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may use the machine while this is tested."""
    monkeypatch.setattr("bench.figures.calm.wait", lambda patience: f"waited {patience:g} s")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The program with these arguments; its status."""

    def program(*given: object) -> int:
        monkeypatch.setattr(sys, "argv", ["figures", *map(str, given)])
        return main()

    monkeypatch.setenv("PATH", os.environ["PATH"])  # is put back
    return program


@pytest.mark.parametrize(("figure", "times"), [(RATE, 3.0), (WAIT, 0.5), (ALONE, 0.0)])
def test_more_a_second_is_better_and_longer_is_worse(figure: Figure, times: float) -> None:
    assert figure.times == times


def test_page_tells_figures_machine_and_date() -> None:
    parts = {"ingest": part(RATE), "memory": part(ALONE, alone="Postfix was not measured: only root can start it")}
    text = page(parts, "my.png", {"ingest": "Takes.", "memory": "Holds."})
    assert "Takes. (9 each; 1 run)\n\n| |" in text
    assert "Holds. (9 each; 1 run)\n\n**Postfix was not measured: only root can start it.**\n\n| |" in text
    assert "| delivered (/s) | 3,000 | 1,000 | Postfix | 3 |" in text
    assert "| at rest (MiB) | 60 | |  |  |" in text
    assert "2 processors; Python 3; 2026-11-21 18:00 UTC; calm." in text
    assert "](my.png)" in text
    assert ".png)" not in page({"ingest": part(RATE)}, "", {"ingest": "Takes."})


@pytest.mark.parametrize(
    ("ours", "theirs", "cells"),
    [
        (0.000495, 0.0515, "0.000495 | 0.0515 | Dovecot | 104"),
        (0.0000264, 0.00002651, "0.0000264 | 0.0000265 | Dovecot | 1"),
        (12.0, 1196.0, "12 | 1,196 | Dovecot | 100"),
        (1.0, 9.96, "1 | 9.96 | Dovecot | 10"),
        (10.0, 99.97, "10 | 100 | Dovecot | 10"),
        (2.0, 0.3141, "2 | 0.314 | Dovecot | 0.16"),
        (1.0, 123456.7, "1 | 123,457 | Dovecot | 123,457"),
    ],
)
def test_figures_are_plain_numbers(ours: float, theirs: float, cells: str) -> None:
    assert f"| x (s) | {cells} |" in page({"imap": part(Figure("x", "s", ours, "Dovecot", theirs))}, "", {"imap": "."})


FULL = Figure("listing", "s", 2.5, most=3.0)
OVER = Figure("start", "s", 5.5, most=5.0)


def test_page_tells_what_was_promised_and_whether_it_held() -> None:
    text = page({"queue": part(FULL, OVER)}, "", {"queue": "Waits."})
    assert "| | mailsuite | at most | |\n" in text
    assert "| listing (s) | 2.5 | 3 | held |\n" in text
    assert "| start (s) | 5.5 | 5 | **FAILED** |\n" in text


@pytest.mark.parametrize(("figures", "status"), [([FULL, ALONE], 0), ([FULL, OVER], 1)])
def test_promise_that_does_not_hold_is_told_and_is_the_status(
    figures: list[Figure],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    run: Callable[..., int],
) -> None:
    def many(wanted: Wanted) -> Measurement:
        """Waits."""
        return Measurement("many", figures, runs=1)

    monkeypatch.setitem(PARTS, "queue", many)
    path = tmp_path / "results.json"
    assert run("--results", path, "--page", "queue") == status
    told = capsys.readouterr()
    assert ("at most 3 s: held" in told.out, "at most 5 s: FAILED" in told.out) == (True, bool(status))
    assert told.err == "queue: start: 5.5 s, and 5 at most was promised\n" * status
    assert "Waits. (many; 1 run)" in (tmp_path / "results.md").read_text()


def test_nothing_is_promised_of_another_amount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = dict.fromkeys(queue_large.UNITS, 1e9)
    monkeypatch.setattr(queue_large, "write", lambda *_: None)
    monkeypatch.setattr(queue_large, "measure", lambda *_: measured)
    assert len(broken(PARTS["queue"](Wanted(1.0, 1)).figures)) == 3
    assert broken(PARTS["queue"](Wanted(0.5, 1)).figures) == []
    assert PARTS["queue"](Wanted(0.5, 1)).workload == "50,000 messages to 1,000 domains"


def test_sides_take_turns_and_the_median_counts() -> None:
    turns: list[str] = []
    values = iter([1.0, 5.0, 9.0, 2.0, 3.0, 4.0])

    def side(name: str) -> dict[str, float]:
        turns.append(name)
        return {"x": next(values)}

    (figure,) = in_turns(3, {"x": "s"}, lambda: side("ours"), lambda: side("theirs"), "Peer")
    assert turns == ["ours", "theirs"] * 3
    assert (figure.ours, figure.theirs) == (3.0, 4.0)


def test_a_part_replaces_its_own_results_only(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    keep(path, "ingest", part(RATE))
    keep(path, "push", part(WAIT))
    keep(path, "ingest", part(ALONE))
    assert results(path) == {"ingest": part(ALONE), "push": part(WAIT)}


def test_chart_is_drawn_where_it_can_be(tmp_path: Path) -> None:
    assert not draw(tmp_path / "x.png", {"memory": part(ALONE)})
    assert draw(tmp_path / "x.png", {"ingest": part(RATE), "push": part(WAIT)})
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("home", [{}, {"HOME": "/proc/nowhere"}])
def test_chart_is_drawn_where_there_is_no_home(home: dict[str, str], tmp_path: Path) -> None:
    keep(tmp_path / "x.json", "ingest", part(RATE))
    without = {key: value for key, value in os.environ.items() if key not in ("HOME", "MPLCONFIGDIR")}
    (scratch := tmp_path / "scratch").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "bench.figures", "--page", "--results", str(tmp_path / "x.json")],
        cwd=DOCS.parent, env=without | home | {"TMPDIR": str(scratch)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert list(scratch.iterdir()) == []


def test_a_chart_that_cannot_be_drawn_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not draw(tmp_path / "x.png", {"ingest": part(RATE)})
    assert capsys.readouterr().err.startswith(f"{tmp_path}/x.png is not drawn: ")


def test_every_part_says_what_it_does() -> None:
    assert all(what(name).endswith(".") for name in PARTS)
    assert Wanted(0.001).count(500) == 1


def test_a_part_runs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., int]) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    path = tmp_path / "mine.json"
    assert run("push", "--size", "0.02", "--runs", "1", "--patience", "7", "--results", path, "--page") == 0
    kept = results(path)["push"]
    assert [(figure.name, figure.unit) for figure in kept.figures] == [
        ("half of them told", "ms"),
        ("all of them told", "ms"),
        ("half of 10 told", "ms"),
        ("all of 10 told", "ms"),
    ]
    assert kept.how.startswith("2 sessions, of ")
    assert kept.how.endswith("one message of 24 octets; 1 run at 0.02 of the usual size")
    assert kept.before == "waited 7 s"
    text = (tmp_path / "mine.md").read_text()
    assert "## push" in text
    assert "**Dovecot was not measured: only root can start it.**" in text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.json", "mine.md"]


def test_parts_of_imap_measure_all_their_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., int]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("bench.figures.imap.BEHIND", 0.1)
    monkeypatch.setattr("bench.figures.large.LEAVE", 0.1)
    monkeypatch.setattr("bench.figures.rest.WINDOW", 0.01)
    path = tmp_path / "mine.json"
    small = ["--size", "0.01", "--runs", "1", "--results", path]
    assert run("imap", *small) == run("found", *small) == run("large", "--size", "0.01", *small[2:]) == 0
    kept = results(path)
    steps = {name: [(figure.name, figure.unit) for figure in kept[name].figures] for name in kept}
    assert steps["imap"] == list(imap.UNITS.items())
    assert steps["found"] == [(name, "s") for name in imap.FIRST]
    assert steps["large"] == list(large.UNITS.items())
    assert all(figure.ours > 0 for one in kept.values() for figure in one.figures)


def test_sessions_that_wait_are_no_more_than_a_peer_can_be_told_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.figures.sessions._beside_dovecot", lambda *_: [])
    monkeypatch.setattr("bench.figures.sessions.INSTANCES", tmp_path / "limit")
    (tmp_path / "limit").write_text("31\n")
    assert push(Wanted(1)).workload.startswith("3 sessions, of 31 instances; ")
    (tmp_path / "limit").write_text("128\n")
    assert push(Wanted(1)).workload.startswith("100 sessions, of 128 instances; ")
    assert push(Wanted(0.05)).workload.startswith("5 sessions, of 128 instances; ")


def test_a_mailbox_is_told_by_its_size() -> None:
    with maildir(3) as folder:
        octets = sum(path.stat().st_size for path in (folder / "cur").iterdir())
        assert in_words(folder).startswith(f"3 messages, {octets / 1e6:.1f} MB in all, the largest ")


def test_a_part_that_cannot_be_measured_does_not_keep_others_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: Callable[..., int]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setitem(PARTS, "memory", rest)
    path = tmp_path / "results.json"
    order = ["--results", path, "--page", "ingest"]
    assert run(*order, "memory") == 0
    assert list(results(path)) == ["memory"]
    assert "## memory\n\nRests. (10 naps; 3 runs)" in (tmp_path / "results.md").read_text()
    assert run(*order) == 1
    assert capsys.readouterr().err.count("ingest  is left out: smtp-source is not installed (Debian: postfix)\n") == 2


def test_figures_beside_a_peer_are_not_replaced_by_such_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: Callable[..., int]
) -> None:
    monkeypatch.setitem(PARTS, "ingest", rest)
    monkeypatch.setitem(PARTS, "memory", rest)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    path = tmp_path / "results.json"
    keep(path, "ingest", part(RATE))
    before = path.read_bytes()
    assert run("--results", path, "--page", "memory", "ingest") == 1
    assert path.read_bytes() == before
    assert not (tmp_path / "results.md").exists()
    told = capsys.readouterr().err
    assert "has figures of ingest beside Postfix, which would be lost: postfix: only root can start it\n" in told
    assert "name another file with --results" in told
    assert run("--results", tmp_path / "other.json", "ingest") == 0
    assert run("--results", tmp_path / "other.json", "ingest") == 0  # nothing is lost there
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/sbin/{name}")
    assert run("--results", path, "ingest") == 0


def test_no_page_is_made_of_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Callable[..., int]
) -> None:
    path = tmp_path / "none.json"
    assert run("--page", "--results", path) == 1
    assert f"there are no figures in {path}: python -m bench.figures --results {path}\n" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_holds_no_figures_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Callable[..., int]
) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"ingest": 5}')
    assert run("--page", "--results", path) == 1
    assert f"{path} holds no figures: " in capsys.readouterr().err
    assert path.read_text() == '{"ingest": 5}'


WRONG = [
    (["--patience", "-1"], "argument --patience: seconds from 0 to 3,600, not '-1'"),
    (["--patience", "long"], "argument --patience: seconds from 0 to 3,600, not 'long'"),
    (["--size", "0"], "argument --size: from 0.01 to 100, not '0'"),
    (["--size", "big"], "argument --size: from 0.01 to 100, not 'big'"),
    (["--runs", "few"], "argument --runs: a whole number from 1 to 10,000,000, not 'few'"),
    (["--size", "0.5"], "figures of less than the usual size are not for docs/benchmarks.json"),
    (["--results", "nowhere/x.json"], "nowhere is no folder"),
    (["--results", "/tmp"], "/tmp is a folder"),
    (["--results", "/proc/x.json"], "name another file with --results"),
    (["--results", "docs.md"], "docs.md would be the page or its chart"),
    (["imape"], "there is no part imape; there are ingest, relay, imap"),
]


@pytest.mark.parametrize(("given", "words"), WRONG)
def test_wrong_arguments_are_refused_in_words(
    given: list[str], words: str, capsys: pytest.CaptureFixture[str], run: Callable[..., int]
) -> None:
    with pytest.raises(SystemExit) as how:
        run(*given)
    assert how.value.code == 2
    assert words in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: Callable[..., int]
) -> None:
    monkeypatch.setattr("os.access", lambda path, _: path != tmp_path)
    with pytest.raises(SystemExit):
        run("--results", tmp_path / "x.json", "memory")
    assert f"{tmp_path} cannot be written: name another file with --results" in capsys.readouterr().err


def test_help_says_what_every_option_does() -> None:
    shown = arguments().format_help()
    assert "Examples: ``python -m bench.figures push --runs 1" in shown
    assert all(action.help for action in arguments()._actions)
    assert set(PEERS) == set(PARTS)


def test_versions_are_those_of_what_was_measured() -> None:
    alone = made(Measurement("9 each", [ALONE]), "1 run", "calm")
    assert "Dovecot" not in alone.versions
    assert "Twisted" in alone.versions


@pytest.mark.parametrize(
    ("program", "user", "why"), [("dovecot", 1000, "only root"), ("none-such", 0, "not installed")]
)
def test_a_peer_that_is_left_out_is_named(
    program: str, user: int, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", {"dovecot": "/usr/sbin/dovecot"}.get)
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert not can_have(program)
    assert f"{program} is left out" in (told := capsys.readouterr().err)
    assert why in told


def test_a_peer_need_not_have_every_figure() -> None:
    both, alone = in_turns(1, {"x": "s", "y": "s"}, lambda: {"x": 1.0, "y": 2.0}, lambda: {"x": 2.0}, "Peer")
    assert (both.peer, both.times) == ("Peer", 2.0)
    assert (alone.peer, alone.times) == ("", 0.0)


def test_a_server_is_at_rest_when_it_does_nothing() -> None:
    ticks = iter([0.0, 1.0, 1.5, 1.501])
    naps: list[float] = []
    until_at_rest(1, lambda _: next(ticks), naps.append)
    assert naps == [0.3] * 3


def test_small_figures_keep_their_digits() -> None:
    (figure,) = in_turns(1, {"x": "s"}, lambda: {"x": 0.000_264_51}, None, "")
    assert figure.ours == 0.000_264_5


@pytest.mark.skipif(not (DOCS / "benchmarks.json").exists(), reason="nothing was measured yet")
def test_the_page_in_docs_is_that_of_its_results() -> None:
    known = results(DOCS / "benchmarks.json")
    kept = {name: known[name] for name in PARTS if name in known}
    assert (DOCS / "benchmarks.md").read_text() == page(kept, "benchmarks.png", {name: what(name) for name in kept})
    assert msgspec.json.encode(known)


def test_a_machine_is_waited_for_until_it_is_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    now = iter(range(100))
    shares = iter([0.9, 0.5, 0.04])
    assert calm.wait(60, lambda: next(shares), lambda: float(next(now))) == "4% of the processors busy before"
    never = calm.wait(3, lambda: 0.73, lambda: float(next(now)))
    assert never == "the machine was never calm in 3 s before: 73% of its processors were busy"
    assert 0 <= calm.busy(0.05) <= 1


STARTS = """
import os, subprocess, sys
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
open("id", "w").write(str(sleeper.pid))
if {ended}:
    os.kill(os.getppid(), 15)
"""
STOPS = "import os; os.kill(int(open('id').read()), 15)"


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("stops", [STOPS, "", "raise SystemExit(1)"])
def test_what_runs_in_the_background_ends_whatever_happens(
    ended: bool, stops: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.figures.daemon.ENDING", 20.0 if stops == STOPS else 2.0)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    python = [sys.executable, "-c"]
    ran = False
    with contextlib.suppress(SystemExit), daemon([*python, STARTS.format(ended=ended)], [*python, stops], Path("id")):
        ran = runs(int(Path("id").read_text()))
    signal.signal(signal.SIGTERM, before)
    assert ran is not ended
    assert not runs(int(Path("id").read_text()))
    assert ("killed" in capsys.readouterr().err) is (stops != STOPS)


def test_what_has_just_begun_runs_and_what_has_ended_does_not() -> None:
    for _ in range(20):
        with subprocess.Popen(["sleep", "9"]) as began:
            assert runs(began.pid)
            began.kill()
            os.waitid(os.P_PID, began.pid, os.WEXITED | os.WNOWAIT)
            assert not runs(began.pid)
        assert not runs(began.pid)
    assert not runs(0)


def test_what_does_not_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError), daemon(["false"], ["true"], tmp_path / "id"):
        raise AssertionError("not reached")
