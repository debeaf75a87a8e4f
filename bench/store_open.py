"""Seconds to open a mailbox with a warm index, after a restart, and without an index.

store_open.py [COUNT ...]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from mailsuite.disk.real import RealDisk
from mailsuite.offload import Inline
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.results import result_of

NAME = "u@bench.example"


def fill(folder: Path, count: int) -> None:
    cur = folder / "store/bench.example/u/Maildir/cur"
    for inside in ("cur", "new", "tmp"):
        (cur.parent / inside).mkdir(parents=True)
    for number in range(1, count + 1):
        (cur / f"17{number:08}.M1P2Q{number}.bench.example,S=26,W=29,U={number}:2,S").write_bytes(
            b"Subject: x\n\nbody\nmore text"
        )


def opened(folder: Path, label: str, stores: MaildirStores) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    store: Any = result_of(stores.open(NAME))
    inbox = result_of(store.open("INBOX"))
    first = time.perf_counter()
    snapshot = result_of(inbox.snapshot(True))
    done, cpu = time.perf_counter(), time.process_time() - cpu
    print(
        f"{len(snapshot.uids):7} messages {label:16} {done - began:7.3f} s (of it the snapshot {done - first:.3f}),"
        f" {cpu:.3f} of CPU, {cpu / len(snapshot.uids) * 1e6:.1f} us a message"
    )


def measure(count: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="open", dir="."))
    clock = Clock()
    clock.advance(time.time() + 100)

    def stores() -> MaildirStores:
        return MaildirStores(str(folder / "store"), RealDisk(), Inline(), clock, "bench.example")

    try:
        fill(folder, count)
        one = stores()
        opened(folder, "copied in", one)
        opened(folder, "open already", one)
        opened(folder, "and again", one)
        result_of(one.close())
        one = stores()
        opened(folder, "warm index", one)
        result_of(one.close())
        for file in (folder / "store/bench.example/u").glob("index*"):
            file.unlink()
        one = stores()
        opened(folder, "without an index", one)
        result_of(one.close())
        one = stores()
        tracemalloc.start()
        store: Any = result_of(one.open(NAME))
        snapshot = result_of(result_of(store.open("INBOX")).snapshot(True))
        size, peak = tracemalloc.get_traced_memory()
        print(f"{len(snapshot.uids):7} messages hold {size / 2**20:.1f} MiB, peak {peak / 2**20:.1f} MiB")
        tracemalloc.stop()
        result_of(one.close())
    finally:
        shutil.rmtree(folder)


for argument in sys.argv[1:] or ("10000", "30000", "100000"):
    measure(int(argument))
