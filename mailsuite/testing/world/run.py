"""One seed: a town, what goes wrong in it, how it ends.  ``python -m mailsuite.testing.world.run SEED`` shows one.

Every eighth seed is an ordinary time without any fault; in every eighth a foreign host is away for a week, too.  See
docs/simulation.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence

import msgspec
from twisted.logger import LogPublisher, globalLogBeginner

from mailsuite.testing.world.faults import USUAL, Faults, Kind
from mailsuite.testing.world.town import HOUR, Town
from mailsuite.testing.world.world import World

#: Hours that people live, and the things that go wrong meanwhile.
SHORTEST, LONGEST = 3, 8
FEWEST, MOST = 2, 6
_OFTEN = 8
#: How much more often than anything else the power fails: most depends on the moment.
POWER_SHARE = 8
#: Lines of the trace that are shown of a seed that failed.
SHOWN = 120


class Outcome(msgspec.Struct, frozen=True):
    """``problems`` in words, none if all is well; ``digest`` is that of the trace."""

    seed: int
    problems: tuple[str, ...]
    digest: str
    summary: str
    tail: str

    def __str__(self) -> str:
        again = f"python -m mailsuite.testing.world.run {self.seed}"
        return "\n".join((f"seed {self.seed} ({again}): {self.summary}", *self.problems))


def run(seed: int, folder: str, prepare: Callable[[Town], None] = lambda town: None) -> Outcome:
    """``folder`` is empty.  ``prepare`` may change the town before it lives."""
    with World(seed, folder) as world:
        town = Town(world)
        prepare(town)
        town.start()
        hours = world.rng.uniform(SHORTEST, LONGEST)
        town.live(hours)
        faults = Faults(town, world.child())
        for kind in _kinds(world):
            faults.plan(kind)
        world.run(hours * HOUR)
        town.settle()
        world.finish()
        return Outcome(
            seed, tuple(world.problems), world.trace.digest(), town.ledger.summary(), world.trace.tail(SHOWN)
        )


def _kinds(world: World) -> Sequence[Kind]:
    if world.seed % _OFTEN == 0:
        return ()
    weights = [POWER_SHARE if kind is Kind.POWER else 1 for kind in USUAL]
    kinds = world.rng.choices(USUAL, weights, k=world.rng.randint(FEWEST, MOST))
    return [*kinds, Kind.GONE] if world.seed % _OFTEN == 1 else kinds


def main() -> int:
    """Shows how a seed ends; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mailsuite.testing.world.run",
        description="One seed of the simulated world: how it ends, and its trace's digest.",
    )
    parser.add_argument("seed", type=int, help="what a failure told, for example 91")
    seed = parser.parse_args().seed
    globalLogBeginner.beginLoggingTo([LogPublisher()], redirectStandardIO=False, discardBuffer=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(seed, folder)
    if outcome.problems:
        print(outcome.tail)
    print(outcome)
    print(f"trace {outcome.digest}")
    return bool(outcome.problems)


if __name__ == "__main__":
    sys.exit(main())
