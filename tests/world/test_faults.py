"""What goes wrong in towns: every kind of it, and a storm is one."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from mailsuite.testing.world.faults import STORM, Faults, Kind
from mailsuite.testing.world.ledger import Taken
from mailsuite.testing.world.run import kinds
from mailsuite.testing.world.seeds import NORMAL
from mailsuite.testing.world.town import HOUR, Town
from mailsuite.testing.world.world import World

PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"


def test_every_kind_happens_within_the_normal_number_of_seeds() -> None:
    found = Counter(kind for seed in range(NORMAL) for kind in kinds(seed, random.Random(seed)))
    assert set(found) == set(Kind)
    assert all(count > 5 for count in found.values()), found


def test_the_page_names_every_kind() -> None:
    page = PAGE.read_text()
    assert [kind for kind in Kind if f"| `{kind.name}` | {kind.value} |" not in page] == []


def test_a_storm_comes_over_many_connections_at_once_and_arrives(scratch: Path) -> None:
    """Who is turned away because too many are there knows it."""
    with World(1, str(scratch)) as world:
        town = Town(world)
        town.start()
        town.live(1)
        ends: list[int] = []

        def look() -> None:
            ends.append(sum(len(world.network.station(each.name, each.site.address).ends) for each in town.servers))
            if len(ends) < 10 * HOUR:
                world.network.later(0.1, look)

        Faults(town, random.Random(1)).plan(Kind.STORM)
        look()
        world.run(2 * HOUR)
        town.settle()
        world.finish()
        assert world.problems == []
    answers = Counter(taken for each in town.ledger.taken.values() for taken in each.values())
    assert len(town.ledger.letters) >= STORM >= 300
    assert answers[Taken.YES] >= 0.9 * STORM
    assert max(ends) >= 100
