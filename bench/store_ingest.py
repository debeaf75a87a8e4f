"""How many messages a second the store takes, everything durable, with a server's reactor, threads and placer.

    python -m bench.store_ingest [--messages N] [--sessions N] [--accounts N] [--size OCTETS] [--watched] [--folder DIR]

Prints messages a second, MiB by which the process grew while messages were on their way, how late a timer of 1 ms was
in milliseconds, by how many MiB the process is larger after a rest, and seconds to close the store.  With ``--watched``
a session looks at the INBOX of every account all the time, as an IMAP client in IDLE does; then also of how many
messages they heard, and how often a folder was listed for it.
Example: ``python -m bench.store_ingest --messages 20000 --sessions 100 --accounts 50 --watched``.
"""

from __future__ import annotations

import argparse
import functools
import resource
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater, react

from bench.program import Arguments, temporary
from mailsuite.disk.inotify import Inotify
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.placer_process import PlacerProcess
from mailsuite.disk.spool import Spool, content_of
from mailsuite.interfaces import IWatch
from mailsuite.model import Address, Arrived, Envelope, ToMailbox
from mailsuite.offload import Offload
from mailsuite.services.allocator import give_back, keep_little
from mailsuite.services.batches import Batches
from mailsuite.services.parts import GATHER, GATHER_MANY, LINGER, LINGER_MANY
from mailsuite.store import scan
from mailsuite.store.maildir import MaildirStores

#: Seconds.
PATIENCE = 30.0
REST = 5.0
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
        return sorted(self.seen or [0.0])[int(len(self.seen) * share)]


class Watchers:
    """Sessions that idle; what they heard, and how often ``new`` of a Maildir was listed for it."""

    def __init__(self) -> None:
        self.heard = 0
        self.listings = 0
        self._listing = scan.listing

    async def watch(self, stores: MaildirStores, account: str) -> None:
        store = await stores.open(account)
        mailbox = await store.open("INBOX")
        at = (await mailbox.snapshot(True)).at
        watches: list[IWatch] = []

        def woken() -> None:
            self.heard += sum(len(change.uids) for change in watches[0].take() if isinstance(change, Arrived))

        watches.append(mailbox.watch(at, woken))

    async def hear(self, count: int) -> None:
        """Wait until they have heard of so many: files follow the answers.  RuntimeError if they do not."""
        end = time.monotonic() + PATIENCE
        while self.heard < count:
            if time.monotonic() > end:
                raise RuntimeError(f"sessions heard of {self.heard} messages of {count}")
            await deferLater(reactor, 0.01)

    def listing(self, folder: str, recent: bool, strange: list[str]) -> scan.Listing:
        """In place of ``scan.listing``."""
        self.listings += recent
        return self._listing(folder, recent, strange)


class Server:
    """What takes messages in a server, without a protocol."""

    def __init__(self, folder: Path) -> None:
        self._offload = Offload(reactor)
        placer = PlacerProcess(time.monotonic)
        self._disk = JournalDisk(str(folder / "queue" / "journal"), placer=placer)
        self._batches = Batches(
            *(self._disk, self._offload, reactor),
            gather=GATHER,
            linger=LINGER,
            gather_many=GATHER_MANY,
            linger_many=LINGER_MANY,
        )
        self.stores = MaildirStores(
            *(str(folder / "store"), self._disk, self._offload, reactor, "bench.example"),
            open_eyes=lambda told: Inotify(reactor, told),
            summarize=placer.summarize,
        )
        self._spool = Spool(str(folder / "spool"), self._offload)

    def open(self) -> None:
        self._offload.start()
        self._disk.open()
        self._spool.clean()

    async def take(self, account: str, body: bytes) -> None:
        """One message, until it is durable."""
        draft = self._spool.draft()
        draft.write(body)
        content = content_of(draft)
        if isinstance(content, Deferred):
            content = await content
        envelope = Envelope("1", Address("a", "b"), (), 0)
        placed = self.stores.placements([ToMailbox(account)], envelope, TRACE, content)
        await self._batches.place(placed, content.stored, functools.partial(self.stores.arrived, placed))
        draft.discard()

    def close(self) -> None:
        """After the stores, or after a failure: no thread and no process is left."""
        self._offload.stop()
        self._disk.close()


async def run(server: Server, asked: argparse.Namespace) -> None:
    watchers = Watchers()
    accounts = [f"u{number}@bench.example" for number in range(asked.accounts)]
    if asked.watched:
        scan.listing = watchers.listing
        for account in accounts:
            await watchers.watch(server.stores, account)
    lateness = Lateness()
    lateness.tick()
    before = resident()
    await ingest(server, asked, accounts)
    if asked.watched:
        await watchers.hear(asked.messages)
    print(f"a 1 ms timer late by {lateness.percentile(0.99):.1f} ms at the 99th percentile")
    await deferLater(reactor, REST)
    give_back()  # as a server does every half a minute
    print(f"grown by {max(0.0, resident() - before):.0f} MiB after {REST:.0f} s of rest")
    began = time.perf_counter()
    await server.stores.close()
    server.close()
    print(f"closed in {time.perf_counter() - began:.2f} s")
    if asked.watched:
        print(f"heard of {watchers.heard} messages, listed the folder {watchers.listings} times")


def resident() -> float:
    """MiB of memory that the process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


async def ingest(server: Server, asked: argparse.Namespace, accounts: list[str]) -> None:
    body = b"From: a@b\r\nSubject: bench\r\n\r\n" + (b"x" * 70 + b"\r\n") * (asked.size // 72)
    left = iter(range(asked.messages))

    async def session() -> None:
        for number in left:
            await server.take(accounts[number % len(accounts)], body)

    began, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await gatherResults([Deferred.fromCoroutine(session()) for _ in range(asked.sessions)], consumeErrors=True)
    took = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    what = f"{asked.messages} messages of {len(body)} octets to {asked.accounts} accounts, {asked.sessions} sessions"
    print(f"{what}: {asked.messages / took:.0f}/s")
    print(f"grown by {grown:.0f} MiB at most")


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 5000, "messages in all")
    parser.count("--sessions", 20, "sessions that deliver at the same time")
    parser.count("--accounts", 1, "accounts that they deliver to in turns")
    parser.size(4096, "octets of a message, about")
    parser.add_argument("--watched", action="store_true", help="a session waits for mail of every account")
    parser.folder()
    asked = parser.parse_args()
    keep_little()
    with temporary(asked.folder) as folder:
        server = Server(folder)
        try:
            server.open()
            react(lambda _: Deferred.fromCoroutine(run(server, asked)))
        finally:
            server.close()


if __name__ == "__main__":
    main()
