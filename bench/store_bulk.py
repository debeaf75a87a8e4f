"""Milliseconds for what a session does to a whole mailbox: SELECT, STORE, COPY, EXPUNGE, at the store.

store_bulk.py [--profile STEP] [COUNT ...]

Time of the processor first, then of the clock; each is the median of several rounds.
"""

from __future__ import annotations

import cProfile
import pstats
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.model import DELETED, FLAGGED, FlagOp
from mailsuite.offload import Inline
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.results import result_of

NAME = "u@bench.example"
ROUNDS = 5
PROFILE = ""
if "--profile" in sys.argv:
    PROFILE = sys.argv.pop(sys.argv.index("--profile") + 1)
    sys.argv.remove("--profile")


def fill(folder: Path, count: int) -> None:
    cur = folder / "store/bench.example/u/Maildir/cur"
    for inside in ("cur", "new", "tmp"):
        (cur.parent / inside).mkdir(parents=True)
    for number in range(1, count + 1):
        name = f"17{number:08}.M100000P2Q{number}.bench.example,S=26,W=29,U={number}:2,S"
        (cur / name).write_bytes(b"Subject: x\n\nbody\nmore text")


class Times:
    """By step, (CPU, clock) of each round."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[float, float]]] = {}

    def take(self, step: str, work: Callable[[], Any]) -> Any:
        began, clock = time.process_time(), time.perf_counter()
        if step == PROFILE:
            with cProfile.Profile() as profile:
                result = work()
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        else:
            result = work()
        self.seen.setdefault(step, []).append((time.process_time() - began, time.perf_counter() - clock))
        return result

    def report(self, count: int) -> None:
        for step, seen in self.seen.items():
            cpu, clock = (statistics.median(each[which] for each in seen) * 1000 for which in (0, 1))
            print(f"{count:7} messages {step:12} {cpu:9.2f} ms of CPU {clock:9.2f} ms")


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


def measure(count: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bulk", dir="."))
    clock = Clock()
    clock.advance(time.time() + 100)
    disk = JournalDisk(str(folder.absolute() / "queue/journal"))
    disk.open()
    stores = MaildirStores(str(folder / "store"), disk, Inline(), clock, "bench.example")
    try:
        fill(folder, count)
        store = result_of(stores.open(NAME))
        times = Times()
        for number in range(ROUNDS):
            round_of(times, store, number)
        times.report(count)
        result_of(stores.close())
        disk.close()
    finally:
        shutil.rmtree(folder)


for argument in sys.argv[1:] or ("5000", "20000"):
    measure(int(argument))
