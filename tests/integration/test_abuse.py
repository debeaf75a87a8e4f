"""The abuse table (bench/abuse) at modest size against a real process; ``python -m bench.abuse`` runs it in full."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.abuse.attacks import TABLE
from bench.abuse.case import LONGEST_WAIT, Case
from bench.abuse.imap_input import is_strange
from bench.abuse.run import aim_at, calm_wait, run
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
