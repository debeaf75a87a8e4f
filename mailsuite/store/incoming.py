"""One new message on its way into one mailbox, as a ``disk.placement.Placement``.

``prepare`` keeps room, writes the file into ``tmp`` and fsyncs it, without the account's lock, so that many
deliveries wait for the disk together.  ``publish`` takes the lock to give the UID and rename the file into ``new`` (or
``cur``, if it has flags), lets it go while the folder is synced, and then tells the feed.  Copies of one message for
several mailboxes are hard links of the first one's file, where that can be.  Blocking; works in any thread.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable

from mailsuite.errors import Temporary
from mailsuite.model import Appended, Flags
from mailsuite.store.account import AccountMail
from mailsuite.store.filename import Sizes, with_numbers
from mailsuite.store.folder import Folder
from mailsuite.store.index import Row


class Letter:
    """The octets of a message, and the file that holds them once the first placement wrote it."""

    def __init__(self, chunks: Callable[[], Iterable[bytes]], stored: int, wire: int, date: float) -> None:
        """``chunks`` gives the LF form; ``stored`` and ``wire`` are octets as kept and as sent, ``date`` is the
        internal date."""
        self.chunks = chunks
        self.stored = stored
        self.wire = wire
        self.date = date
        self.written = ""  # in the ``tmp`` of a placement, until that is published


class Incoming:
    """``letter`` into the mailbox ``name`` of ``account``."""

    def __init__(self, account: AccountMail, name: str, flags: Flags, letter: Letter) -> None:
        self.account = account
        self.name = name
        self._flags = flags
        self._letter = letter
        self._base = ""
        self._written = False
        self._folder: Folder
        self._uid = 0
        self._reserved = False
        account.users.add(self)

    def prepare(self) -> None:
        resources = self.account.resources
        with self.account.locked():
            self._folder = self.account.folder(self.name)
            self._folder.must_be_there()
            self.account.reserve(self._letter.wire, 1)
            self._reserved = True
        self._base = resources.unique.name(resources.now())
        if not self._linked():
            resources.disk.write_new(self._temporary, self._letter.chunks(), mtime=self._letter.date)
            self._letter.written = self._temporary
        self._written = True

    def _linked(self) -> bool:
        """Whether the file that was written already could be had here too: not in every file system, nor in another."""
        if not self._letter.written:
            return False
        try:
            self.account.resources.disk.link(self._letter.written, self._temporary)
        except Temporary:
            return False
        return True

    @property
    def _temporary(self) -> str:
        return os.path.join(self._folder.tmp, self._base)

    def publish(self) -> None:
        with self.account.locked():
            self._folder.must_be_there()
            row = self._row()
            final = self._folder.path_of(row)
            with self._folder.own_change():
                self.account.resources.disk.rename(self._temporary, final)
                self._uid = row.uid
                self._folder.add([row])
            self._release()
            folder = os.path.dirname(final)
        self.account.resources.disk.sync_folder(folder)
        with self.account.locked():
            self._folder.announce()

    def _row(self) -> Row:
        uid = self._folder.counters.take_uids(1)
        letters = self._folder.letters_for(uid, self._flags) if self._flags else ""
        sizes = Sizes(self._letter.stored, self._letter.wire, uid)
        return Row(
            uid=uid,
            base=with_numbers(self._base, sizes),
            recent=not letters,
            letters=letters,
            stored=sizes.stored,
            wire=sizes.wire,
            date=self._letter.date,
            modseq=self._folder.counters.next_modseq(),
        )

    @property
    def appended(self) -> Appended:
        """Where it went, once published."""
        return Appended(self._folder.counters.uidvalidity, self._uid)

    def undo(self) -> None:
        with contextlib.suppress(Temporary), self.account.locked():
            self._release()
            if self._uid:
                self._folder.expunge([self._uid])
            elif self._written:
                with contextlib.suppress(FileNotFoundError):
                    self.account.resources.disk.unlink(self._temporary)

    def _release(self) -> None:
        if self._reserved:
            self._reserved = False
            self.account.release(self._letter.wire, 1)
