"""Many towns, much that goes wrong: everything that was promised is kept.  ``make simulate`` (docs/simulation.md)."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mailsuite.testing.world.run import run

#: How many; ``make simulate SEEDS=n`` sets it.
SEEDS = int(os.environ.get("MAILSUITE_WORLD_SEEDS", "200"))
#: Seeds of one test.
SOME = 10


@pytest.mark.parametrize("first", range(0, SEEDS, SOME))
def test_what_was_promised_is_kept(first: int, scratch: Path) -> None:
    failed = []
    for seed in range(first, min(first + SOME, SEEDS)):
        with TemporaryDirectory(dir=scratch) as folder:
            outcome = run(seed, folder)
        if outcome.problems:
            failed.append(f"{outcome.tail}\n{outcome}")
    assert not failed, "\n\n".join(failed)
