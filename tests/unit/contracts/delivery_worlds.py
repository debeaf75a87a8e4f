"""Deliveries under test: the double in memory, and the real one on files with threads that wait for ``done``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import BLOCK, Spool
from mailsuite.errors import MailError, NotFound, OverQuota, Temporary
from mailsuite.interfaces import IBody, IDelivery
from mailsuite.model import INBOX, Account, Address
from mailsuite.queue.disk import DiskQueue
from mailsuite.services.batches import Batches
from mailsuite.services.delivery import Delivery
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.delivery import MemoryDelivery
from mailsuite.testing.held import HeldOffload
from mailsuite.testing.results import result_of

FULL = "bob@a.test"
NO_MAILBOX = "No/Such"


class World(Protocol):
    """``mail`` and ``relayed`` are what is visible: octets of a mailbox, recipients and octets in the queue."""

    delivery: IDelivery

    def done(self, deferred: Deferred[Any]) -> Any:
        """Let everything happen; what came of it."""

    def hold(self) -> None:
        """Commits wait from now on, until ``done``."""

    def spoil(self, error: type[MailError]) -> None:
        """Commits fail: FULL is over its quota, NO_MAILBOX is not found, the disk of FULL broken."""

    def spoil_writes(self) -> None:
        """Drafts cannot be written any more."""

    def mail(self, account: str, mailbox: str = INBOX) -> list[bytes]: ...

    def relayed(self) -> list[tuple[tuple[Address, ...], bytes]]: ...

    def left(self) -> int:
        """Drafts that still hold something."""


class InMemory:
    def __init__(self, folder: Path) -> None:
        self.delivery = MemoryDelivery()
        self.mail, self.relayed = self.delivery.mail, self.delivery.relayed

    def done(self, deferred: Deferred[Any]) -> Any:
        self.delivery.release()
        return result_of(deferred)

    def hold(self) -> None:
        self.delivery.hold()

    def spoil(self, error: type[MailError]) -> None:
        self.delivery.fail(error("as planned"))

    def spoil_writes(self) -> None:
        self.delivery.fail_writes(Temporary("as planned"))

    def left(self) -> int:
        return self.delivery.open_drafts


class BreakingDisk(RealDisk):
    """Fails to rename or link into ``refused``."""

    refused = "nothing"

    def rename(self, old: str, new: str) -> None:
        if self.refused in new:
            raise Temporary("the disk is broken")
        super().rename(old, new)

    def link(self, old: str, new: str) -> None:
        if self.refused in new:
            raise Temporary("the disk is broken")
        super().link(old, new)


class OnDisk:
    """``memory_limit`` 0 makes every draft a file."""

    memory_limit = 0

    def __init__(self, folder: Path) -> None:
        self.spool_folder = str(folder / "spool")
        self.disk, self.offload, clock = BreakingDisk(), HeldOffload(), Clock()
        self.account = Account(FULL)
        stores = str(folder / "store"), self.disk, self.offload, clock, "host"
        self.stores = MaildirStores(*stores, quota=lambda name: self.account if name == FULL else Account(name))
        self.queue = DiskQueue(str(folder / "queue"), self.disk, self.offload, clock)
        self.done(self.queue.load())
        spool = Spool(self.spool_folder, self.offload, self.memory_limit)
        spool.clean()
        self.delivery = Delivery(self.stores, self.queue, spool, Batches(self.disk, self.offload, clock))

    def done(self, deferred: Deferred[Any]) -> Any:
        self.offload.go()
        return result_of(deferred)

    def hold(self) -> None:
        """The threads wait anyway."""

    def spoil(self, error: type[MailError]) -> None:
        if error is OverQuota:
            self.account = Account(FULL, quota_bytes=10)
        elif error is Temporary:
            self.disk.refused = f"/{FULL.split('@', maxsplit=1)[0]}/"
        else:
            assert error is NotFound

    def spoil_writes(self) -> None:
        os.rename(self.spool_folder, self.spool_folder + ".away")

    def mail(self, account: str, mailbox: str = INBOX) -> list[bytes]:
        opened = self.done(self.done(self.stores.open(account)).open(mailbox))
        snapshot = self.done(opened.snapshot(False))
        return [self._read(self.done(opened.body(uid))) for uid in snapshot.uids]

    def relayed(self) -> list[tuple[tuple[Address, ...], bytes]]:
        return [
            (
                tuple(entry.recipient.address for entry in queued.pending),
                self._read(self.done(self.queue.body(queued.envelope.id))),
            )
            for queued in self.done(self.queue.list())
        ]

    def _read(self, body: IBody) -> bytes:
        octets: bytes = self.done(body.read_at(0, 1 << 20))
        body.close()
        return octets

    def left(self) -> int:
        self.offload.go()
        return len(os.listdir(self.spool_folder))

    def close(self) -> None:
        self.done(self.stores.close())


class OnDiskSmall(OnDisk):
    """Drafts stay in memory."""

    memory_limit = 4 * BLOCK
