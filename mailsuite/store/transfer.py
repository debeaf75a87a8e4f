"""Copies and moves messages between the mailboxes of one account, all or none.

A copy is a hard link under a name of its own: the octets are there already and the internal date, the file's time, goes
along, where there are links; a move is a rename.  All of them are one unit of the disk.  Blocking, with the account's
lock held.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from functools import partial
from itertools import compress

from mailsuite.model import Copied
from mailsuite.steps import Links, Renames, Step
from mailsuite.store import history
from mailsuite.store.account import AccountMail
from mailsuite.store.changing import by_letters, slices
from mailsuite.store.filename import numbered
from mailsuite.store.folder import Folder
from mailsuite.store.places import Rows


def copy(account: AccountMail, source: Folder, uids: Sequence[int], target: Folder, move: bool) -> Copied:
    """See ``IMailStore.copy``; all or none as long as they are not more than one unit holds."""
    source.look()
    source.behind.finish()
    sources: list[int] = []
    targets: list[int] = []
    if not move:
        messages, octets = account.index.size_of(source.id, uids)
        account.usage.reserve(octets, messages)
        account.usage.release(octets, messages)
    for part in slices(uids):
        rows = account.index.files(source.id, part)
        linked, copies = _transfer(account, source, rows, target, move)
        sources += linked.uids
        targets += copies.uids
        if len(linked) < len(rows):  # renamed by another program in this moment; look where they are now
            source.look(force=True)
            left = account.index.files(source.id, set(part).difference(linked.uids))
            linked, copies = _transfer(account, source, left, target, move)
            sources += linked.uids
            targets += copies.uids
    return Copied(target.counters.uidvalidity, tuple(sources), tuple(targets))


def _transfer(account: AccountMail, source: Folder, rows: Rows, target: Folder, move: bool) -> tuple[Rows, Rows]:
    """Those whose file was there, and their copies."""
    if not rows:
        return rows, rows
    copies = _named(account, source, rows, target)
    with source.own_change(), target.own_change() if target is not source else contextlib.nullcontext():
        steps, order = _steps(source, target, rows, copies, move)
        modseq = source.counters.next_modseq() if move else 0
        missed = account.resources.disk.commit([*steps, *_noted(source, target, rows, copies, modseq)])
        for folder in (source, target):
            folder.history.done()
        gone = {order[number] for number in missed}
        there = [place not in gone for place in range(len(rows))]
        rows, copies = rows.only(there), copies.only(there)
        target.add(copies, rendered=True)
        render = partial(_render, account, source, rows.uids, target, copies.uids)
        if move and rows:
            render()  # while the originals are known
            source.forget(rows.uids, modseq)
        else:
            account.afterwards.append(render)
    target.announce()
    return rows, copies


def _render(account: AccountMail, source: Folder, uids: Sequence[int], target: Folder, copies: Sequence[int]) -> None:
    """What is rendered of messages is so of their copies; the others are rendered some day."""
    if not source.gone and not target.gone:
        known = account.index.copy_rendered(source.id, uids, target.id, copies)
        if known < len(copies):
            account.unrendered.add(target, copies)


def _noted(source: Folder, target: Folder, rows: Rows, copies: Rows, modseq: int) -> list[Step]:
    """What the histories are to say; ``modseq`` is that of a move in its source, 0 for a copy."""
    lines = history.came(by_letters(copies.uids, copies.letters).items())
    gone = rows.uids if modseq else ()
    within = gone if source is target else ()
    if within:
        lines.append(history.expunged(within, modseq, source.counters.uidnext))
    counters = target.counters
    steps = target.history.write(lines, counters.modseq, counters.uidnext, history.ranges(within)) if lines else []
    if gone and not within:
        steps += source.history.gone(gone, modseq, source.counters.uidnext)
    return steps


def _named(account: AccountMail, source: Folder, rows: Rows, target: Folder) -> Rows:
    """What is to be said of the copies: recent if they have no flags."""
    first, first_modseq = target.take_numbers(len(rows))
    uids = range(first, first + len(rows))
    letters = _letters(source, rows, target, uids)
    unique = account.resources.unique.names(account.resources.now(), len(rows))
    return Rows(
        uids,
        list(map(numbered, unique, rows.stored, rows.sizes, uids)),
        [not each for each in letters],
        letters,
        range(first_modseq, first_modseq + len(rows)),
        rows.stored,
        rows.sizes,
        rows.dates,
    )


def _letters(source: Folder, rows: Rows, target: Folder, uids: Sequence[int]) -> list[str]:
    """The letters of the copies, which are to have these UIDs."""
    known = {"": ""}
    found: list[str] = []
    for uid, row, letters in zip(uids, rows.uids, rows.letters, strict=True):
        there = known.get(letters)
        if there is None or row in source.lettering.more.by_uid:
            there = target.lettering.letters_for(uid, source.lettering.flags_of(row, letters))
            if uid not in target.lettering.more.by_uid and row not in source.lettering.more.by_uid:
                known[letters] = there
        found.append(there)
    return found


def _steps(source: Folder, target: Folder, rows: Rows, copies: Rows, move: bool) -> tuple[list[Step], list[int]]:
    """A step for all that lie in one folder and go to one folder; places of the messages in the order of the steps."""
    steps: list[Step] = []
    order: list[int] = []
    for from_new, to_new in itertools.product((False, True), repeat=2):
        chosen = [bool(old) is from_new and new is to_new for old, new in zip(rows.recent, copies.recent, strict=True)]
        if any(chosen):
            old_folder = source.new if from_new else source.cur
            new_folder = target.new if to_new else target.cur
            names = rows.only(chosen).names(), copies.only(chosen).names()
            steps.append((Renames if move else Links)(old_folder, new_folder, *names))
            order += compress(range(len(chosen)), chosen)
    return steps, order
