"""The command line; see the package."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

import bench.abuse
from bench.abuse.attacks import TABLE
from bench.abuse.run import Outcome, calm_wait, run
from bench.abuse.target import target


def line(outcome: Outcome) -> str:
    """One row of the table."""
    word = "skipped" if outcome.skipped else "FAILED" if outcome.wrong else "held"
    return (
        f"{outcome.case.name:22} {word:8} {outcome.peak / 2**20:4.0f} MiB {outcome.slowest * 1e3:5.0f} ms "
        f"({outcome.slowest_step}, {outcome.turns} turns)  {outcome.met}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=bench.abuse.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_args()
    if asked.list:
        for case in TABLE.values():
            print(f"{case.name:22} {(case.attack.__doc__ or '').splitlines()[0]}\n{'':22} bound: {case.bound}")
        return 0
    if unknown := set(asked.cases) - set(TABLE):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; --list shows all")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="abuse") as folder, target(Path(folder) / "server") as instance:
        calm = calm_wait(instance)
        print(f"without any abuse: {calm * 1e3:.0f} ms at most; load {os.getloadavg()[0]:.1f}", flush=True)
        for name in asked.cases or TABLE:
            outcome = run(TABLE[name], instance, asked.scale)
            print(line(outcome), flush=True)
            for each in outcome.wrong:
                print(f"    {each}", flush=True)
            failed += bool(outcome.wrong)
        if failed:
            print(instance.log()[-500:])
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    sys.exit(main())
