"""One message to all of its places, or to none; a commit outlives whoever asked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.disk.placement import SMALL_BODY
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Content, Spool
from mailsuite.errors import NotFound, OverQuota, Temporary
from mailsuite.interfaces import IDelivery
from mailsuite.model import Account, Address, Envelope, Recipient, ToMailbox, ToRemote
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.services.batches import AT_ONCE, Batches
from mailsuite.services.delivery import Delivery
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.results import failure_of, result_of, unfired

ANN, BOB = ToMailbox("ann@a.test"), ToMailbox("bob@a.test")
FAR = ToRemote(Recipient(Address("far", "b.test")))
ENVELOPE = Envelope("ID1", Address("sender", "c.test"), (), arrived=1.0)
TRACE = b"Received: from x\r\n\tby y\r\n"
MESSAGE = b"Subject: hi\r\n\r\nhello\r\n"


class Later(Inline):
    """An offload whose ``run`` waits until told."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.holding = False

    def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        if not self.holding:
            return super().run(work, *args, **kwargs)
        answer: Deferred[Any] = Deferred()
        self.waiting.append(lambda: super(Later, self).run(work, *args, **kwargs).chainDeferred(answer))
        return answer


class FailingDisk(RealDisk):
    """Fails to rename or link into folders whose path contains ``refused``."""

    refused = "nothing"

    def rename(self, old: str, new: str) -> None:
        if self.refused in new:
            raise Temporary("the disk is broken")
        super().rename(old, new)

    def link(self, old: str, new: str) -> None:
        if self.refused in new:
            raise Temporary("the disk is broken")
        super().link(old, new)


