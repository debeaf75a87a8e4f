"""Many towns, much that goes wrong: everything that was promised is kept.  ``make simulate`` (docs/simulation.md)."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mailsuite.testing.world.run import run
from mailsuite.testing.world.seeds import asked_for

#: ``make simulate SEEDS=n FIRST=m`` sets them; ``conftest.py`` has looked whether they are numbers.
SEEDS = asked_for(os.environ)
#: Seeds of one test.
SOME = 5


@pytest.mark.parametrize("first", SEEDS[::SOME])
def test_what_was_promised_is_kept(first: int, scratch: Path) -> None:
    failed = []
    for seed in range(first, min(first + SOME, SEEDS.stop)):
        with TemporaryDirectory(dir=scratch) as folder:
            outcome = run(seed, folder)
        if outcome.problems:
            failed.append(f"{outcome.tail}\n{outcome}")
    assert not failed, "\n\n".join(failed)
