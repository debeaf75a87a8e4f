"""How long it takes to open a mailbox: one copied in, one open already, one with an index, one whose index is lost.

    python -m bench.store_open [COUNT ...] [--folder DIR]

Prints for a mailbox of each COUNT of messages (10000 30000 100000) seconds by the clock and of a processor, with the
latter in microseconds a message, and the MiB that an open mailbox holds and needs while it is opened.
Example: ``python -m bench.store_open 1000000 --folder /srv``.
"""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from bench.program import Arguments, count, temporary
from mailsuite.disk.real import RealDisk
from mailsuite.offload import Inline
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.results import result_of

NAME = "u@bench.example"
COUNTS = (10_000, 30_000, 100_000)


def fill(folder: Path, count: int) -> None:
    cur = folder / "store/bench.example/u/Maildir/cur"
    for inside in ("cur", "new", "tmp"):
        (cur.parent / inside).mkdir(parents=True)
    for number in range(1, count + 1):
        (cur / f"17{number:08}.M1P2Q{number}.bench.example,S=26,W=29,U={number}:2,S").write_bytes(
            b"Subject: x\n\nbody\nmore text"
        )


def opened(label: str, stores: MaildirStores) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    store: Any = result_of(stores.open(NAME))
    inbox = result_of(store.open("INBOX"))
    first = time.perf_counter()
    snapshot = result_of(inbox.snapshot(True))
    done, cpu = time.perf_counter(), time.process_time() - cpu
    print(
        f"{len(snapshot.uids):7} messages {label:16} {done - began:7.3f} s (of it the snapshot {done - first:.3f}),"
        f" {cpu:.3f} of CPU, {cpu / len(snapshot.uids) * 1e6:.1f} us a message",
        flush=True,
    )


def measure(folder: Path, count: int) -> None:
    clock = Clock()
    clock.advance(time.time() + 100)

    def stores() -> MaildirStores:
        return MaildirStores(str(folder / "store"), RealDisk(), Inline(), clock, "bench.example")

    fill(folder, count)
    one = stores()
    opened("copied in", one)
    opened("open already", one)
    opened("and again", one)
    result_of(one.close())
    one = stores()
    opened("warm index", one)
    result_of(one.close())
    for file in (folder / "store/bench.example/u").glob("index*"):
        file.unlink()
    one = stores()
    opened("without an index", one)
    result_of(one.close())
    one = stores()
    held(one)
    result_of(one.close())


def held(stores: MaildirStores) -> None:
    tracemalloc.start()
    store: Any = result_of(stores.open(NAME))
    snapshot = result_of(result_of(store.open("INBOX")).snapshot(True))
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{len(snapshot.uids):7} messages hold {size / 2**20:.1f} MiB, peak {peak / 2**20:.1f} MiB", flush=True)


def main() -> None:
    parser = Arguments(__doc__)
    parser.add_argument("counts", nargs="*", type=count, default=COUNTS, metavar="COUNT", help="messages of a mailbox")
    parser.folder()
    asked = parser.parse_args()
    for each in asked.counts:
        with temporary(asked.folder) as folder:
            measure(folder, each)


if __name__ == "__main__":
    main()
