"""The command line; see the package."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

import bench.figures
from bench.figures import calm
from bench.figures.chart import draw
from bench.figures.crowd import crowd
from bench.figures.figure import Figure, LeftOut, Measurement, Wanted, broken, keep, part, results
from bench.figures.imap import found, imap
from bench.figures.large import large
from bench.figures.page import page
from bench.figures.pop3 import pop3
from bench.figures.queue import queue, waiting
from bench.figures.servers import why_not
from bench.figures.sessions import idle, logins, memory, push
from bench.figures.smtp import ingest, relay
from bench.program import count, end_in_order, number, scale, search_sbin

#: What docs/benchmarks.md is made of.
PUBLISHED = Path("docs/benchmarks.json")
#: Seconds in which the machine may become calm, at most.
LONGEST_PATIENCE = 3600

PARTS: dict[str, Callable[[Wanted], Measurement]] = {
    each.__name__: each
    for each in (ingest, relay, imap, found, large, logins, idle, push, pop3, crowd, memory, queue, waiting)
}
#: Programs that parts are measured beside.
DOVECOT = ("dovecot",)
PEERS: dict[str, tuple[str, ...]] = dict.fromkeys(PARTS, DOVECOT) | {
    **dict.fromkeys(("ingest", "relay"), ("postfix",)),
    "memory": ("postfix", *DOVECOT),
    **dict.fromkeys(("queue", "waiting"), ()),
}


def what(name: str) -> str:
    """What a part does, in its own words."""
    return " ".join((inspect.getdoc(PARTS[name]) or "").split())


def arguments() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m bench.figures", description=bench.figures.__doc__, formatter_class=raw
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure; without any and --page, all of them")
    parser.add_argument("--size", type=scale, default=1.0, metavar="X", help="of the usual amounts (%(default)s)")
    parser.add_argument("--runs", type=count, default=3, metavar="N", help="of which the median counts (%(default)s)")
    parser.add_argument(
        "--patience",
        type=patience,
        default=60.0,
        metavar="SECONDS",
        help="wait so long, before each part, for the machine to be calm (%(default)s)",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help=f"a JSON file that keeps the figures ({PUBLISHED}; less than --size 1 needs another)",
    )
    parser.add_argument("--page", action="store_true", help="write the page, after the parts if any are named")
    return parser


def patience(text: str) -> float:
    return number(text, 0, LONGEST_PATIENCE, "seconds ")


def main() -> int:
    asked = checked(arguments())
    search_sbin()
    wanted = asked.parts or ([] if asked.page else list(PARTS))
    try:
        if poorer := list(lost_peers(wanted, asked.results)):
            print("\n".join(poorer), file=sys.stderr)
            print("name another file with --results; it gets a page of its own", file=sys.stderr)
            return 1
        made = [
            name for name in wanted if measured(name, Wanted(asked.size, asked.runs), asked.results, asked.patience)
        ]
        written = not asked.page or write_page(asked.results)
        known = results(asked.results)
    except msgspec.MsgspecError as error:
        print(f"{asked.results} holds no figures: {error}", file=sys.stderr)
        return 1
    over = [f"{name}: {words}" for name in made for words in broken(known[name].figures)]
    for line in over:
        print(line, file=sys.stderr)
    return 0 if written and (made or not wanted) and not over else 1


def checked(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was asked for; the program ends with words if it cannot be had."""
    asked = parser.parse_args()
    if asked.results is None:
        if asked.size < 1:
            parser.error(f"figures of less than the usual size are not for {PUBLISHED}: name another file by --results")
        asked.results = PUBLISHED
    if not asked.results.parent.is_dir():
        parser.error(f"{asked.results.parent} is no folder")
    if asked.results.is_dir():
        parser.error(f"{asked.results} is a folder")
    written = [path for path in (asked.results, asked.results.parent) if path.exists()]
    if denied := [path for path in written if not os.access(path, os.W_OK)]:
        parser.error(f"{denied[0]} cannot be written: name another file with --results")
    if not asked.results.exists() and (why := _cannot_be_made(asked.results)):
        parser.error(f"{asked.results} cannot be made: {why}; name another file with --results")
    if asked.results.suffix in (".md", ".png"):
        parser.error(f"{asked.results} would be the page or its chart: name a file that ends in .json")
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return asked


def _cannot_be_made(path: Path) -> str:
    """Why not; root may write everywhere, as far as permissions go."""
    try:
        path.touch(exist_ok=False)
    except OSError as error:
        return error.strerror or str(error)
    path.unlink()
    return ""


def lost_peers(wanted: list[str], kept: Path) -> Iterator[str]:
    """What would be lost if these parts were measured here, in words."""
    known = results(kept)
    for name in wanted:
        peers = {figure.peer for figure in known[name].figures if figure.peer} if name in known else set()
        for program in PEERS[name] if peers else ():
            if why := why_not(program):
                yield f"{kept} has figures of {name} beside {peers.pop()}, which would be lost: {program}: {why}"
                break


def measured(name: str, wanted: Wanted, kept: Path, patience: float) -> bool:
    """Measure a part, show it and keep it; False if it had to be left out."""
    before = calm.wait(patience)
    try:
        made = PARTS[name](wanted)
    except LeftOut as why:
        print(f"{name:7} is left out: {why}", file=sys.stderr)
        return False
    missing = {program: why_not(program) for program in PEERS[name]}
    alone = "; ".join(f"{program.capitalize()} was not measured: {why}" for program, why in missing.items() if why)
    keep(kept, name, part(made, _amount(wanted.size, made.runs or wanted.runs), before, alone))
    show(name, made.figures)
    return True


def write_page(kept: Path) -> bool:
    """The page and its chart, beside the results; False if there are none."""
    known = results(kept)
    parts = {name: known[name] for name in PARTS if name in known}
    if not parts:
        print(f"there are no figures in {kept}: python -m bench.figures --results {kept}", file=sys.stderr)
        return False
    chart = kept.with_suffix(".png")
    picture = chart.name if draw(chart, parts) else ""
    kept.with_suffix(".md").write_text(page(parts, picture, {name: what(name) for name in parts}))
    return True


def _amount(size: float, runs: int) -> str:
    sized = "" if size == 1 else f" at {size:g} of the usual size"
    return f"{runs} run{'s' if runs > 1 else ''}{sized}"


def show(name: str, figures: list[Figure]) -> None:
    for each in figures:
        peer = f"{each.peer} {each.theirs:10.3f}  x{each.times:.2f}" if each.peer else ""
        print(f"{name:7} {each.name:36} {each.ours:10.3f} {each.unit:5} {peer or each.promise}", flush=True)


if __name__ == "__main__":
    end_in_order()
    sys.exit(main())
