"""Times the IMAP language without any I/O: ``python bench/imap_core.py``; prints milliseconds, the best of several."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

from mailsuite.imap import responses, rows
from mailsuite.imap.events import Fetch
from mailsuite.imap.server import ServerCore
from mailsuite.imap.view import View
from mailsuite.model import FlagsChanged, Snapshot, Vanished
from mailsuite.query import STAR, Uids
from mailsuite.wire.signals import NEED_DATA

EVERY = Uids(((1, STAR),))
KINDS = tuple(
    frozenset(f) for f in ((), ("\\Seen",), ("\\Seen", "\\Answered"), ("\\Seen", "$Forwarded"), ("\\Flagged",))
)


def snapshot(count: int) -> Snapshot:
    uids = tuple(range(1000, 1000 + 3 * count, 3))
    flags = tuple(KINDS[n * 7 % 5] for n in range(count))
    return Snapshot(1, 10**6, 1, uids, flags, frozenset(), ("$Forwarded",), 0)


def best(what: str, work: Callable[[], object], times: int = 7) -> None:
    figures = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        figures.append(time.perf_counter() - start)
    print(f"{what:60s} {min(figures) * 1000:9.3f} ms")


def commands(text: bytes, count: int) -> None:
    core = ServerCore()
    core.receive(b"a LOGIN u p\r\n" + b"b SELECT INBOX\r\n")
    for tag in (b"a", b"b"):
        core.next_event()
        core.ok(tag, b"done")
    core.receive(text * count)
    while (event := core.next_event()) is not NEED_DATA:
        core.ok(event.tag, b"done")  # type: ignore[union-attr]
    core.data_to_send()


def views(big: Snapshot, middle: Snapshot) -> None:
    """Sequence numbers and flags of a mailbox."""
    best("view of 100,000 messages: build", lambda: View(big))
    tracemalloc.start()
    kept = View(big)
    print(f"{'view of 100,000 messages: memory':60s} {tracemalloc.get_traced_memory()[0] / 2**20:9.3f} MiB")
    tracemalloc.stop()
    best("view of 100,000 messages: opening lines", kept.opening)
    view = View(middle)
    uids = view.resolve(EVERY)
    best("20,000 messages: resolve 1:*", lambda: view.resolve(EVERY))
    best("20,000 messages: UID FETCH 1:* (FLAGS) rows", lambda: view.flag_rows(view.resolve(EVERY), uid=True))
    best("20,000 messages: FETCH 1:* (FLAGS) rows", lambda: view.flag_rows(uids, uid=False))
    best("20,000 messages: all flags change, half vanish, told", lambda: changes(middle))


def changes(middle: Snapshot) -> None:
    other = View(middle)
    other.apply([FlagsChanged(middle.uids, (KINDS[1],) * len(middle.uids), 2)])
    other.tell(True, True)
    other.apply([Vanished(middle.uids[::2], 3)])
    other.tell(True, True)


def fetch_rows(middle: Snapshot) -> None:
    """Rows of a FETCH with what the index knows."""
    core = ServerCore()
    core.receive(b"a LOGIN u p\r\nb SELECT x\r\nc UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)\r\n")
    for tag in (b"a", b"b"):
        core.next_event()
        core.ok(tag, b"done")
    fetch = core.next_event()
    assert isinstance(fetch, Fetch)
    plan = rows.plan(fetch.items, keeps_seen=False)
    envelope = b'("Mon, 7 Feb 1994 21:52:25 -0800 (PST)" "subject" NIL NIL NIL NIL NIL NIL NIL "<a@b>")'
    view = View(middle)
    uids = view.resolve(EVERY)

    def envelopes() -> bytes:
        values = [[1_700_000_000 + uid for uid in uids], uids, [envelope for _ in uids]]
        return plan.rows(view.numbers(uids), uids, view.rendered(uids), values)

    best("20,000 messages: rows of FLAGS INTERNALDATE SIZE ENVELOPE", envelopes)
    best("20,000 internal dates", lambda: responses.internaldates([1.7e9 + 3600 * u for u in uids]))


def append() -> None:
    """50 MiB through the core."""
    core = ServerCore()
    core.receive(b"a LOGIN u p\r\n")
    core.next_event()
    core.ok(b"a", b"done")
    core.receive(b"b APPEND x {%d+}\r\n" % (50 * 2**20))
    core.next_event()
    core.accept()
    chunk = b"x" * 65536
    for _ in range(800):
        core.receive(chunk)
        while core.next_event() is not NEED_DATA:
            pass


def main() -> None:
    middle = snapshot(20_000)
    views(snapshot(100_000), middle)
    fetch_rows(middle)
    best("10,000 NOOP", lambda: commands(b"a NOOP\r\n", 10_000), 3)
    fetch = b"a UID FETCH 4711 (FLAGS BODY.PEEK[])\r\n"
    best("10,000 UID FETCH n (FLAGS BODY.PEEK[])", lambda: commands(fetch, 10_000), 3)
    best("50 MiB of APPEND in 64 KiB pieces", append, 3)


if __name__ == "__main__":
    main()
