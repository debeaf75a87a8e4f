"""The command line; see the package."""

from __future__ import annotations

import argparse
import inspect
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import bench.figures
from bench.figures.chart import draw
from bench.figures.crowd import crowd
from bench.figures.figure import Figure, LeftOut, Wanted, keep, part, results
from bench.figures.imap import imap
from bench.figures.page import write
from bench.figures.pop3 import pop3
from bench.figures.sessions import idle, logins, memory, push
from bench.figures.smtp import ingest, relay
from bench.program import count

#: What docs/benchmarks.md is made of.
PUBLISHED = Path("docs/benchmarks.json")

PARTS: dict[str, Callable[[Wanted], list[Figure]]] = {
    each.__name__: each for each in (ingest, relay, imap, logins, idle, push, pop3, crowd, memory)
}


def what(name: str) -> str:
    """What a part does, in its own words."""
    return " ".join((inspect.getdoc(PARTS[name]) or "").split())


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m bench.figures", description=bench.figures.__doc__, formatter_class=raw
    )
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--size", type=_size, default=1.0, help="of the usual amounts (%(default)s)")
    parser.add_argument("--runs", type=count, default=3, help="of which the median counts (%(default)s)")
    parser.add_argument(
        "--results",
        type=Path,
        help=f"a JSON file that keeps the figures ({PUBLISHED}; less than --size 1 needs another)",
    )
    parser.add_argument("--page", action="store_true", help="write the page, after the parts if any are named")
    asked = parser.parse_args()
    if asked.results is None:
        if asked.size < 1:
            parser.error(f"figures of less than the usual size are not for {PUBLISHED}: name another file by --results")
        asked.results = PUBLISHED
    if not asked.results.parent.is_dir():
        parser.error(f"{asked.results.parent} is no folder")
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    wanted = asked.parts or ([] if asked.page else list(PARTS))
    left_out = [name for name in wanted if not measured(name, Wanted(asked.size, asked.runs), asked.results)]
    if asked.page:
        write_page(asked.results)
    return 1 if wanted and left_out == wanted else 0


def _size(text: str) -> float:
    size = float(text)
    if not 0 < size <= 100:
        raise argparse.ArgumentTypeError(f"more than 0 and at most 100, not {text}")
    return size


def measured(name: str, wanted: Wanted, kept: Path) -> bool:
    """Measure a part, show it and keep it; False if it had to be left out."""
    load = os.getloadavg()[0]
    try:
        figures = PARTS[name](wanted)
    except LeftOut as why:
        print(f"{name:7} is left out: {why}", file=sys.stderr)
        return False
    keep(kept, name, part(figures, _amount(wanted.size, wanted.runs), round(load, 2)))
    show(name, figures)
    return True


def write_page(kept: Path) -> None:
    """The page and its chart, beside the results."""
    known = results(kept)
    parts = {name: known[name] for name in PARTS if name in known}
    write(kept.parent, parts, draw(kept.parent / "benchmarks.png", parts), {name: what(name) for name in parts})


def _amount(size: float, runs: int) -> str:
    sized = "" if size == 1 else f" at {size:g} of the usual size"
    return f"({runs} run{'s' if runs > 1 else ''}{sized}.)"


def show(name: str, figures: list[Figure]) -> None:
    for each in figures:
        peer = f"{each.peer} {each.theirs:10.3f}  x{each.times:.2f}" if each.peer else ""
        print(f"{name:7} {each.name:36} {each.ours:10.3f} {each.unit:5} {peer}", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    sys.exit(main())