class Place:
    """A delivery on real files below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disk, self.offload, clock = FailingDisk(), Later(), Clock()
        self.quotas: dict[str, Account] = {}
        self.stores = MaildirStores(
            str(folder / "store"),
            self.disk,
            self.offload,
            clock,
            "host",
            quota=lambda name: self.quotas.get(name, Account(name)),
        )
        self.queue = DiskQueue(str(folder / "queue"), self.disk, self.offload, clock)
        result_of(self.queue.load())
        spool = Spool(str(folder / "spool"), self.offload, memory_limit=1000)
        spool.clean()
        self.delivery = Delivery(self.stores, self.queue, spool, Batches(self.disk, self.offload, clock))

    def commit(self, *to: ToMailbox | ToRemote, message: bytes = MESSAGE) -> Deferred[None]:
        draft = self.delivery.draft()
        assert draft.write(message) is None
        return self.delivery.commit(draft, ENVELOPE, TRACE, to)

    def prepared_alone(self, *to: ToMailbox) -> Deferred[None]:
        """A message that is too large for a batch."""
        batches, content = self.delivery._batches, Content(b"x" * (SMALL_BODY + 1), "", SMALL_BODY + 1, SMALL_BODY + 1)
        return batches.place(self.stores.placements(to, ENVELOPE, TRACE, content), content.stored, lambda: None)

    def files(self, *folders: str) -> list[bytes]:
        return [path.read_bytes() for path in self._files(folders)]

    def _files(self, folders: Iterable[str]) -> Iterable[Path]:
        for folder in folders:
            yield from (path for path in (self.folder / folder).rglob("*") if path.is_file())

    def mail(self) -> list[bytes]:
        found = [*(self.folder / "store").rglob("new/*"), *(self.folder / "store").rglob("tmp/*")]
        return [path.read_bytes() for path in found if path.is_file()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_end_waits_for_a_large_message_that_is_still_written(place: Place) -> None:
    place.offload.holding = True
    draft = place.delivery.draft()
    draft.write(MESSAGE + b"x" * 2000)
    answer = place.delivery.commit(draft, ENVELOPE, TRACE, [ANN])
    ending = place.delivery.close()
    while place.offload.waiting:
        unfired(ending)
        place.offload.waiting.pop(0)()
    result_of(ending)
    result_of(answer)
    assert len(place.mail()) == 1


def test_provides_the_seam(place: Place) -> None:
    assert verifyObject(IDelivery, place.delivery)


def test_reaches_mailboxes_and_queue_together(place: Place) -> None:
    result_of(place.commit(ANN, FAR, BOB))
    stored = b"Return-Path: <sender@c.test>\nReceived: from x\n\tby y\nSubject: hi\n\nhello\n"
    assert place.mail() == [stored, stored]
    (queued,) = result_of(place.queue.list())
    assert [recipient.address for recipient in queued.envelope.recipients] == [FAR.recipient.address]
    body = result_of(place.queue.body("ID1"))
    assert result_of(body.read_at(0, 1000)) == TRACE + MESSAGE


def test_large_message_leaves_no_spool_file(place: Place) -> None:
    large = MESSAGE + b"x" * 78 + b"\r\n"
    result_of(place.commit(ANN, message=large * 50))
    assert len(place.mail()) == 1
    assert place.files("spool") == []


@pytest.mark.parametrize("refused", ["bob", "queue"])
def test_a_place_that_fails_undoes_the_others(place: Place, refused: str) -> None:
    place.disk.refused = f"/{refused}/"
    failure_of(place.commit(ANN, BOB, FAR), Temporary)
    assert place.mail() == []
    assert list(result_of(place.queue.list())) == []
    assert place.files("queue/messages", "queue/tmp") == []


def test_over_quota_of_one_is_delivered_to_none(place: Place) -> None:
    place.quotas["bob@a.test"] = Account("bob@a.test", quota_bytes=10)
    failure_of(place.commit(ANN, BOB, FAR), OverQuota)
    assert place.mail() == []
    assert list(result_of(place.queue.list())) == []


def test_missing_mailbox_is_delivered_to_none(place: Place) -> None:
    failure_of(place.commit(ANN, ToMailbox("bob@a.test", "No/Such"), FAR), NotFound)
    assert place.mail() == []


def test_commit_finishes_though_nobody_waits_any_more(place: Place) -> None:
    result_of(place.queue.list())
    place.offload.holding = True
    waiting = place.commit(ANN, FAR)
    place.offload.holding = False
    waiting.cancel()
    failure_of(waiting, CancelledError)
    assert place.mail() == []
    for go_on in place.offload.waiting:
        go_on()
    assert len(place.mail()) == 1
    assert len(result_of(place.queue.list())) == 1, "the runner was never told"


def test_one_account_holds_only_some_threads(place: Place) -> None:
    result_of(place.queue.list())
    place.offload.holding = True
    answers = [place.prepared_alone(ANN) for _ in range(10)]
    assert len(place.offload.waiting) == AT_ONCE
    other = place.prepared_alone(BOB)
    assert len(place.offload.waiting) == AT_ONCE + 1, "another account waits for it"
    place.offload.waiting.pop()()
    place.offload.waiting.pop()()
    result_of(other)
    while place.offload.waiting:
        place.offload.waiting.pop(0)()
        assert len(place.offload.waiting) <= AT_ONCE + 2, "a batch, what is placed, and the preparations"
    for answer in answers:
        result_of(answer)
    assert len(place.mail()) == 11


def test_commits_to_the_same_accounts_never_wait_for_each_other(place: Place) -> None:
    result_of(place.queue.list())
    place.offload.holding = True
    answers = [place.commit(*both) for both in ((ANN, BOB), (BOB, ANN)) * 10]
    while place.offload.waiting:
        place.offload.waiting.pop(0)()
    for answer in answers:
        result_of(answer)
    assert len(place.mail()) == 40


def test_a_failed_commit_gives_its_turn_back(place: Place) -> None:
    for _ in range(AT_ONCE + 1):
        failure_of(place.commit(ANN, ToMailbox("bob@a.test", "No/Such")), NotFound)
    result_of(place.commit(ANN))
