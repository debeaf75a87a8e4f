"""A mailbox of very many messages: what it costs whoever opens it, and what others feel of it."""

from __future__ import annotations

import contextlib
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from bench.figures.figure import Measured, Measurement, Wanted, in_turns
from bench.figures.imap import Client
from bench.figures.servers import Served, can_have, dovecot, ours
from mailsuite.store.attention import LOOK_EVERY

#: Seconds until nothing of a session that has left is kept for the next one.
LEAVE = LOOK_EVERY + 1.0
#: Name of the figure -> what another session asks meanwhile.
BESIDE = {
    "NOOP beside all bodies, p99": "FETCH 1:* (BODY.PEEK[])",
    "NOOP beside a search, p99": "SEARCH BODY zebra",
}
UNITS = {"SELECT": "s", "flags of all": "s"} | dict.fromkeys(BESIDE, "ms")


@contextlib.contextmanager
def small_messages(count: int) -> Iterator[Path]:
    """A Maildir of so many."""
    with tempfile.TemporaryDirectory(prefix="bench-large") as folder:
        for name in ("cur", "new", "tmp"):
            (Path(folder) / name).mkdir()
        for number in range(count):
            path = Path(folder) / "cur" / f"{1_600_000_000 + number}.M{number}P1.corpus:2,S"
            path.write_bytes(b"From: a@b.test\nSubject: number %d\n\n" % number + b"a line of text\n" * 20)
        yield Path(folder)


def large(wanted: Wanted) -> Measurement:
    """A mailbox of many small messages, which the server has seen before: a session that opens it, and how long another
    one waits for NOOP while the first has all messages sent, and has them all searched without an index."""
    count = wanted.count(100_000)
    with small_messages(count) as inbox:
        peer = (lambda: _opened(dovecot, inbox)) if can_have("dovecot") else None
        figures = in_turns(wanted.runs, UNITS, lambda: _opened(ours, inbox), peer, "Dovecot")
        return Measurement(f"{count:,} messages", figures)


def _opened(server: Callable[..., AbstractContextManager[Served]], inbox: Path) -> Measured:
    with server(inbox=inbox) as served:
        before = Client(served)
        before.exists()
        before.ask("LOGOUT")
        time.sleep(LEAVE)
        client, other = Client(served), Client(served)
        measured = {"SELECT": client.timed("SELECT INBOX"), "flags of all": client.timed("UID FETCH 1:* (FLAGS)")}
        return measured | {name: _beside(client, command, other) for name, command in BESIDE.items()}


def _beside(client: Client, command: str, other: Client) -> float:
    """Milliseconds.  ``client`` waits in a process of its own, lest it keeps ``other`` from looking at the clock."""
    working = multiprocessing.get_context("fork").Process(target=client.ask, args=(command,))
    working.start()
    waits = [other.timed("NOOP") * 1000]
    while working.is_alive() or len(waits) < 2:
        time.sleep(0.001)
        waits.append(other.timed("NOOP") * 1000)
    working.join()
    if working.exitcode:
        raise RuntimeError(f"{command} failed")
    return statistics.quantiles(waits, n=100)[98]
