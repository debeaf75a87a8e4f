"""UIDs and MODSEQs: reserved on the disk before anybody is told of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mailsuite.disk.real import RealDisk
from mailsuite.errors import Temporary
from mailsuite.steps import Step
from mailsuite.store.counters import Counters

USES: list[Callable[[Counters], object]] = [
    lambda counters: counters.arrive(2),
    lambda counters: counters.next_modseq(),
    lambda counters: counters.at_least(50),
]


class Failing(RealDisk):
    """Takes nothing while ``broken``."""

    broken = False

    def commit(self, steps: Sequence[Step]) -> None:
        if self.broken:
            raise Temporary("disk: no space left")
        super().commit(steps)


@pytest.mark.parametrize("use", USES)
def test_what_cannot_be_reserved_is_not_counted(use: Callable[[Counters], object], tmp_path: Path) -> None:
    """RFC 9051 §2.3.1.1: UIDNEXT, which STATUS would tell, never goes back, and would at the next start."""
    disk, path = Failing(), str(tmp_path / "counters")
    counters = Counters.create(disk, path, 7)
    disk.broken = True
    with pytest.raises(Temporary):
        use(counters)
    assert (counters.uidnext, counters.modseq) == (1, 1)
    loaded = Counters.load(disk, path)
    assert loaded is not None
    assert (loaded.uidnext, loaded.modseq) == (1, 1)
    disk.broken = False
    use(counters)
    loaded = Counters.load(disk, path)
    assert loaded is not None
    assert loaded.uidnext >= counters.uidnext
    assert loaded.modseq >= counters.modseq


def test_within_a_block_nothing_is_written(tmp_path: Path) -> None:
    disk, path = Failing(), str(tmp_path / "counters")
    counters = Counters.create(disk, path, 7)
    assert counters.arrive(1) == (1, 2)
    disk.broken = True
    assert counters.arrive(3) == (2, 3)
    assert (counters.uidnext, counters.modseq) == (5, 5)
