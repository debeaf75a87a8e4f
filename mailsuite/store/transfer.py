"""Copies and moves messages between the mailboxes of one account, all or none.

A copy is a hard link under a name of its own: the octets are there already and the internal date, the file's time, goes
along, where there are links; a move is a rename.  All of them are one unit of the disk.  Blocking, with the account's
lock held.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from mailsuite.model import Copied
from mailsuite.steps import Link, Rename
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
    linked = _transfer(account, source, rows, target, move)
    if len(linked) < len(rows):  # renamed by another program in this moment; look where they are now
        source.look(force=True)
        done = {row.uid for row, _ in linked}
        left = [uid for uid in uids if uid not in done]
        linked += _transfer(account, source, account.index.rows(source.id, left), target, move)
    return Copied(
        target.counters.uidvalidity, tuple(row.uid for row, _ in linked), tuple(copied.uid for _, copied in linked)
    )


def _transfer(
    account: AccountMail, source: Folder, rows: Sequence[Row], target: Folder, move: bool
) -> list[tuple[Row, Row]]:
    """(source, copy) of those whose file was there."""
    if not rows:
        return []
    first = target.counters.take_uids(len(rows))
    modseq = target.counters.next_modseq()
    pairs = [(row, _copied(account, source, row, target, uid, modseq)) for uid, row in enumerate(rows, first)]
    way = Rename if move else Link
    with source.own_change(), target.own_change() if target is not source else contextlib.nullcontext():
        missed = account.resources.disk.commit(
            [way(source.path_of(row), target.path_of(copied)) for row, copied in pairs]
        )
        done = [pair for number, pair in enumerate(pairs) if number not in missed]
        target.add([copied for _, copied in done])
        if move and done:
            source.forget([row.uid for row, _ in done])
    target.announce()
    return done


def _copied(account: AccountMail, source: Folder, row: Row, target: Folder, uid: int, modseq: int) -> Row:
    """What the copy is called: recent there if it has no flags."""
    letters = target.letters_for(uid, source.flags_of(row.uid, row.letters)) if row.letters else ""
    unique = account.resources.unique.name(account.resources.now())
    base = with_numbers(unique, Sizes(row.stored, row.wire, uid))
    return Row(uid, base, not letters, letters, row.stored, row.wire, row.date, modseq)
