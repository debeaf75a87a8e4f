"""What other programs deliver into a server's mailboxes is found there, and counts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mailsuite.store import foreign
from mailsuite.testing.world.beside import Beside
from mailsuite.testing.world.ledger import Taken
from mailsuite.testing.world.town import Town
from mailsuite.testing.world.world import World


def visited(folder: Path) -> tuple[World, Town]:
    """A town, and what other programs did in it while somebody read there."""
    with World(2, str(folder)) as world:
        town = Town(world)
        town.start()
        town.live(3)
        beside = Beside(town.ledger, town.seen, random.Random(1))
        for _ in range(30):
            world.run(300)
            beside.visit(town.servers[0], "ann")
        town.settle()
        world.finish()
        return world, town


def test_letters_of_other_programs_are_read_by_clients(scratch: Path) -> None:
    world, town = visited(scratch)
    letters = [letter.number for letter in town.ledger.letters.values() if letter.owner == "ann@a.test"]
    assert sum(town.ledger.taken[number] == {"ann@a.test": Taken.YES} for number in letters) > 10
    assert world.problems == []


def test_that_they_are_not_seen_is_noticed(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_welcome", lambda *args: [])
    world, _ = visited(scratch)
    assert any("is not with ann@a.test" in problem for problem in world.problems)
