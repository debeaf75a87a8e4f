"""Messages a second that the store takes, everything durable.

store_ingest.py [--watched] [COUNT] [SESSIONS] [ACCOUNTS] [SIZE] [FOLDER]

With ``--watched`` a session looks at the INBOX of every account all the time, as an IMAP client in IDLE does.
"""

from __future__ import annotations

import functools
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from mailsuite.disk.inotify import Inotify
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.placer_process import PlacerProcess
from mailsuite.disk.spool import Spool
from mailsuite.interfaces import IWatch
from mailsuite.model import Address, Arrived, Envelope, ToMailbox
from mailsuite.offload import Offload
from mailsuite.services.batches import Batches
from mailsuite.services.parts import GATHER, GATHER_MANY, LINGER, LINGER_MANY
from mailsuite.store import scan
from mailsuite.store.maildir import MaildirStores

WATCHED = "--watched" in sys.argv
if WATCHED:
    sys.argv.remove("--watched")
COUNT, SESSIONS, ACCOUNTS, SIZE = (
    int(argument) for argument in (*sys.argv[1:5], *("5000", "20", "1", "4096")[len(sys.argv) - 1 :])
)
TRACE = b"Received: from client.example by bench.example with ESMTP id 1; Tue, 14 Nov 2023 22:13:20 +0000\r\n"


class Lateness:
    """How late a 1 ms timer is, in milliseconds."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self._due = 0.0

    def tick(self) -> None:
        now = time.perf_counter()
        if self._due:
            self.seen.append((now - self._due) * 1000)
        self._due = now + 0.001
        reactor.callLater(0.001, self.tick)

    def percentile(self, share: float) -> float:
        return sorted(self.seen)[int(len(self.seen) * share)]


async def watch(stores: MaildirStores) -> list[int]:
    """Idle on every account; gives how many messages each ``take`` told of."""
    heard: list[int] = []
    for account in range(ACCOUNTS):
        store = await stores.open(f"u{account}@bench.example")
        mailbox = await store.open("INBOX")
        at = (await mailbox.snapshot(True)).at
        watches: list[IWatch] = []

        def woken(watches: list[IWatch] = watches) -> None:
            heard.append(sum(len(change.uids) for change in watches[0].take() if isinstance(change, Arrived)))

        watches.append(mailbox.watch(at, woken))
    return heard


listings: list[str] = []
_listing = scan.listing


def _counted(folder: str, recent: bool, strange: list[str]) -> scan.Listing:
    if recent:
        listings.append(folder)
    return _listing(folder, recent, strange)


scan.listing = _counted


async def run(clock: object) -> None:
    folder = Path(sys.argv[5] if len(sys.argv) > 5 else tempfile.mkdtemp(prefix="ingest", dir="."))
    offload = Offload(reactor)
    offload.start()
    placer = PlacerProcess(time.monotonic)
    disk = JournalDisk(str(folder / "queue" / "journal"), placer=placer)
    disk.open()
    batches = Batches(
        disk, offload, reactor, gather=GATHER, linger=LINGER, gather_many=GATHER_MANY, linger_many=LINGER_MANY
    )
    stores = MaildirStores(
        str(folder / "store"),
        disk,
        offload,
        reactor,
        "bench.example",
        open_eyes=lambda told: Inotify(reactor, told),
        summarize=placer.summarize,
    )
    heard = await watch(stores) if WATCHED else []
    spool = Spool(str(folder / "spool"), offload)
    spool.clean()
    body = b"From: a@b\r\nSubject: bench\r\n\r\n" + (b"x" * 70 + b"\r\n") * (SIZE // 72)
    left = [COUNT]

    async def session(number: int) -> None:
        while left[0] > 0:
            left[0] -= 1
            draft = spool.draft()
            draft.write(body)
            to = ToMailbox(f"u{left[0] % ACCOUNTS}@bench.example")
            envelope = Envelope("1", Address("a", "b"), (), 0)
            placed = stores.placements([to], envelope, TRACE, await draft.content())
            await batches.place(placed, len(body), functools.partial(stores.arrived, placed))
            draft.discard()

    lateness = Lateness()
    lateness.tick()
    began, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await gatherResults([Deferred.fromCoroutine(session(number)) for number in range(SESSIONS)])
    took = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(f"{COUNT} messages of {len(body)} octets to {ACCOUNTS} accounts, {SESSIONS} sessions: {COUNT / took:.0f}/s")
    print(f"grown by {grown:.0f} MiB; a 1 ms timer late by {lateness.percentile(0.99):.1f} ms at the 99th percentile")
    if WATCHED:
        print(f"heard of {sum(heard)} messages, listed the folder {len(listings)} times")
    began = time.perf_counter()
    await stores.close()
    disk.close()
    print(f"closed in {time.perf_counter() - began:.2f} s")
    offload.stop()
    if len(sys.argv) <= 5:
        shutil.rmtree(folder)


react(lambda clock: Deferred.fromCoroutine(run(clock)))
