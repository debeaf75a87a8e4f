"""A world runs whole servers, is the same each time, and its books balance on an ordinary day."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailsuite.testing.results import result_of
from mailsuite.testing.world.imap_client import open_client
from mailsuite.testing.world.ledger import Leads, Ledger, Taken
from mailsuite.testing.world.seen import Seen
from mailsuite.testing.world.sending import Sender
from mailsuite.testing.world.site import Site
from mailsuite.testing.world.world import World

_ELSEWHERE = """
import sys
from mailsuite.testing.world.world import World
from mailsuite.testing.world.town import Town
with World(int(sys.argv[1]), sys.argv[2]) as world:
    town = Town(world)
    town.start()
    town.live(2)
    world.run(7200)
    town.settle()
    print(world.trace.digest())
"""


@pytest.mark.parametrize("way", ["submission", "smtp", "lmtp"])
def test_a_message_goes_in_and_is_read(way: str, scratch: Path) -> None:
    site = Site("a.test", "10.0.1.1", ("ann", "bob"))
    with World(1, str(scratch)) as world:
        server = world.serve(site)
        server.start()
        assert world.run(60, lambda: server.ready)
        ledger, seen = Ledger(lambda address: Leads(frozenset(), (address,)), world.problem), Seen(world.problem)
        reactor = world.host("client", "10.0.9.1")
        letter = ledger.write(world.rng, "ann@a.test", ["bob@a.test"])
        login = "ann@a.test" if way == "submission" else ""
        world.begin(Sender(reactor, ledger, site.address, login, lmtp=way == "lmtp").send(letter))
        world.run(60)
        assert ledger.taken[letter.number] == {"bob@a.test": Taken.YES}

        async def read() -> bytes:
            client = await open_client(reactor, site.address, "bob@a.test", seen, world.problem)
            view = await client.select("INBOX")
            await client.command("UID FETCH 1:* (BODY.PEEK[])")
            await client.command("LOGOUT")
            (octets,) = view.bodies.values()
            return octets

        reading = world.begin(read())
        world.run(60)
        assert ledger.read("bob@a.test", result_of(reading)) == letter.number
        server.stop()
        assert world.run(60, lambda: server.running is None)
        assert world.problems == []


@pytest.mark.parametrize("seed", range(3))
def test_an_ordinary_day_ends_well(seed: int, lived: Callable[[int, float], World]) -> None:
    world = lived(seed, 8)
    assert not world.problems, f"seed {seed}\n" + "\n".join(world.problems)
    assert world.trace.count > 1000


def test_the_same_seed_is_the_same_run(lived: Callable[[int, float], World]) -> None:
    digests = [lived(seed, 2).trace.digest() for seed in (5, 5, 6)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("hashes", ["1", "2"])
def test_another_process_has_the_same_run(hashes: str, scratch: Path, lived: Callable[[int, float], World]) -> None:
    """Whatever order Python gives its sets."""
    (folder := scratch / "elsewhere").mkdir()
    command = [sys.executable, "-c", _ELSEWHERE, "5", str(folder)]
    said = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": hashes}, capture_output=True, check=True)
    assert said.stdout.decode().split()[-1] == lived(5, 2).trace.digest()


@pytest.mark.parametrize("seed", ["10", "15", "91"])
def test_a_seed_that_is_told_replays_exactly_with_all_that_goes_wrong_in_it(seed: str) -> None:
    """Sets of names and of objects have another order in each process, temporary folders another name."""
    command = [sys.executable, "-m", "mailsuite.testing.world.run", seed]
    said = [
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": hashes}, capture_output=True, check=True).stdout
        for hashes in ("1", "2")
    ]
    assert b"trace " in said[0]
    assert said[0] == said[1]
