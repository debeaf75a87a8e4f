"""The command line; see the package."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import bench.abuse
from bench.abuse.attacks import TABLE
from bench.abuse.run import Outcome, calm_wait, run
from bench.abuse.target import target
from bench.program import end_in_order, scale
from mailsuite.testing.instance import Instance


def line(outcome: Outcome) -> str:
    """One row of the table."""
    word = "skipped" if outcome.skipped else "FAILED" if outcome.wrong else "held"
    return (
        f"{outcome.case.name:22} {word:8} {outcome.peak / 2**20:4.0f} MiB {outcome.slowest * 1e3:5.0f} ms "
        f"({outcome.slowest_step}, {outcome.turns} turns)  {outcome.met}"
    )


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.abuse",
        description=bench.abuse.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="a name that --list shows; without any, all of them")
    parser.add_argument(
        "--scale", type=scale, default=1.0, metavar="X", help="of the usual sizes, from 0.01 to 100 (%(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="show what each case does and its bound, and end")
    return parser


def main() -> int:
    parser = arguments()
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(TABLE):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; --list shows all")
    if asked.list:
        for case in [TABLE[name] for name in asked.cases or TABLE]:
            print(f"{case.name:22} {(case.attack.__doc__ or '').splitlines()[0]}\n{'':22} bound: {case.bound}")
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="abuse") as folder, target(Path(folder) / "server") as instance:
            failed = table(asked.cases or list(TABLE), instance, asked.scale)
    except TimeoutError as error:
        print(f"FAILED: the server: {error}")
        return 1
    return 1 if failed else 0


def table(names: list[str], instance: Instance, scale: float) -> int:
    """Row by row; how many failed."""
    calm = calm_wait(instance)
    print(f"without any abuse: {calm * 1e3:.0f} ms at most; load {os.getloadavg()[0]:.1f}", flush=True)
    failed = 0
    for name in names:
        outcome = run(TABLE[name], instance, scale)
        print(line(outcome), flush=True)
        for each in outcome.wrong:
            print(f"    {each}", flush=True)
        failed += bool(outcome.wrong)
    if failed:
        print(instance.log()[-500:])
    return failed


if __name__ == "__main__":
    end_in_order()
    sys.exit(main())
