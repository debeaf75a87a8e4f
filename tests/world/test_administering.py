"""Accounts, aliases, passwords and configurations of a world change, and its servers heed it at once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mailsuite.testing.world.administering import TABLES, Administrator
from mailsuite.testing.world.ledger import Taken
from mailsuite.testing.world.site import PASSWORD, Site
from mailsuite.testing.world.town import Town
from mailsuite.testing.world.world import World


@pytest.mark.parametrize(("table", "options"), [(table, each) for table, some in TABLES.items() for each in some])
def test_each_configuration_is_valid(table: str, options: str) -> None:
    site = Site("a.test", "10.0.1.1", (), more=f"\n[{table}]\n{options}\n")
    assert site.settings("/etc", "/disk").hostname == "mx.a.test"


def test_what_changes_in_the_directory_counts_at_once(scratch: Path) -> None:
    """Mail to a new account or alias is taken, who has a new password gets in, and with the old one nobody does."""
    with World(1, str(scratch)) as world:
        town = Town(world)
        town.start()
        administrator = Administrator(town, random.Random(3))
        for number in range(18):
            administrator.change_accounts(town.servers[number % len(town.servers)])
            world.run(150)
        town.settle()
        world.finish()
        assert world.problems == []
        answers = {recipient: taken for each in town.ledger.taken.values() for recipient, taken in each.items()}
        assert set(answers.values()) == {Taken.YES}
        assert {name.partition("@")[0].rstrip("0123456789") for name in answers} == {"new", "list"}
        assert any(town.passwords.of(account) != PASSWORD for account in town.readers)
