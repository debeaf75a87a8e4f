"""Copies and moves messages between the mailboxes of one account, all or none.

A copy is a hard link under a name of its own: the octets are there already and the internal date, the file's time, goes
along.  Where there are no links the octets are copied.  All of it is durable before anything is removed, so a crash in
the middle of a move leaves a message twice, never not at all.  Blocking, with the account's lock held.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from mailsuite.disk.body import PIECE
from mailsuite.errors import MailError, Temporary
from mailsuite.interfaces import IDisk
from mailsuite.model import Copied
from mailsuite.store.account import AccountMail
from mailsuite.store.filename import Sizes, with_numbers
from mailsuite.store.folder import Folder
from mailsuite.store.index import Row


def copy(account: AccountMail, source: Folder, uids: Sequence[int], target: Folder, move: bool) -> Copied:
    """See ``IMailStore.copy``."""
    source.look()
    rows = account.index.rows(source.id, uids)
    if not move:
        octets = sum(row.wire for row in rows)
        account.reserve(octets, len(rows))
        account.release(octets, len(rows))
    linked = _link(account, source, rows, target)
    if len(linked) < len(rows):  # renamed by another program in this moment; look where they are now
        source.look(force=True)
        done = {row.uid for row, _ in linked}
        left = [uid for uid in uids if uid not in done]
        linked += _link(account, source, account.index.rows(source.id, left), target)
    if move:
        source.expunge([row.uid for row, _ in linked])
    return Copied(
        target.counters.uidvalidity, tuple(row.uid for row, _ in linked), tuple(copied.uid for _, copied in linked)
    )


def _link(account: AccountMail, source: Folder, rows: Sequence[Row], target: Folder) -> list[tuple[Row, Row]]:
    """(source, copy) of those whose file was there."""
    disk = account.resources.disk
    linked: list[tuple[Row, Row]] = []
    if not rows:
        return linked
    first = target.counters.take_uids(len(rows))
    modseq = target.counters.next_modseq()
    try:
        with target.own_change():
            for uid, row in enumerate(rows, first):
                copied = _copied(account, source, row, target, uid, modseq)
                with contextlib.suppress(FileNotFoundError):
                    _give(account, source.path_of(row), target, copied)
                    linked.append((row, copied))
            for folder in {os.path.dirname(target.path_of(copied)) for _, copied in linked}:
                disk.sync_folder(folder)
            target.add([copied for _, copied in linked])
    except BaseException:
        for _, copied in linked:
            with contextlib.suppress(MailError, OSError):
                disk.unlink(target.path_of(copied))
        raise
    target.announce()
    return linked


def _give(account: AccountMail, path: str, target: Folder, copied: Row) -> None:
    """Put the file ``path`` where ``copied`` belongs; FileNotFoundError."""
    disk = account.resources.disk
    try:
        disk.link(path, target.path_of(copied))
    except Temporary:  # no links in this file system, or too many of this file
        fresh = os.path.join(target.tmp, copied.base)
        disk.write_new(fresh, _octets(disk, path), mtime=copied.date)
        try:
            disk.rename(fresh, target.path_of(copied))
        except BaseException:
            with contextlib.suppress(MailError, OSError):
                disk.unlink(fresh)
            raise


def _octets(disk: IDisk, path: str) -> Iterator[bytes]:
    offset = 0
    while octets := disk.read_part(path, offset, PIECE):
        yield octets
        offset += len(octets)


def _copied(account: AccountMail, source: Folder, row: Row, target: Folder, uid: int, modseq: int) -> Row:
    """What the copy is called: recent there if it has no flags."""
    letters = target.letters_for(uid, source.flags_of(row.uid, row.letters)) if row.letters else ""
    unique = account.resources.unique.name(account.resources.now())
    base = with_numbers(unique, Sizes(row.stored, row.wire, uid))
    return Row(uid, base, not letters, letters, row.stored, row.wire, row.date, modseq)
