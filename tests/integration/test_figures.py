"""What is written of figures, and that each part can be run alone and small."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from bench.figures.__main__ import PARTS, main, what
from bench.figures.chart import draw
from bench.figures.figure import Figure, Part, Wanted, in_turns, keep, results
from bench.figures.figure import part as made
from bench.figures.page import page
from bench.figures.servers import can_have

DOCS = Path(__file__).parents[2] / "docs"
RATE = Figure("delivered", "/s", 3000.0, "Postfix", 1000.0)
WAIT = Figure("told", "ms", 20.0, "Dovecot", 10.0)
ALONE = Figure("at rest", "MiB", 60.0)


def part(*figures: Figure) -> Part:
    return Part(list(figures), "(1 run.)", "2026-11-21 18:00 UTC", "2 processors", "Python 3", 0.1)


@pytest.mark.parametrize(("figure", "times"), [(RATE, 3.0), (WAIT, 0.5), (ALONE, 0.0)])
def test_more_a_second_is_better_and_longer_is_worse(figure: Figure, times: float) -> None:
    assert figure.times == times


def test_page_tells_figures_machine_and_date() -> None:
    text = page({"ingest": part(RATE), "memory": part(ALONE)}, True, {"ingest": "Takes.", "memory": "Holds."})
    assert "| delivered (/s) | 3,000 | 1,000 | Postfix | 3 |" in text
    assert "| at rest (MiB) | 60 | |  |  |" in text
    assert "2 processors; Python 3; 2026-11-21 18:00 UTC, load before 0.1." in text
    assert "](benchmarks.png)" in text
    assert "](benchmarks.png)" not in page({"ingest": part(RATE)}, False, {"ingest": "Takes."})


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


def test_every_part_says_what_it_does() -> None:
    assert all(what(name).endswith(".") for name in PARTS)
    assert Wanted(0.001).count(500) == 1


def test_a_part_runs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.figures.sessions.can_have", lambda _: False)
    path = tmp_path / "results.json"
    monkeypatch.setattr(
        sys, "argv", ["figures", "push", "--size", "0.02", "--runs", "1", "--results", str(path), "--page"]
    )
    assert main() == 0
    assert [figure.unit for figure in results(path)["push"].figures] == ["ms", "ms"]
    assert "## push" in (tmp_path / "benchmarks.md").read_text()


def test_a_part_that_cannot_be_measured_does_not_keep_others_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def other(wanted: Wanted) -> list[Figure]:
        """Rests."""
        return [ALONE]

    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setitem(PARTS, "memory", other)
    path = tmp_path / "results.json"
    order = ["figures", "--results", str(path), "--page", "ingest"]
    monkeypatch.setattr(sys, "argv", [*order, "memory"])
    assert main() == 0
    assert list(results(path)) == ["memory"]
    assert "## memory" in (tmp_path / "benchmarks.md").read_text()
    monkeypatch.setattr(sys, "argv", order)
    assert main() == 1
    assert capsys.readouterr().err.count("ingest  is left out: smtp-source is not installed (Debian: postfix)\n") == 2


def test_versions_are_those_of_what_was_measured() -> None:
    assert "Dovecot" not in made([ALONE], "(1 run.)", 0.0).versions
    assert "Twisted" in made([ALONE], "(1 run.)", 0.0).versions


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


def test_an_unknown_part_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["figures", "imape"])
    with pytest.raises(SystemExit):
        main()
    assert "there is no part imape; there are ingest, relay, imap" in capsys.readouterr().err


def test_small_figures_keep_their_digits() -> None:
    (figure,) = in_turns(1, {"x": "s"}, lambda: {"x": 0.000_264_51}, None, "")
    assert figure.ours == 0.000_264_5


@pytest.mark.skipif(not (DOCS / "benchmarks.json").exists(), reason="nothing was measured yet")
def test_the_page_in_docs_is_that_of_its_results() -> None:
    known = results(DOCS / "benchmarks.json")
    kept = {name: known[name] for name in PARTS if name in known}
    assert (DOCS / "benchmarks.md").read_text() == page(kept, True, {name: what(name) for name in kept})
    assert msgspec.json.encode(known)
