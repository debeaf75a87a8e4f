"""The command line; see the package."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import bench.soak
from bench.program import end_in_order, minutes, seed
from bench.soak.run import MOST_MEMORY, Result, soak

#: Lines of each kind of trouble.
SHOWN = 20


def told(result: Result) -> str:
    """The figures, in lines, and the verdict."""
    b = result.balance
    lines = [
        f"{result.seconds:.0f} s, at most {result.peak_memory / 2**20:.0f} MiB, longest start {result.longest_start} s",
        ", ".join(f"{count} {name}" for name, count in sorted(result.counts.items())),
        f"{b.acknowledged} acknowledged (and {b.unacknowledged} not): {b.there} there, {b.deleted} deleted by clients, "
        f"{b.relayed} relayed, {b.twice_at_sink} of them more than once: the sink kept its answer to itself, or, of "
        f"{b.repeated_after_kills}, the server was killed",
    ]
    for kind in result.missed:
        lines.append(f"    never happened: {kind}" + (f" ({result.skipped})" if kind == "full disk" else ""))
    lines += [f"    nobody met: {kind}" for kind in result.unmet]
    lines += [f"    nothing was {use}" for use in result.unused]
    for name, each in (("lost", b.lost), ("wrong", b.wrong), ("fault in the log", result.faults)):
        lines += [f"    {name}: {words}" for words in each[:SHOWN]]
    if result.peak_memory > MOST_MEMORY:
        lines.append(f"    more than {MOST_MEMORY >> 20} MiB of memory")
    verdict = f"{len(b.lost)} lost, {len(b.wrong)} wrong, {len(result.faults)} faults in the log"
    word = "held" if result.good else "FAILED" if result.amiss else "shows too little"
    return "\n".join([*lines, f"{word}: {verdict}"])


def _empty(text: str) -> Path:
    folder = Path(text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise argparse.ArgumentTypeError(f"{text} is not empty")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    return folder


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak",
        description=bench.soak.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--minutes", type=minutes, default=1.0, metavar="M", help="of traffic and accidents (%(default)s)"
    )
    parser.add_argument(
        "--seed",
        type=seed,
        metavar="N",
        help="of all that comes at random; without it the time, which is printed",
    )
    parser.add_argument(
        "--folder",
        type=_empty,
        metavar="DIR",
        help="an empty folder; the instance is in DIR/kept when all is over (without it a temporary one, that goes)",
    )
    return parser


def main() -> int:
    asked = arguments().parse_args()
    chosen = int(time.time()) if asked.seed is None else asked.seed
    print(f"seed {chosen}", flush=True)
    result = soak(asked.minutes, chosen, asked.folder)
    print(told(result))
    if not result.good and asked.folder is None:
        print("run it again with --folder DIR to keep the instance and its log")
    return 0 if result.good else 1


if __name__ == "__main__":
    end_in_order()
    sys.exit(main())
