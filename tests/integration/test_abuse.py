"""The abuse table (bench/abuse) at modest size against a real process; ``python -m bench.abuse`` runs it in full."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.abuse import __main__ as program
from bench.abuse.attacks import TABLE
from bench.abuse.case import LONGEST_WAIT, Case
from bench.abuse.imap_input import is_strange
from bench.abuse.run import Attacked, aim_at, calm_wait, run
from bench.abuse.target import target
from mailsuite.testing.instance import Instance

#: Of the sizes that the cases say.
SCALE = 0.05


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with tempfile.TemporaryDirectory(prefix="abuse") as folder, target(Path(folder) / "server") as running:
        yield running


@pytest.mark.parametrize("name", TABLE)
def test_bound_holds_and_a_polite_client_is_served(name: str, instance: Instance) -> None:
    outcome = run(TABLE[name], instance, SCALE)
    for _ in range(2):  # somebody else may have the machine, too: what he costs does not count
        if outcome.wrong and all(" took " in each for each in outcome.wrong):
            outcome = run(TABLE[name], instance, SCALE, LONGEST_WAIT + 4 * calm_wait(instance))
    if outcome.skipped:
        pytest.skip(outcome.met)
    assert not outcome.wrong


def test_what_does_not_hold_is_told(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.abuse.run.MOST_MEMORY", 1 << 20)
    raises = Case("there_is_no_such_attack", "none", lambda aim: "")
    fault, memory, wait = run(raises, instance, SCALE, longest=0.0).wrong
    assert "KeyError: 'there_is_no_such_attack'" in fault
    assert memory.endswith(" MiB")
    assert " took " in wait


def test_a_case_that_goes_on_has_failed_and_the_next_runs(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def impatient(case: Case, instance: Instance, scale: float) -> object:
        return run(case, instance, scale, 20.0, 0.05 if case.name == "huge_dns_answers" else 60.0)

    monkeypatch.setattr(program, "run", impatient)
    assert program.table(["huge_dns_answers", "tag_of_a_megabyte"], instance, SCALE) == 1
    shown = capsys.readouterr().out
    assert re.search(
        "(?m)^huge_dns_answers +FAILED .*\n    the attack was not over after 0.05 s, and was ended$", shown
    )
    assert re.search("(?m)^tag_of_a_megabyte +held ", shown)


def test_a_case_that_ends_the_server_has_failed_and_the_next_finds_another(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fatal(*_: object) -> Attacked:
        os.kill(instance.pid, signal.SIGKILL)
        instance.wait_until(lambda: instance.ended() is not None, 10, "its end")
        return Attacked("killed it")

    monkeypatch.setattr("bench.abuse.run.attack", fatal)
    outcome = run(TABLE["tag_of_a_megabyte"], instance, SCALE)
    assert "the server ended, with status -9" in outcome.wrong
    assert instance.ended() is None


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "101", "much"])
def test_a_scale_that_is_none_is_refused_in_words(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["abuse", "--list", f"--scale={wrong}"])
    with pytest.raises(SystemExit) as how:
        program.main()
    assert how.value.code == 2
    told = capsys.readouterr().err
    assert f"argument --scale: more than 0 and at most 100, not {wrong}" in told or "invalid scale value" in told


def test_help_says_what_every_option_does() -> None:
    shown = program.arguments().format_help()
    assert shown.startswith("usage: python -m bench.abuse ")
    assert "Examples: ``python -m bench.abuse --list``" in shown
    assert all(action.help for action in program.arguments()._actions)


@pytest.mark.parametrize(
    ("path", "strange"),
    [
        ("store/demo.test/mallory/Maildir/.x/", False),
        ("store/demo.test/demo/Maildir/new/1.M2", False),
        ("store/demo.test/demo/Maildir/.x/", True),
        ("store/demo.test/mallory2/", True),
        ("store/x", True),
        ("queue/state/237vmv", False),
        ("queue/victim/", True),
        ("store/demo.test/demo/index.sqlite-wal", False),
        ("directory.sqlite-wal", False),
        ("etc/", True),
    ],
)
def test_what_a_climbing_name_leaves_is_told_from_what_the_server_makes(
    path: str, strange: bool, instance: Instance
) -> None:
    assert is_strange(path, aim_at(instance, SCALE)) is strange
