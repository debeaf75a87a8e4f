"""A server with mail, in memory or on disk, and what others do to that mail."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from test_imap_session import ANN, Server
from twisted.internet.task import Clock

from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.placement import place
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.imap.limits import Limits
from mailsuite.interfaces import IDisk, IOffload
from mailsuite.model import DELETED, FLAGGED, NULL_SENDER, SEEN, Envelope, ToMailbox
from mailsuite.net.imap_server import IMAPServerFactory
from mailsuite.net.imap_settings import IMAPSettings
from mailsuite.net.login import Login
from mailsuite.net.sessions import Admission
from mailsuite.net.throttle import Throttle
from mailsuite.offload import Inline
from mailsuite.store import behind
from mailsuite.store.amounts import USUAL, Amounts
from mailsuite.store.maildir import MaildirStores
from mailsuite.store.names import account_path, to_folder
from mailsuite.testing.directory import MemoryDirectory
from mailsuite.testing.memory_store import EPOCH, MemoryStores
from mailsuite.testing.quotas import MemoryQuotas
from mailsuite.testing.results import result_of
from mailsuite.testing.tls import ReadyTLS


class InMemory:
    """Mail, and what other programs do to it."""

    def __init__(self) -> None:
        server = Server()
        self.server: Any = server
        self.memory = server.stores

    def deliver(self, octets: bytes, box: str) -> None:
        self.memory.deliver(ANN, octets, box)

    def set_flags(self, box: str, uid: int, flags: set[str]) -> None:
        self.memory.set_flags(ANN, uid, frozenset(flags), box)

    def drop(self, box: str, uid: int) -> None:
        self.memory.drop_message(ANN, uid, box)

    def close(self) -> None:
        pass


class OnDisk:
    """The same with the real store."""

    LETTERS = {SEEN: "S", FLAGGED: "F", DELETED: "T"}
    AMOUNTS = USUAL

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.clock.advance(EPOCH)
        self.root = Path(self.folder.name)
        self.spool = Spool(str(self.root / "spool"), Inline())
        self.spool.clean()
        self.disk, offload = self.make_disk()
        place = str(self.root / "store")
        self.stores = MaildirStores(place, self.disk, offload, self.clock, "mail.example.org", amounts=self.AMOUNTS)
        self.server: Any = self
        directory = MemoryDirectory()
        directory.add(ANN)
        quotas = MemoryStores(self.clock)
        result_of(quotas.open(ANN))  # nothing is limited
        self.factory = IMAPServerFactory(
            IMAPSettings(allow_plaintext_login=True, limits=Limits(message=10_000_000)),
            self.stores,
            self.spool.draft,
            Login(directory, Throttle(self.clock), self.clock),
            Admission(100, 100),
            ReadyTLS(),
            self.clock,
            MemoryQuotas(quotas),
        )

    def make_disk(self) -> tuple[IDisk, IOffload]:
        return RealDisk(), Inline()

    def deliver(self, octets: bytes, box: str) -> None:
        draft = self.spool.draft()
        draft.write(octets)
        envelope = Envelope("1", NULL_SENDER, (), EPOCH)
        placed = self.stores.placements([ToMailbox(ANN, box)], envelope, b"", result_of(draft.content()))
        place(self.disk, placed)
        self.stores.arrived(placed)

    def set_flags(self, box: str, uid: int, flags: set[str]) -> None:
        """A keyword stays as it is: its letter is known to this mailbox alone."""
        path = self._file(box, uid)
        base, _, letters = path.name.partition(":2,")
        kept = {letter for letter in letters if letter.islower()}
        wanted = "".join(sorted(kept | {self.LETTERS[each] for each in flags if each in self.LETTERS}))
        self._by_another_program(box, lambda folder: path.rename(folder / "cur" / f"{base}:2,{wanted}"))

    def drop(self, box: str, uid: int) -> None:
        self._by_another_program(box, lambda _: self._file(box, uid).unlink())

    def _maildir(self, box: str) -> Path:
        return self.root / "store" / account_path(ANN) / "Maildir" / to_folder(box)

    def _file(self, box: str, uid: int) -> Path:
        files = [file for inside in ("new", "cur") for file in (self._maildir(box) / inside).iterdir()]
        [found] = [file for file in files if re.search(rf",U={uid}\b", file.name)]
        return found

    def _by_another_program(self, box: str, work: Callable[[Path], object]) -> None:
        """The folder's times move on as they do when a tick of the clock lies in between."""
        folder = self._maildir(box)
        before = {each: os.stat(folder / each).st_mtime_ns for each in ("new", "cur")}
        work(folder)
        for each, time in before.items():
            os.utime(folder / each, ns=(time + 10_000_000, time + 10_000_000))

    def close(self) -> None:
        result_of(self.stores.close())
        self.folder.cleanup()


class FilesBehind(OnDisk):
    """The same where files follow answers, as they do of many messages, and not before another program comes."""

    AMOUNTS = Amounts(at_once=0)

    def make_disk(self) -> tuple[IDisk, IOffload]:
        self.journal = JournalDisk(str(self.root / "queue" / "journal"), 1 << 20)
        self.journal.open(keep=False)
        return self.journal, Inline()

    def set_flags(self, box: str, uid: int, flags: set[str]) -> None:
        self.clock.pump([behind.DELAY] * behind.MOMENTS)
        super().set_flags(box, uid, flags)

    def drop(self, box: str, uid: int) -> None:
        self.clock.pump([behind.DELAY] * behind.MOMENTS)
        super().drop(box, uid)

    def close(self) -> None:
        result_of(self.stores.close())
        self.journal.close()
        self.folder.cleanup()
