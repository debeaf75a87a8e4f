"""The abuse table (bench/abuse) at modest size against a real process; ``python -m bench.abuse`` runs it in full."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.abuse.attacks import TABLE
from bench.abuse.case import LONGEST_WAIT
from bench.abuse.run import calm_wait, run
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
