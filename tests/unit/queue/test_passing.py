"""Mail that is sent on before it is in its place: it never gets there, and whatever crashes, none is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite.disk import journal_disk
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk
from mailsuite.model import (
    EVERYTHING,
    Address,
    Delayed,
    Delivered,
    Drop,
    Envelope,
    Kick,
    Outcome,
    Recipient,
    Status,
    ToMailbox,
    ToRemote,
)
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.schedule import HOUR, Schedule
from mailsuite.services import batches as batches_module
from mailsuite.services.batches import Batches
from mailsuite.services.delivery import Delivery
from mailsuite.steps import Put, Unlink, Unlinks
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.queue import order
from mailsuite.testing.results import failure_of, result_of

NOW = 1_700_000_000.0
BOB = Recipient(Address("bob", "b.test"))
TRACE = b"Received: from x\r\n\tby y\r\n"
SENT = TRACE + b"Subject: hi\r\n\r\nhello\r\n"
LINGER = 0.25


class Threads(Inline):
    """Jobs are done on the spot, but while ``holding``."""

    def __init__(self) -> None:
        self.holding = False
        self.waiting: list[Callable[[], None]] = []

    def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        if not self.holding:
            return super().run(work, *args, **kwargs)
        answer: Deferred[Any] = Deferred()
        self.waiting.append(lambda: Inline.run(self, work, *args, **kwargs).chainDeferred(answer))
        return answer


class Server:
    """One process after another on the same folder; ``crash`` leaves everything as it is at that instant."""

    def __init__(self, folder: Path, journal: bool = True) -> None:
        self.folder = folder
        self._journal = journal
        self.stay = -1.0
        self.clock = Clock()
        self.clock.advance(NOW)
        self.disk: IDisk | None = None
        self.start()

    def start(self) -> None:
        disk: RealDisk = JournalDisk(str(self.folder / "queue/journal"), 1 << 20) if self._journal else RealDisk()
        if isinstance(disk, JournalDisk):
            disk.open(keep=False)
        self.disk, self.threads = disk, Threads()
        schedule = Schedule(waits=(HOUR,), jitter=0.0)
        self.queue = DiskQueue(str(self.folder / "queue"), disk, self.threads, self.clock, schedule, random.Random(1))
        self.loaded = result_of(self.queue.load())
        stores = MaildirStores(str(self.folder / "store"), disk, self.threads, self.clock, "host")
        spool = Spool(str(self.folder / "spool"), self.threads, memory_limit=1 << 20)
        spool.clean()
        batches = Batches(disk, self.threads, self.clock, linger_passing=LINGER, stay=self.stay)
        self.delivery = Delivery(stores, self.queue, spool, batches)

    def crash(self) -> None:
        disk = self.disk
        if isinstance(disk, JournalDisk):
            disk._journal.close()
        self.start()

    def send(self, id: str = "m1", *more: ToMailbox, body: bytes = b"Subject: hi\r\n\r\nhello\r\n") -> None:
        draft = self.delivery.draft()
        assert draft.write(body) is None
        envelope = Envelope(id, Address("al", "a.test"), (), NOW)
        result_of(self.delivery.commit(draft, envelope, TRACE, (ToRemote(BOB), *more)))

    def settle(self, id: str = "m1", delivered: bool = True) -> Deferred[Any]:
        assert id in [queued.envelope.id for queued in result_of(self.queue.lease(10))]
        gone: Outcome = Delivered(BOB.address, "mx", "250 ok")
        later: Outcome = Delayed(BOB.address, Status(4, 2, 1), "later", "mx")
        return self.queue.settle(id, [gone if delivered else later])

    def octets(self, id: str = "m1") -> bytes:
        body = result_of(self.queue.body(id))
        octets = result_of(body.read_at(0, body.size))
        body.close()
        return octets

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "queue/messages").iterdir())

    @property
    def waiting(self) -> list[str]:
        return [queued.envelope.id for queued in result_of(self.queue.list())]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    assert isinstance(server.disk, JournalDisk)
    server.disk.close()


def test_what_was_accepted_can_be_sent_before_it_is_in_its_place(server: Server) -> None:
    server.send()
    assert (server.waiting, server.files) == (["m1"], [])
    assert server.octets() == SENT


def test_what_was_sent_meanwhile_never_gets_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.send()
    put: list[object] = []
    monkeypatch.setattr(journal_disk, "write_file", put.append)
    result_of(server.settle())
    assert server.waiting == []
    server.clock.advance(LINGER)
    assert put == []
    monkeypatch.undo()
    server.crash()
    assert (server.loaded, server.files) == (0, [])


def test_what_was_not_sent_gets_there(server: Server) -> None:
    server.send()
    result_of(server.settle(delivered=False))
    assert server.octets() == SENT
    server.clock.advance(LINGER)
    assert server.files == ["m1"]
    assert server.octets() == SENT
    server.clock.advance(HOUR)
    result_of(server.settle())
    assert server.files == []
    server.crash()
    assert server.loaded == 0


@pytest.mark.parametrize("placed", [False, True])
def test_a_crash_before_it_was_sent_loses_nothing(server: Server, placed: bool) -> None:
    server.send()
    server.clock.advance(LINGER if placed else 0)
    server.crash()
    assert server.waiting == ["m1"]
    assert server.octets() == SENT


def test_a_crash_after_it_was_sent_brings_nothing_back(server: Server) -> None:
    for id in ("m1", "m2"):
        server.send(id)
    assert [queued.envelope.id for queued in result_of(server.queue.lease(1))] == ["m1"]
    result_of(server.queue.settle("m1", [Delivered(BOB.address, "mx", "250 ok")]))
    server.crash()
    assert server.waiting == ["m2"]


def test_one_that_was_tried_before_leaves_no_state(server: Server) -> None:
    server.send()
    result_of(server.settle(delivered=False))
    server.queue.order(EVERYTHING, Kick())
    result_of(server.settle())
    assert list((server.folder / "queue/state").iterdir()) == []
    server.crash()
    assert (server.loaded, server.files) == (0, [])


def test_what_was_sent_is_removed_with_what_comes(server: Server) -> None:
    """One write for both; the sender's server hears "yes" no later for it, and the place is held until then."""
    server.stay = 1.0
    server.crash()
    server.send("m1")
    settled = server.settle("m1")
    assert not settled.called
    server.send("m2")
    result_of(settled)
    assert server.waiting == ["m2"]
    again = server.settle("m2")
    server.clock.advance(server.stay)
    result_of(again)
    assert server.waiting == [], "nothing comes, and it waits for nothing longer"


