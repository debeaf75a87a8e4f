"""The parts that promise durability, on one folder: stores, queue, delivery.  And what a client can see of them."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.task import Clock

from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.model import Address, Destination, Envelope, Flags, Queued, Recipient, ToMailbox, ToRemote
from mailsuite.offload import Inline
from mailsuite.query import Ranges
from mailsuite.queue.disk import DiskQueue
from mailsuite.services.batches import Batches
from mailsuite.services.delivery import Delivery
from mailsuite.store.maildir import MaildirStores
from mailsuite.store.names import account_path
from mailsuite.testing.results import result_of

EPOCH = 1_750_000_000.0
#: Octets of a journal file: small, so that scenarios fill one and go on in the other.
JOURNAL = 96 * 1024
#: Seconds for which deliveries wait to be placed, where they do.
LINGER = 0.5
#: A file that says that there is to be no journal.
NO_JOURNAL = "without-journal"
ANN, BOB = "ann@example.org", "bob@example.org"
ACCOUNTS = (ANN, BOB)
TRACE = b"Received: from client\r\n\tby mail.example.org; now\r\n"


class Seen(msgspec.Struct, frozen=True):
    """A message as a client sees it."""

    octets: bytes
    flags: Flags
    date: float
    modseq: int


class Box(msgspec.Struct, frozen=True):
    """A mailbox as a client sees it."""

    uidvalidity: int
    uidnext: int
    highestmodseq: int
    messages: dict[int, Seen]
    #: MODSEQ -> what a client that knows it is told of what is gone since; of some that are near.
    vanished: dict[int, Ranges]


class Waiting(msgspec.Struct, frozen=True):
    """A queued message; ``queued`` without what is counted anew at each start."""

    queued: Queued
    octets: bytes


class View(msgspec.Struct, frozen=True):
    """Everything a client or an operator was told, or could be."""

    boxes: dict[tuple[str, str], Box]
    names: frozenset[tuple[str, str, str]]  # (account, "subscribed" or special use, mailbox)
    queue: dict[str, Waiting]


class Plain(RealDisk):
    """A disk without a journal, for programs that are no server."""

    def open(self, keep: bool) -> None: ...

    def close(self) -> None: ...


class World:
    """A server without its protocols, on the folder ``root``.  Only what is below ``root/disk`` is to survive."""

    def __init__(self, root: Path, now: float = EPOCH, pid: int = 1) -> None:
        self.root = root
        self.clock = Clock()
        self.clock.advance(now)
        self.disk_folder = root / "disk"
        self.started = False
        self._pid = pid

    def start(self) -> None:
        """What a starting server does, and each account opened once."""
        offload, folder = Inline(), str(self.disk_folder)
        plain = (self.disk_folder / NO_JOURNAL).exists()
        disk = self.disk = Plain() if plain else JournalDisk(f"{folder}/queue/journal", JOURNAL)
        disk.open(keep=False)
        spool = Spool(str(self.root / "spool"), offload, memory_limit=20_000)
        spool.clean()
        self.stores = MaildirStores(
            f"{folder}/store", disk, offload, self.clock, "mail.example.org", pid=lambda: self._pid
        )
        self.queue = DiskQueue(f"{folder}/queue", disk, offload, self.clock, rng=random.Random(0))
        result_of(self.queue.load())
        self.delivery = Delivery(self.stores, self.queue, spool, Batches(disk, offload, self.clock))
        self.behind = Delivery(self.stores, self.queue, spool, Batches(disk, offload, self.clock, linger=LINGER))
        self.started = True
        for account in ACCOUNTS:
            self.store(account)

    def abandon(self) -> None:
        """Free what an ended process would not hold: nothing is written."""
        if not isinstance(self.disk, Plain):
            self.disk._journal.close()
        for mail in self.stores._accounts.values() if hasattr(self, "stores") else ():
            if mail._opened:
                mail.index.close()

    def wait(self, seconds: float) -> None:
        """Time passes, and what was put off is done."""
        self.clock.advance(seconds)
        self.disk.checkpoint()

    def stop(self) -> None:
        """In order."""
        result_of(self.stores.close())
        self.disk.close()

    # -- mail ------------------------------------------------------------------------------------------------------

    def store(self, account: str = ANN) -> Any:
        return result_of(self.stores.open(account))

    def mailbox(self, name: str = "INBOX", account: str = ANN) -> Any:
        return result_of(self.store(account).open(name))

    def draft(self, octets: bytes) -> Any:
        draft = self.delivery.draft()
        for start in range(0, len(octets), 7000):
            draft.write(octets[start : start + 7000])
        return draft

    def deliver(self, octets: bytes, *to: Destination, id: str = "") -> None:
        recipients = tuple(each.recipient for each in to if isinstance(each, ToRemote))
        envelope = Envelope(id or f"M{octets[9:17].hex()}", Address("eve", "c.test"), recipients, self.clock.seconds())
        result_of(self.delivery.commit(self.draft(octets), envelope, TRACE, to or (ToMailbox(ANN),)))

    def deliver_behind(self, octets: bytes, *to: Destination, id: str = "") -> None:
        """Answered when it is durable; placed ``LINGER`` seconds later, unless somebody looks."""
        delivery, self.delivery = self.delivery, self.behind
        try:
            self.deliver(octets, *to, id=id)
        finally:
            self.delivery = delivery

    def append(self, name: str, *messages: bytes, flags: Flags = frozenset(), date: float = EPOCH - 1e6) -> None:
        drafts = [(self.draft(octets), flags, date) for octets in messages]
        result_of(self.store().append(name, drafts))

    def replace(
        self, uid: int, octets: bytes, target: str = "INBOX", flags: Flags = frozenset(), date: float = EPOCH - 1e6
    ) -> None:
        """RFC 8508, of a message of the INBOX."""
        result_of(self.store().replace(self.mailbox(), uid, target, (self.draft(octets), flags, date)))

    def copy(self, uids: Sequence[int], source: str, target: str, move: bool = False) -> None:
        result_of(self.store().copy(self.mailbox(source), uids, target, move))

    # -- what is seen ----------------------------------------------------------------------------------------------

    def view(self) -> View:
        boxes: dict[tuple[str, str], Box] = {}
        names = set()
        for account in ACCOUNTS:
            store = self.store(account)
            for info in result_of(store.list()):
                if info.subscribed:
                    names.add((account, "subscribed", info.name))
                if info.special_use:
                    names.add((account, info.special_use, info.name))
                if info.selectable:
                    boxes[account, info.name] = _box(result_of(store.open(info.name)))
        queue = {queued.envelope.id: self._waiting(queued) for queued in result_of(self.queue.list())}
        return View(boxes, frozenset(names), queue)

    def _waiting(self, queued: Queued) -> Waiting:
        body = result_of(self.queue.body(queued.envelope.id))
        octets = _all_of(body)
        assert len(octets) == queued.size, f"a queued message of {len(octets)} octets says {queued.size}"
        return Waiting(queued, octets)


def _box(mailbox: Any) -> Box:
    snapshot = result_of(mailbox.snapshot(False))
    fetched = result_of(mailbox.fetch(snapshot.uids, ["date", "modseq", "size"]))
    flags = dict(zip(snapshot.uids, snapshot.flags, strict=True))
    messages = {}
    for each in fetched:
        date, modseq, size = each.items
        octets = _all_of(result_of(mailbox.body(each.uid)))
        assert len(octets) == size, f"a message of {len(octets)} octets says {size}"
        messages[each.uid] = Seen(octets, flags[each.uid], date, modseq)
    assert set(messages) == set(flags), "listed and cannot be fetched"
    highest = snapshot.highestmodseq
    near = {*range(1, min(highest, 40) + 1), *range(max(1, highest - 20), highest + 1)}
    vanished = {modseq: result_of(mailbox.vanished_since(modseq)) for modseq in near}
    return Box(snapshot.uidvalidity, snapshot.uidnext, highest, messages, vanished)


def _all_of(body: Any) -> bytes:
    parts = []
    while (done := sum(map(len, parts))) < body.size:
        parts.append(result_of(body.read_at(done, 1 << 20)))
    body.close()
    return b"".join(parts)


def message(number: int, size: int = 300) -> bytes:
    """A message unlike all others; its subject begins at octet 9."""
    head = b"Subject: n%07d\r\nFrom: eve@c.test\r\n\r\n" % number
    line = b"%07d of the lines of this message\r\n" % number
    return head + (line * (size // len(line) + 1))[:size] + b"\r\n"


def remote(*names: str) -> list[ToRemote]:
    return [ToRemote(Recipient(Address(name, "far.test"))) for name in names]


def index_files(disk: Path) -> dict[str, bytes]:
    """The caches as they lie now: path relative to ``disk`` -> octets."""
    found = {}
    for account in ACCOUNTS:
        for name in ("index.sqlite", "index.sqlite-wal"):
            path = f"store/{account_path(account)}/{name}"
            with contextlib.suppress(FileNotFoundError):
                found[path] = (disk / path).read_bytes()
    return found
