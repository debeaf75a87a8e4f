"""What every IBody does: in memory, from a file, of a draft, of the queue and of a mailbox."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.disk.body import FileBody, OctetsBody, open_body
from mailsuite.disk.placement import place
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.errors import Expunged, Temporary
from mailsuite.interfaces import IBody, IDelivery, IMailbox, IMailStores
from mailsuite.mime.downgrade import Edit
from mailsuite.mime.header import header_end
from mailsuite.model import (
    INBOX,
    NO_FLAGS,
    NULL_SENDER,
    Address,
    Drop,
    Envelope,
    Recipient,
)
from mailsuite.net.downgraded import DowngradedBody
from mailsuite.net.reheaded import ReheadedBody
from mailsuite.queue.disk import DiskQueue
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.held import HeldOffload
from mailsuite.testing.memory_body import MemoryBody
from mailsuite.testing.memory_store import MemoryStores
from mailsuite.testing.queue import MemoryQueue, order
from mailsuite.testing.results import result_of

MEBIBYTE = 1 << 20
ENVELOPE = Envelope("m1", NULL_SENDER, (Recipient(Address("bob", "b.test")),), 0.0)


class Opened(msgspec.Struct):
    """A body, and how its message is removed while the body is open."""

    body: Any
    remove: Callable[[], object]


class Maker:
    """Opens messages of one kind; ``done`` waits for what a thread does."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._make: Callable[[bytes], Opened] = getattr(self, kind)
        self.offload, self.folder, self.clock = HeldOffload(), folder, Clock()
        self.closing: list[Callable[[], object]] = []

    def __call__(self, octets: bytes) -> Opened:
        opened = self._make(octets)
        self.closing.append(opened.body.close)
        return opened

    def done(self, deferred: Deferred[Any]) -> Any:
        self.offload.go()
        return result_of(deferred)

    def open_messages(self) -> list[str]:
        """Files that this process has open, but for the store's index."""
        found = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        return [path for path in found if path.startswith(str(self.folder)) and "index" not in path]

    # -- the kinds -------------------------------------------------------------------------------------------------

    def double(self, octets: bytes) -> Opened:
        body = MemoryBody(octets)
        return Opened(body, lambda: setattr(body, "gone", True))

    def octets(self, octets: bytes) -> Opened:
        return Opened(OctetsBody(octets), lambda: None)

    def downgraded(self, octets: bytes) -> Opened:
        """What stands in its place in two spots is there already, something else is asked away."""
        cut = len(octets) // 3
        body = MemoryBody(b"gone" + octets[:cut] + b"XYZ" + octets[2 * cut :])
        edits = [Edit(0, 4, b""), Edit(4 + cut, 7 + cut, octets[cut : 2 * cut])]
        return Opened(DowngradedBody(body, edits), lambda: setattr(body, "gone", True))

    def reheaded(self, octets: bytes) -> Opened:
        body, end = MemoryBody(b"Gone: x\r\n" + octets), header_end(octets)
        return Opened(ReheadedBody(body, 9 + end, octets[:end]), lambda: setattr(body, "gone", True))

    def opened_file(self, octets: bytes) -> Opened:
        path = self.folder / "file"
        path.write_bytes(octets.replace(b"\r\n", b"\n"))
        return Opened(open_body(str(path), self.offload), path.unlink)

    def large_file(self, octets: bytes) -> Opened:
        """As of a message that is too large to be kept, with its first half as a head."""
        path, half = self.folder / "file", octets.find(b"\n", len(octets) // 2) + 1
        path.write_bytes(b"skip" + octets[half:].replace(b"\r\n", b"\n"))
        fd = os.open(path, os.O_RDONLY)
        return Opened(FileBody(fd, self.offload, len(octets), 4, octets[:half]), path.unlink)

    def memory_draft(self, octets: bytes) -> Opened:
        return self._drafted(MemoryDelivery(), octets)

    def small_draft(self, octets: bytes) -> Opened:
        return self._drafted(Spool(str(self.folder), self.offload, 8 * MEBIBYTE), octets)

    def spilled_draft(self, octets: bytes) -> Opened:
        return self._drafted(Spool(str(self.folder), self.offload, 0), octets)

    def _drafted(self, source: Any, octets: bytes) -> Opened:
        draft = self._written(source, octets)
        return Opened(self.done(draft.body()), draft.discard)

    def _written(self, source: IDelivery | Spool, octets: bytes) -> Any:
        draft = source.draft()
        draft.write(octets)
        return draft

    def memory_queue(self, octets: bytes) -> Opened:
        queue = MemoryQueue(self.clock)
        queue.add(ENVELOPE, octets)
        return Opened(result_of(queue.body("m1")), lambda: order(queue, "m1", Drop()))

    def disk_queue(self, octets: bytes) -> Opened:
        queue = DiskQueue(str(self.folder / "queue"), RealDisk(), self.offload, self.clock)
        self.done(queue.load())
        draft = self._written(Spool(str(self.folder), self.offload, 0), octets)
        placement = queue.placement(ENVELOPE, b"", self.done(draft.content()))
        place(RealDisk(), [placement])
        queue.arrived(placement)
        return Opened(self.done(queue.body("m1")), lambda: self.done(order(queue, "m1", Drop())))

    def memory_mailbox(self, octets: bytes) -> Opened:
        return self._in_mailbox(MemoryStores(), octets)

    def maildir_mailbox(self, octets: bytes) -> Opened:
        stores = MaildirStores(str(self.folder / "store"), RealDisk(), self.offload, self.clock, "host")
        self.closing.append(stores.close)
        return self._in_mailbox(stores, octets)

    def _in_mailbox(self, stores: IMailStores, octets: bytes) -> Opened:
        store = self.done(stores.open("ann@a.test"))
        draft = self._written(Spool(str(self.folder), self.offload, 0), octets)
        ((appended),) = self.done(store.append(INBOX, [(draft, NO_FLAGS, 0.0)]))
        mailbox: IMailbox = self.done(store.open(INBOX))
        return Opened(self.done(mailbox.body(appended.uid)), lambda: self.done(mailbox.expunge([appended.uid])))


KINDS = [
    "double",
    "octets",
    "downgraded",
    "reheaded",
    "opened_file",
    "large_file",
    "memory_draft",
    "small_draft",
    "spilled_draft",
    "memory_queue",
    "disk_queue",
    "memory_mailbox",
    "maildir_mailbox",
]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    made = Maker(request.param, tmp_path)
    yield made
    for close in made.closing:
        close()
    made.offload.go()


def message(size: int) -> bytes:
    """About ``size`` octets, no two lines alike."""
    return b"Subject: hi\r\nX: y\r\n\r\n" + b"".join(b"line %08d\r\n" % n for n in range(size // 15))


def test_it_is_a_body(make: Maker) -> None:
    assert verifyObject(IBody, make(message(100)).body)


@pytest.mark.parametrize("size", [100, 300_000])
def test_any_part_is_read_in_any_order(make: Maker, size: int) -> None:
    octets = message(size)
    body = make(octets).body
    assert body.size == len(octets)
    end = len(octets)
    for offset, length in [(0, end), (7, 9), (end - 5, 5), (end - 5, 50), (end, 1), (end + 9, 9), (3, 0), (20, 70_000)]:
        assert make.done(body.read_at(offset, length)) == octets[offset : offset + length]


@pytest.mark.parametrize(
    ("octets", "header"),
    [
        (b"A: b\r\nC: d\r\n\r\ntext\r\n\r\nmore\r\n", b"A: b\r\nC: d\r\n\r\n"),
        (b"A: b\r\n\r\n", b"A: b\r\n\r\n"),
        (b"A: b\r\nC: d\r\n", b"A: b\r\nC: d\r\n"),
        (b"A: b", b"A: b"),
        (b"\r\ntext\r\n\r\n", b"\r\n"),
        (b"", b""),
    ],
)
def test_the_header_ends_with_the_empty_line(make: Maker, octets: bytes, header: bytes) -> None:
    body = make(octets).body
    assert make.done(body.header()) == header


def test_no_read_gives_more_than_a_mebibyte(make: Maker) -> None:
    octets = b"X-Endless: header\r\n" * (2 * MEBIBYTE // 19)
    body = make(octets).body
    assert make.done(body.read_at(5, 3 * MEBIBYTE)) == octets[5 : 5 + MEBIBYTE]
    assert make.done(body.header()) == octets[:MEBIBYTE]


def test_reads_asked_together_are_all_answered(make: Maker) -> None:
    octets = message(300_000)
    body = make(octets).body
    reads = [body.read_at(offset, 1000) for offset in (200_000, 0, 100_000)]
    assert [make.done(read) for read in reads] == [octets[at : at + 1000] for at in (200_000, 0, 100_000)]


def test_a_read_under_way_outlives_close_which_may_be_called_again(make: Maker) -> None:
    octets = message(300_000)
    body = make(octets).body
    read = body.read_at(100_000, 1000)
    body.close()
    body.close()
    assert make.done(read) == octets[100_000:101_000]
    with contextlib.suppress(Temporary):
        assert make.done(body.read_at(0, 10)) == octets[:10]


def test_close_gives_back_the_file_descriptor_once(make: Maker) -> None:
    body = make(message(300_000)).body
    body.close()
    make.offload.go()
    assert make.open_messages() == []
    with (make.folder / "other").open("wb") as other:
        body.close()
        make.offload.go()
        os.fstat(other.fileno())


def test_a_message_removed_while_it_is_open_is_read_whole_or_gone(make: Maker) -> None:
    octets = message(300_000)
    opened = make(octets)
    opened.remove()
    with contextlib.suppress(Expunged):
        assert make.done(opened.body.read_at(250_000, 1000)) == octets[250_000:251_000]
