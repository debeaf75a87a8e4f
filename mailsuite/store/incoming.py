"""One new message on its way into one mailbox, as a ``disk.placement.Placement``.

A small body is put by the journal; a large one is written into ``tmp`` and fsynced in ``prepare``, and then renamed.
``steps`` keeps room, gives the UID and the name in ``new`` (or ``cur``, if it has flags).  Copies of one message for
several mailboxes are hard links of the first one's file, where that can be.  What is recorded goes into the index when
its files are there, one transaction a mailbox and batch, and to the feed.  Blocking; works in any thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial

from twisted.logger import Logger

from mailsuite.disk.placement import SMALL_BODY
from mailsuite.disk.spool import Content
from mailsuite.errors import MailError, Temporary
from mailsuite.interfaces import IRecorded
from mailsuite.model import Appended, Flags
from mailsuite.steps import Link, Put, Rename, Step
from mailsuite.store.account import AccountMail
from mailsuite.store.filename import numbered
from mailsuite.store.folder import Folder
from mailsuite.store.places import Row, Rows

_log = Logger()


class Letter:
    """The octets of a message, and where the file is that holds them."""

    def __init__(self, head: bytes, content: Content, wire: int, date: float) -> None:
        """``head``, in LF form, goes on top of ``content``; both are ``wire`` octets as sent, ``date`` is the internal
        date."""
        self._head = head
        self._content = content
        self.stored = len(head) + content.stored  # octets as kept
        self.wire = wire
        self.date = date
        self.path = ""  # by the steps so far

    def chunks(self) -> Iterator[bytes]:
        """In LF form; blocking."""
        yield self._head
        yield from self._content.chunks()

    def octets(self) -> bytes:
        """All of it; blocking."""
        return b"".join(self.chunks()) if self._content.path else self._head + self._content.data


class Incoming:
    """``letter`` into the mailbox ``name`` of ``account``."""

    def __init__(self, account: AccountMail, name: str, flags: Flags, letter: Letter) -> None:
        self.account = account
        self.name = name
        self.row: Row | None = None
        self.folder: Folder
        self._flags = flags
        self._letter = letter
        self._base = ""
        self._written = False
        self._reserved = self._under_way = False
        self.holder = Arrivals(account)
        account.users.add(self)

    def prepare(self) -> None:
        if self._letter.stored <= SMALL_BODY or self._letter.path:
            return
        with self.account.locked():
            self.reserve()
        disk = self.account.resources.disk
        disk.write_new(self._temporary, self._letter.chunks(), mtime=self._letter.date)
        self._written = True
        self._letter.path = self._temporary
        disk.sync_folder(self.folder.tmp)

    def reserve(self) -> None:
        if self._reserved:
            self.folder.must_be_there()
            return
        self.folder = self.account.folder(self.name)
        self.folder.must_be_there()
        self.account.usage.reserve(self._letter.wire, 1)
        self._reserved = True
        self._base = self.account.resources.unique.name(self.account.resources.now())

    @property
    def _temporary(self) -> str:
        return f"{self.folder.tmp}/{self._base}"

    def steps(self) -> Sequence[Step]:
        self.row = self._row()
        self.folder.sight.expect_change()
        self._under_way = True
        final = self.folder.path_of(self.row)
        before, self._letter.path = self._letter.path, final
        if self._written:
            return (Rename(self._temporary, final),)
        if before:
            return (Link(before, final),)
        return (Put(final, self._letter.octets(), self._temporary, self._letter.date),)

    def _row(self) -> Row:
        uid, modseq = self.folder.take_numbers(1)
        letters = self.folder.lettering.letters_for(uid, self._flags) if self._flags else ""
        stored, wire = self._letter.stored, self._letter.wire
        return Row(
            uid=uid,
            base=numbered(self._base, stored, wire, uid),
            recent=not letters,
            letters=letters,
            stored=stored,
            wire=wire,
            date=self._letter.date,
            modseq=modseq,
        )

    @property
    def octets(self) -> int:
        """Of the message, as kept."""
        return self._letter.stored

    @property
    def appended(self) -> Appended:
        """Where it went, once published."""
        return Appended(self.folder.counters.uidvalidity, self.row.uid if self.row else 0)

    def undo(self) -> None:
        with contextlib.suppress(Temporary), self.account.locked():
            self.release()
            if self._written:
                self._written = False
                with contextlib.suppress(FileNotFoundError):
                    self.account.resources.disk.unlink(self._temporary)

    def release(self) -> None:
        """It is there, or will not be."""
        if self._under_way:
            self._under_way = False
            self.folder.sight.change_came()
        if self._reserved:
            self._reserved = False
            self.account.usage.release(self._letter.wire, 1)


class Arrivals:
    """An account as ``disk.placement.Holder``."""

    def __init__(self, account: AccountMail) -> None:
        self._account = account
        self.name = account.name

    def locked(self, patience: float = -1) -> AbstractContextManager[None]:
        """Whoever delivers need not see what was delivered before."""
        return self._account.locked(patience, see_all=False)

    def expect(self, placements: Sequence[Incoming], recorded: IRecorded) -> None:
        self._account.expect(recorded, partial(_publish, placements))

    def publish(self) -> None:
        self._account.catch_up(wait=False)


def _publish(placements: Sequence[Incoming], uncertain: bool) -> None:
    """They are there; if that is ``uncertain``, a look finds what is there, and no row tells of what is not."""
    for placement in placements:
        placement.release()
    for folder, rows in _by_folder(placements).items():
        if folder.gone:
            continue
        try:
            if uncertain:
                folder.look(force=True)
                continue
            folder.add(Rows.of(rows))
            folder.announce()
        except Exception as error:
            words, path = "{folder}: new messages are on disk, not in the index; looking again", folder.path
            if isinstance(error, MailError):  # a look may want to rename files on a disk that takes nothing more
                _log.error(f"{words}: {{error}}", folder=path, error=error)
            else:
                _log.failure(words, folder=path)
            folder.sight.doubt()


def _by_folder(placements: Sequence[Incoming]) -> dict[Folder, list[Row]]:
    found: dict[Folder, list[Row]] = {}
    for placement in placements:
        if placement.row is not None:
            found.setdefault(placement.folder, []).append(placement.row)
    return found
