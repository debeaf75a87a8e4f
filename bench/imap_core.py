"""What the IMAP language costs without any I/O: views of mailboxes, rows of FETCH, commands, a large APPEND.

    python -m bench.imap_core [--messages N] [--commands N] [--append MIB] [--runs N]

Prints milliseconds by the clock for each kind of work, the best of several runs, and what a view holds in MiB.
Example: ``python -m bench.imap_core --messages 100000`` for a mailbox that is large.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

from bench.program import Arguments
from mailsuite.imap import responses, rows
from mailsuite.imap.events import AppendChunk, Fetch
from mailsuite.imap.server import ServerCore
from mailsuite.imap.view import View
from mailsuite.model import FlagsChanged, Snapshot, Vanished
from mailsuite.query import STAR, Uids
from mailsuite.wire.signals import NEED_DATA

EVERY = Uids(((1, STAR),))
KINDS = tuple(
    frozenset(f) for f in ((), ("\\Seen",), ("\\Seen", "\\Answered"), ("\\Seen", "$Forwarded"), ("\\Flagged",))
)
PIECE = b"x" * 65536


def snapshot(count: int) -> Snapshot:
    uids = tuple(range(1000, 1000 + 3 * count, 3))
    flags = tuple(KINDS[n * 7 % 5] for n in range(count))
    return Snapshot(1, 10**6, 1, uids, flags, frozenset(), ("$Forwarded",), 0)


class Times:
    """Prints the best of ``runs``."""

    def __init__(self, runs: int) -> None:
        self._runs = runs

    def best(self, what: str, work: Callable[[], object]) -> None:
        figures = []
        for _ in range(self._runs):
            start = time.perf_counter()
            work()
            figures.append(time.perf_counter() - start)
        print(f"{what:60s} {min(figures) * 1000:9.3f} ms")


def logged_in(more: bytes = b"") -> ServerCore:
    """A session with INBOX selected, which has received ``more``."""
    core = ServerCore()
    core.receive(b"a LOGIN u p\r\nb SELECT INBOX\r\n" + more)
    for tag in (b"a", b"b"):
        core.next_event()
        core.ok(tag, b"done")
    return core


def commands(text: bytes, count: int) -> None:
    """All of them pipelined."""
    core = logged_in(text * count)
    answered = 0
    while (event := core.next_event()) is not NEED_DATA:
        core.ok(event.tag, b"done")  # type: ignore[union-attr]
        answered += 1
    if answered != count or b" BAD " in core.data_to_send():
        raise RuntimeError(f"{answered} commands of {count}")


def views(times: Times, count: int) -> None:
    """Sequence numbers and flags of a mailbox."""
    given, name = snapshot(count), f"{count:,} messages"
    times.best(f"{name}: build a view", lambda: View(given))
    tracemalloc.start()
    view = View(given)
    print(f"{name + ': a view holds':60s} {tracemalloc.get_traced_memory()[0] / 2**20:9.3f} MiB")
    tracemalloc.stop()
    times.best(f"{name}: opening lines", view.opening)
    uids = view.resolve(EVERY)
    times.best(f"{name}: resolve 1:*", lambda: view.resolve(EVERY))
    times.best(f"{name}: UID FETCH 1:* (FLAGS) rows", lambda: view.flag_rows(view.resolve(EVERY), uid=True))
    times.best(f"{name}: FETCH 1:* (FLAGS) rows", lambda: view.flag_rows(uids, uid=False))
    times.best(f"{name}: all flags change, half vanish, told", lambda: changes(given))
    fetch_rows(times, view, name)


def changes(given: Snapshot) -> None:
    other = View(given)
    other.apply([FlagsChanged(given.uids, (KINDS[1],) * len(given.uids), 2)])
    other.tell(True, True)
    other.apply([Vanished(given.uids[::2], 3)])
    other.tell(True, True)


def fetch_rows(times: Times, view: View, name: str) -> None:
    """Rows of a FETCH with what the index knows."""
    core = logged_in(b"c UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)\r\n")
    fetch = core.next_event()
    assert isinstance(fetch, Fetch)
    plan = rows.plan(fetch.items, keeps_seen=False)
    envelope = b'("Mon, 7 Feb 1994 21:52:25 -0800 (PST)" "subject" NIL NIL NIL NIL NIL NIL NIL "<a@b>")'
    uids = view.resolve(EVERY)

    def envelopes() -> bytes:
        values = [[1_700_000_000 + uid for uid in uids], uids, [envelope for _ in uids]]
        return plan.rows(view.numbers(uids), uids, view.rendered(uids), values)

    times.best(f"{name}: rows of FLAGS INTERNALDATE SIZE ENVELOPE", envelopes)
    times.best(f"{name}: internal dates", lambda: responses.internaldates([1.7e9 + 3600 * u for u in uids]))


def append(size: int) -> None:
    """That many MiB through the core."""
    octets = size * 2**20
    core = logged_in(b"c APPEND x {%d+}\r\n" % octets)
    core.next_event()
    core.accept()
    taken = 0
    for _ in range(octets // len(PIECE)):
        core.receive(PIECE)
        while (event := core.next_event()) is not NEED_DATA:
            assert isinstance(event, AppendChunk)
            taken += len(event.data)
    if taken != octets:
        raise RuntimeError(f"{taken} octets of {octets}")


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 20_000, "messages of the mailbox")
    parser.count("--commands", 10_000, "commands of a kind")
    parser.count("--append", 50, "size of the APPEND in MiB", most=256)
    parser.count("--runs", 5, "runs, of which the best counts")
    asked = parser.parse_args()
    times = Times(asked.runs)
    views(times, asked.messages)
    fetch = b"a UID FETCH 4711 (FLAGS BODY.PEEK[])\r\n"
    times.best(f"{asked.commands:,} NOOP", lambda: commands(b"a NOOP\r\n", asked.commands))
    times.best(f"{asked.commands:,} UID FETCH n (FLAGS BODY.PEEK[])", lambda: commands(fetch, asked.commands))
    times.best(f"{asked.append} MiB of APPEND in 64 KiB pieces", lambda: append(asked.append))


if __name__ == "__main__":
    main()
