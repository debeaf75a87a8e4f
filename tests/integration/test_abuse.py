"""The abuse table (bench/abuse) at modest size against a real process; ``python -m bench.abuse`` runs it in full."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.abuse.attacks import TABLE
from bench.abuse.run import run
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
    if outcome.wrong and all(" took " in each for each in outcome.wrong):
        outcome = run(TABLE[name], instance, SCALE)  # somebody else may have had the machine for a second
    if outcome.skipped:
        pytest.skip(outcome.met)
    assert not outcome.wrong
