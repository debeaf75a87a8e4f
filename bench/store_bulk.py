"""What a session does to a whole mailbox costs at the store: SELECT, STATUS, STORE, COPY, EXPUNGE.

    python -m bench.store_bulk [COUNT ...] [--runs N] [--profile STEP] [--folder DIR]

Prints for a mailbox of each COUNT of messages (5000 20000) milliseconds of processor time, then by the clock, each the
median of several runs.  Everything that a step leads to is counted, also what a server does after its answer.
Example: ``python -m bench.store_bulk 100000 --profile "copy all"``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from bench.program import Arguments, count, profiled, temporary
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.model import DELETED, FLAGGED, FlagOp
from mailsuite.offload import Inline
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.results import result_of

NAME = "u@bench.example"
COUNTS = (5000, 20_000)
STEPS = ("select", "status", "select again", "store all", "unstore all", "copy all", "delete all", "expunge all")


def fill(folder: Path, count: int) -> None:
    cur = folder / "store/bench.example/u/Maildir/cur"
    for inside in ("cur", "new", "tmp"):
        (cur.parent / inside).mkdir(parents=True)
    for number in range(1, count + 1):
        name = f"17{number:08}.M100000P2Q{number}.bench.example,S=26,W=29,U={number}:2,S"
        (cur / name).write_bytes(b"Subject: x\n\nbody\nmore text")


class Times:
    """By step, (CPU, clock) of each round; of the step ``profile`` a profile is shown."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self.seen: dict[str, list[tuple[float, float]]] = {step: [] for step in STEPS}

    def take(self, step: str, work: Callable[[], Any]) -> Any:
        began, clock = time.process_time(), time.perf_counter()
        result = profiled(work, 25) if step == self._profile else work()
        self.seen[step].append((time.process_time() - began, time.perf_counter() - clock))
        return result

    def report(self, count: int) -> None:
        for step, seen in self.seen.items():
            cpu, clock = (statistics.median(each[which] for each in seen) * 1000 for which in (0, 1))
            print(f"{count:7} messages {step:12} {cpu:9.2f} ms of CPU {clock:9.2f} ms", flush=True)


def round_of(times: Times, store: Any, number: int) -> None:
    inbox = result_of(store.open("INBOX"))
    times.take("select", lambda: result_of(inbox.snapshot(True)))
    times.take("status", lambda: result_of(store.status("INBOX")))
    uids = times.take("select again", lambda: result_of(inbox.snapshot(True))).uids
    flagged = frozenset({FLAGGED})
    times.take("store all", lambda: result_of(inbox.store(uids, FlagOp.ADD, flagged, None)))
    times.take("unstore all", lambda: result_of(inbox.store(uids, FlagOp.REMOVE, flagged, None)))
    target = f"copy{number}"
    result_of(store.create(target, ""))
    times.take("copy all", lambda: result_of(store.copy(inbox, uids, target, False)))
    copies = result_of(store.open(target))
    there = result_of(copies.snapshot(True)).uids
    times.take("delete all", lambda: result_of(copies.store(there, FlagOp.ADD, frozenset({DELETED}), None)))
    times.take("expunge all", lambda: result_of(copies.expunge(there)))


def measure(folder: Path, count: int, times: Times, runs: int) -> None:
    clock = Clock()
    clock.advance(time.time() + 100)
    disk = JournalDisk(str(folder / "queue/journal"))
    disk.open()
    try:
        fill(folder, count)
        stores = MaildirStores(str(folder / "store"), disk, Inline(), clock, "bench.example")
        store = result_of(stores.open(NAME))
        for number in range(runs):
            round_of(times, store, number)
        result_of(stores.close())
    finally:
        disk.close()


def main() -> None:
    parser = Arguments(__doc__)
    parser.add_argument("counts", nargs="*", type=count, default=COUNTS, metavar="COUNT", help="messages of a mailbox")
    parser.count("--runs", 5, "runs, of which the median counts")
    words = f"show where the time went in a step: {', '.join(STEPS)}"
    parser.add_argument("--profile", choices=STEPS, default="", metavar="STEP", help=words)
    parser.folder()
    asked = parser.parse_args()
    for each in asked.counts:
        times = Times(asked.profile)
        with temporary(asked.folder) as folder:
            measure(folder, each, times, asked.runs)
        times.report(each)


if __name__ == "__main__":
    main()