def test_all_that_was_sent_meanwhile_is_removed_in_one_step(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.stay = 1.0
    server.crash()
    ids = ("m1", "m2", "m3")
    for id in ids:
        server.send(id)
    recorded: list[object] = []
    assert isinstance(server.disk, JournalDisk)
    record = server.disk.record
    monkeypatch.setattr(server.disk, "record", lambda units: recorded.extend(units) or record(units))
    result_of(server.queue.lease(10))
    settled = [server.queue.settle(id, [Delivered(BOB.address, "mx", "250 ok")]) for id in ids]
    server.clock.advance(server.stay)
    for each in settled:
        result_of(each)
    assert recorded == [(Unlinks(str(server.folder / "queue/messages"), list(ids)),)]
    server.crash()
    assert (server.loaded, server.files) == (0, [])


def test_a_removal_that_cannot_be_written_is_told(server: Server) -> None:
    server.send()
    assert isinstance(server.disk, JournalDisk)
    server.disk._journal.fail("broken")
    failing = server.settle()
    failure_of(failing, Temporary)
    assert server.waiting == ["m1"], "it stays until its removal is written"
    server.crash()
    assert server.octets("m1") == SENT, "as if it had not been sent"


def test_a_drop_that_cannot_be_written_loses_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.send()

    def refuse(unit: Any, _: object) -> Temporary | None:
        return Temporary("the disk is full") if isinstance(unit[0], Unlink | Unlinks) else None

    with monkeypatch.context() as patched:
        patched.setattr(server.disk, "_refusal", refuse)
        failure_of(order(server.queue, "m1", Drop()), Temporary)
    server.clock.advance(LINGER)
    assert (server.waiting, server.octets()) == (["m1"], SENT)
    server.disk.checkpoint()  # type: ignore[union-attr]
    server.crash()
    assert (server.waiting, server.octets()) == (["m1"], SENT)
    result_of(order(server.queue, "m1", Drop()))
    assert (server.waiting, server.files) == ([], [])


def test_a_crash_after_a_checkpoint_brings_nothing_back(server: Server) -> None:
    for id in ("m1", "m2"):
        server.send(id)
    assert [queued.envelope.id for queued in result_of(server.queue.lease(1))] == ["m1"]
    result_of(server.queue.settle("m1", [Delivered(BOB.address, "mx", "250 ok")]))
    assert isinstance(server.disk, JournalDisk)
    server.disk.checkpoint()
    assert server.files == ["m2"], "a checkpoint places what waits, and nothing else"
    server.crash()
    assert server.waiting == ["m2"]
    assert server.octets("m2") == SENT


def test_what_is_being_placed_just_then_is_removed_after(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: Deferred[Any] = Deferred()
    written = journal_disk.write_file

    def put(what: Put) -> None:
        server.threads.holding = True
        server.settle().chainDeferred(settled)
        server.threads.holding = False
        written(what)

    server.send()
    monkeypatch.setattr(journal_disk, "write_file", put)
    server.clock.advance(LINGER)
    assert server.files == ["m1"]
    (remove,) = server.threads.waiting
    remove()
    result_of(settled)
    assert (server.files, server.waiting) == ([], [])
    server.crash()
    assert server.loaded == 0


def test_what_cannot_be_placed_and_was_sent_is_tried_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place is tried first, and then forgoing it is too late."""
    full = True

    def put(put: object) -> None:
        if full and "messages" in str(put):
            raise Temporary("the disk is full")

    written = journal_disk.write_file
    monkeypatch.setattr(journal_disk, "write_file", lambda what: put(what) or written(what))
    server.send()
    server.clock.advance(LINGER)
    assert server.octets() == SENT
    failing = server.settle()
    assert failing.called
    failing.addErrback(lambda failure: failure.trap(Temporary))
    assert server.waiting == ["m1"], "it stays until its removal is written"
    full = False
    result_of(server.queue.write("m1"))
    assert server.waiting == []
    server.crash()
    assert (server.loaded, server.files) == (0, [])


def test_a_message_for_a_mailbox_too_is_placed_as_ever(server: Server) -> None:
    server.send("m1", ToMailbox("ann@a.test"))
    assert server.files == ["m1"]


def test_a_large_one_is_sent_from_its_file(server: Server) -> None:
    server.send(body=b"Subject: hi\r\n\r\n" + b"x" * 70 * 5000 + b"\r\n")
    assert server.files == ["m1"]
    result_of(server.settle())
    assert server.files == []


def test_when_much_is_behind_it_is_placed_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "MAX_COUNT_BEHIND", 6)
    for number in range(3):
        server.send(f"m{number}")
    assert server.files == []
    server.send("m3")
    assert len(server.files) == 4


def test_without_a_journal_it_is_in_its_place_at_once(tmp_path: Path) -> None:
    server = Server(tmp_path, journal=False)
    server.send()
    assert server.files == ["m1"]
    result_of(server.settle())
    assert server.files == []
