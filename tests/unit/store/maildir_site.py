"""A Maildir store that can be stopped, killed and started again, and other programs working on its folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from mailsuite.disk.inotify import Told
from mailsuite.disk.placement import place
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.interfaces import IDisk, IOffload
from mailsuite.model import INBOX, Account, Address, Envelope, Flags, ToMailbox
from mailsuite.offload import Inline
from mailsuite.store.amounts import USUAL, Amounts
from mailsuite.store.attention import Eyes
from mailsuite.store.incoming import Incoming
from mailsuite.store.maildir import MaildirStores
from mailsuite.store.names import account_path, to_folder
from mailsuite.testing.memory_store import EPOCH
from mailsuite.testing.results import result_of

ANN = "ann@example.org"
MESSAGE = b"From: a@b\r\nSubject: hello\r\n\r\nFirst line\r\n"


class Site:
    """A store on a folder of this machine."""

    def __init__(
        self, root: Path, disk: IDisk | None = None, offload: IOffload | None = None, amounts: Amounts = USUAL
    ) -> None:
        self.root = root
        self.disk = disk or RealDisk()
        self.offload = offload or Inline()
        self.clock = Clock()
        self.clock.advance(EPOCH)
        self.accounts: dict[str, Account] = {}
        self.keep_open = 100
        self.amounts = amounts
        self.open_eyes: Callable[[Told], Eyes] | None = None
        self.spool = Spool(str(root / "spool"), Inline())
        self.spool.clean()
        self.start()

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self.stores = MaildirStores(
            str(self.root / "store"),
            self.disk,
            self.offload,
            self.clock,
            "mail.example.org",
            quota=lambda name: self.accounts.get(name, Account(name)),
            keep_open=self.keep_open,
            open_eyes=self.open_eyes,
            amounts=self.amounts,
        )

    def restart(self) -> None:
        """In order."""
        result_of(self.stores.close())
        self.start()

    def killed(self) -> Site:
        """Another site that starts on what would lie on disk if this one died now."""
        image = self.root.with_name(self.root.name + "-image")
        shutil.rmtree(image, ignore_errors=True)
        shutil.copytree(self.root, image)
        return Site(image, self.disk, amounts=self.amounts)

    def without_index(self, account: str = ANN) -> None:
        """Delete the account's index, as one may while the server is down."""
        for file in (self.root / "store" / account_path(account)).glob("index.sqlite*"):
            file.unlink()

    # -- mail ----------------------------------------------------------------------------------------------------

    def mailbox(self, name: str = INBOX, account: str = ANN) -> Any:
        return result_of(self.store(account).open(name))

    def store(self, account: str = ANN) -> Any:
        return result_of(self.stores.open(account))

    def place(self, octets: bytes, *destinations: ToMailbox, sender: str = "bob", trace: bytes = b"") -> None:
        placed = self.placements(octets, destinations, sender, trace)
        place(self.disk, placed)
        self.stores.arrived(placed)

    def placements(
        self, octets: bytes, destinations: Sequence[ToMailbox], sender: str = "bob", trace: bytes = b""
    ) -> list[Incoming]:
        draft = self.spool.draft()
        draft.write(octets)
        envelope = Envelope("1", Address(sender, "example.com"), (), EPOCH)
        return self.stores.placements(destinations, envelope, trace, result_of(draft.content()))

    def deliver(self, flags: Flags = frozenset(), name: str = INBOX, account: str = ANN) -> None:
        self.place(MESSAGE, ToMailbox(account, name, flags))

    def see(self, name: str = INBOX) -> None:
        """A session sees all there is, and what it has seen is moved to ``cur``, as it is after a while."""
        mailbox = self.mailbox(name)
        result_of(mailbox.snapshot(True))
        with mailbox.folder.account.locked():
            mailbox.folder.move_claimed(mailbox.folder.claimed())

    # -- other programs ------------------------------------------------------------------------------------------

    def folder(self, name: str = INBOX, account: str = ANN) -> Path:
        return self.root / "store" / account_path(account) / "Maildir" / to_folder(name)

    def files(self, inside: str, name: str = INBOX, account: str = ANN) -> list[str]:
        return sorted(os.listdir(self.folder(name, account) / inside))

    def by_another_program(self, work: Callable[[Path], object], name: str = INBOX) -> None:
        """``work`` gets the folder; its times move on as they do when a clock tick lies in between."""
        folder = self.folder(name)
        before = {each: os.stat(folder / each).st_mtime_ns for each in ("new", "cur")}
        listed = {each: set(os.listdir(folder / each)) for each in before}
        work(folder)
        for each, time in before.items():
            if set(os.listdir(folder / each)) != listed[each]:
                os.utime(folder / each, ns=(time + 10_000_000, time + 10_000_000))

    def drop(self, inside: str, filename: str, octets: bytes = MESSAGE, name: str = INBOX) -> None:
        self.by_another_program(lambda folder: (folder / inside / filename).write_bytes(octets), name)


def seen(mailbox: Any) -> dict[int, set[str]]:
    """UID -> flags."""
    snapshot = result_of(mailbox.snapshot(False))
    return dict(zip(snapshot.uids, map(set, snapshot.flags), strict=True))


def octets(mailbox: Any, uid: int) -> bytes:
    body = result_of(mailbox.body(uid))
    return result_of(body.read_at(0, body.size))


def name_of(mailbox: Any, uid: int) -> str:
    [found] = result_of(mailbox.fetch([uid], ["name"]))
    return found.items[0]
