"""Copies and moves messages between the mailboxes of one account, all or none.

A copy is a hard link under a name of its own: the octets are there already and the internal date, the file's time, goes
along, where there are links; a move is a rename.  All of them are one unit of the disk.  Blocking, with the account's
lock held.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from mailsuite.model import Copied
from mailsuite.steps import Links, Renames, Step
from mailsuite.store import history
from mailsuite.store.account import AccountMail
from mailsuite.store.changing import slices
from mailsuite.store.filename import numbered
from mailsuite.store.folder import Folder
from mailsuite.store.index import Row
from mailsuite.store.scan import canonical_name


def copy(account: AccountMail, source: Folder, uids: Sequence[int], target: Folder, move: bool) -> Copied:
    """See ``IMailStore.copy``; all or none as long as they are not more than one unit holds."""
    source.look()
    sources: list[int] = []
    targets: list[int] = []
    if not move:
        messages, octets = account.index.size_of(source.id, uids)
        account.reserve(octets, messages)
        account.release(octets, messages)
    for part in slices(uids):
        rows = account.index.rows(source.id, part)
        linked = _transfer(account, source, rows, target, move)
        if len(linked) < len(rows):  # renamed by another program in this moment; look where they are now
            source.look(force=True)
            done = {row.uid for row, _ in linked}
            left = [uid for uid in part if uid not in done]
            linked += _transfer(account, source, account.index.rows(source.id, left), target, move)
        sources += [row.uid for row, _ in linked]
        targets += [copied.uid for _, copied in linked]
    return Copied(target.counters.uidvalidity, tuple(sources), tuple(targets))


def _transfer(
    account: AccountMail, source: Folder, rows: Sequence[Row], target: Folder, move: bool
) -> list[tuple[Row, Row]]:
    """(source, copy) of those whose file was there."""
    if not rows:
        return []
    groups = _named(account, source, rows, target)
    pairs = [pair for group in groups.values() for pair in group]
    with source.own_change(), target.own_change() if target is not source else contextlib.nullcontext():
        steps = [_step(source, target, group, move) for group in groups.values()]
        modseq = source.counters.next_modseq() if move else 0
        missed = account.resources.disk.commit([*steps, *_noted(source, target, pairs, modseq)])
        for folder in (source, target):
            folder.history.done()
        done = sorted((pair for number, pair in enumerate(pairs) if number not in missed), key=_source_uid)
        copies = [copied for _, copied in done]
        known = account.index.copy_rendered(source.id, target.id, [(row.uid, copied.uid) for row, copied in done])
        target.add(copies, rendered=known == len(copies))
        if move and done:
            source.forget([row.uid for row, _ in done], modseq)
    target.announce()
    return done


def _noted(source: Folder, target: Folder, pairs: Sequence[tuple[Row, Row]], modseq: int) -> list[Step]:
    """What the histories are to say; ``modseq`` is that of a move in its source, 0 for a copy."""
    letters: dict[str, list[int]] = {}
    for _, copied in pairs:
        letters.setdefault(copied.letters, []).append(copied.uid)
    lines = history.came(letters.items())
    gone = sorted(row.uid for row, _ in pairs) if modseq else []
    within = gone if source is target else []
    if within:
        lines.append(history.expunged(within, modseq, source.counters.uidnext))
    counters = target.counters
    steps = target.history.write(lines, counters.modseq, counters.uidnext, history.ranges(within)) if lines else []
    if gone and not within:
        steps += source.history.gone(gone, modseq, source.counters.uidnext)
    return steps


def _source_uid(pair: tuple[Row, Row]) -> int:
    return pair[0].uid


def _named(
    account: AccountMail, source: Folder, rows: Sequence[Row], target: Folder
) -> dict[tuple[bool, bool], list[tuple[Row, Row]]]:
    """Whether source and copy lie in ``new`` -> each message and what its copy is called: recent if it has no flags."""
    first, first_modseq = target.take_numbers(len(rows))
    names = account.resources.unique.names(account.resources.now(), len(rows))
    letters: dict[str, str] = {"": ""}
    groups: dict[tuple[bool, bool], list[tuple[Row, Row]]] = {}
    for uid, (row, name) in enumerate(zip(rows, names, strict=True), first):
        there = letters.get(row.letters)
        if there is None or row.uid in source.lettering.more.by_uid:
            there = target.lettering.letters_for(uid, source.lettering.flags_of(row.uid, row.letters))
            if uid not in target.lettering.more.by_uid and row.uid not in source.lettering.more.by_uid:
                letters[row.letters] = there
        base = numbered(name, row.stored, row.wire, uid)
        copied = Row(uid, base, not there, there, row.stored, row.wire, row.date, first_modseq + uid - first)
        groups.setdefault((row.recent, copied.recent), []).append((row, copied))
    return groups


def _step(source: Folder, target: Folder, group: Sequence[tuple[Row, Row]], move: bool) -> Step:
    (row, copied), *_ = group
    old_folder = source.new if row.recent else source.cur
    new_folder = target.new if copied.recent else target.cur
    old = [canonical_name(row.base, row.letters, row.recent) for row, _ in group]
    new = [canonical_name(copied.base, copied.letters, copied.recent) for _, copied in group]
    return (Renames if move else Links)(old_folder, new_folder, old, new)
