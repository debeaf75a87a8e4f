"""One seed: a town, what goes wrong in it, how it ends.  ``python -m mailsuite.testing.world.run SEED`` shows one.

Every eighth seed is an ordinary time without any fault; in every eighth a foreign host is away for a week, too; of
sixteen, one has a storm of letters, and one letters that are sent and cannot be noted.  See docs/simulation.md.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence

import msgspec
from twisted.logger import LogPublisher, globalLogBeginner

from mailsuite.testing.children import signals_later
from mailsuite.testing.scratch import require_room
from mailsuite.testing.world import seeds
from mailsuite.testing.world.faults import USUAL, Faults, Kind
from mailsuite.testing.world.town import HOUR, RUSH, Town
from mailsuite.testing.world.trace import TraceFile
from mailsuite.testing.world.world import World

PROGRAM = "python -m mailsuite.testing.world.run"
#: Hours that people live, and the things that go wrong meanwhile.
SHORTEST, LONGEST = 3, 8
FEWEST, MOST = 2, 6
#: Of so many seeds one has none of them, and one has ``GONE``; and of so many one has ``STORM``, and one ``UNNOTED``.
_OFTEN, _STORMY = 8, 16
#: How much more often than anything else the power fails: most depends on the moment.
POWER_SHARE = 8
#: Octets that must be free for a world; and that are while it runs, if nobody else writes.
ROOM, LEFT = 64 << 20, 1 << 20
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
        again = f"{PROGRAM} {self.seed}"
        return "\n".join((f"seed {self.seed} ({again}): {self.summary}", *self.problems))


def run(
    seed: int,
    folder: str,
    prepare: Callable[[Town], None] = lambda town: None,
    keep: Callable[[str], None] = lambda line: None,
    room: Callable[[], None] = lambda: None,
) -> Outcome:
    """``folder`` is empty.  ``prepare`` may change the town before it lives; ``keep`` and ``room`` are the world's."""
    with World(seed, folder, keep, room) as world:
        town = Town(world)
        prepare(town)
        town.start()
        hours = world.rng.uniform(SHORTEST, LONGEST)
        town.live(hours)
        faults = Faults(town, world.child())
        for kind in kinds(seed, world.rng):
            faults.plan(kind)
        world.run(hours * HOUR + RUSH)  # the last of what was planned has begun
        town.settle()
        world.finish()
        return Outcome(
            seed, tuple(world.problems), world.trace.digest(), town.ledger.summary(), world.trace.tail(SHOWN)
        )


def kinds(seed: int, rng: random.Random) -> Sequence[Kind]:
    """What goes wrong in that seed."""
    if seed % _OFTEN == 0:
        return ()
    weights = [POWER_SHARE if kind is Kind.POWER else 1 for kind in USUAL]
    found: list[Kind] = rng.choices(USUAL, weights, k=rng.randint(FEWEST, MOST))
    if seed % _OFTEN == 1:
        found.append(Kind.GONE)
    if seed % _STORMY == 3:
        found.append(Kind.STORM)
    if seed % _STORMY == 5:
        found.append(Kind.UNNOTED)
    return found


def main() -> int:
    """Shows how a seed ends; the exit status."""
    asked = _parser().parse_args()
    try:
        file = TraceFile(asked.trace) if asked.trace else None
    except OSError as error:
        return _cannot_trace(asked.trace, error)
    globalLogBeginner.beginLoggingTo([LogPublisher()], redirectStandardIO=False, discardBuffer=True)
    try:
        outcome = _alone(asked.seed, file)
    except OSError as error:
        print(f"{PROGRAM}: there is no room for a world: {error.strerror}", file=sys.stderr)
        return 1
    if outcome.problems:
        print(outcome.tail)
    print(outcome)
    print(f"trace {outcome.digest}")
    if file is not None:
        file.close()
        if file.failed is not None:
            return _cannot_trace(asked.trace, file.failed)
    return bool(outcome.problems)


def _alone(seed: int, file: TraceFile | None) -> Outcome:
    """In a folder that goes.  Raises OSError if there is no room for one, or no more: whatever a world with a full disk
    of ours says, it says nothing about the server."""
    parent = tempfile.gettempdir()
    require_room(parent, ROOM)
    made: list[str] = []
    _end_at_signals(made, file)
    with signals_later():
        made.append(folder := tempfile.mkdtemp(prefix="mailsuite-world-", dir=parent))
    try:
        keep = file.keep if file else lambda line: None
        outcome = run(seed, folder, keep=keep, room=lambda: require_room(parent, LEFT))
        if outcome.problems:
            require_room(parent, LEFT)
        return outcome
    except Exception:
        require_room(parent, LEFT)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="One seed of the simulated world: how it ends, and its trace's digest.",
        epilog=f"Exit status: 0 all is well, 1 there were problems, or no trace could be written, or no world.  "
        f"Example: {PROGRAM} 91 --trace /tmp/91",
    )
    parser.add_argument("seed", type=_seed, help="what a failure told, for example 91")
    parser.add_argument("--trace", metavar="FILE", help="write all that happens to this file (docs/simulation.md)")
    return parser


def _seed(text: str) -> int:
    try:
        return seeds.seed(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _cannot_trace(path: str, error: OSError) -> int:
    print(f"{PROGRAM}: cannot write the trace to {path}: {error.strerror}", file=sys.stderr)
    return 1


def _end_at_signals(made: Sequence[str], file: TraceFile | None) -> None:
    """Without the folders that were made, and with what was traced: an exception would end in some Deferred of the
    world."""

    def end(number: int, _: object) -> None:
        if file is None:
            over(number)
        else:
            file.after_line(lambda: over(number))

    def over(number: int) -> None:
        if file is not None:
            file.close()
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(128 + number)

    for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)


if __name__ == "__main__":
    sys.exit(main())
