"""Nothing that was acknowledged is lost, whatever the instant of the power cut: docs/durability.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import SEEDS
from crash_proof import Proof, Recording
from crash_scenarios import SCENARIOS

#: Where a start does so much that all its images take long; ``make crash`` tries them.
FEWER = {"takeover": {"limit": 4, "again": 0}, "without a journal": {"limit": 4, "again": 0}}


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", [each.name for each in SCENARIOS])
def test_what_was_acknowledged_is_there_after_a_power_cut(
    name: str, seed: int, recorded: Callable[[str], Recording], proof: Callable[..., Proof]
) -> None:
    settings = FEWER.get(name, {}) if seed < 2 else {}
    failure = next(proof(seed, **settings).failures(recorded(name)), None)
    assert failure is None, f"\n{failure}"


@pytest.mark.parametrize("name", ["restart in order", "flags", "expunge"])
def test_the_age_of_the_index_does_not_matter(
    name: str, recorded: Callable[[str], Recording], proof: Callable[..., Proof]
) -> None:
    every_index = proof(0, limit=1, again=0, go_on=0.0, all_indexes=True)
    failure = next(every_index.failures(recorded(name)), None)
    assert failure is None, f"\n{failure}"
