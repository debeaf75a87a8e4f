"""Puts right what ``survey`` found in one account; no server may run on it.  Blocking.

Files are the truth, the index follows: names get the sizes their files have, counters go above what is used, rows that
cannot be trusted are dropped and made anew, and opening each mailbox does the rest, as at any start.  UIDs stay but
where two files have the same.  What a person must decide is left alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence

from mailsuite.disk.body import measure
from mailsuite.errors import Corrupt
from mailsuite.store import scan
from mailsuite.store.account import AccountMail
from mailsuite.store.counters import FILE as COUNTERS_FILE
from mailsuite.store.counters import UID_BLOCK, Counters
from mailsuite.store.filename import MAX_UID, Sizes, read_base, with_numbers
from mailsuite.store.history import FILE as HISTORY_FILE
from mailsuite.store.index import Index, set_aside
from mailsuite.store.names import to_folder
from mailsuite.store.resources import Resources
from mailsuite.store.survey import Finding

#: What makes a mailbox's rows worth nothing.
_UNTRUSTED = frozenset({"size", "numbers", "counters"})


def repair(root: str, account: str, resources: Resources, findings: Sequence[Finding]) -> None:
    """Do what can be done about ``findings``, all of this account in the store ``root``.  ``Temporary``."""
    mail = AccountMail(root, account, resources)
    kinds: dict[str, set[str]] = {}
    for finding in findings:
        kinds.setdefault(finding.mailbox, set()).add(finding.kind)
    path = os.path.join(mail.home, "index.sqlite")
    if any(finding.kind == "index" and "cannot be read" in finding.text for finding in findings):
        set_aside(path, "mailsuite store verify --repair", resources.now())
    with _opened(path, resources) as index:
        for mailbox, found in kinds.items():
            if mailbox and found & _UNTRUSTED:
                folder = to_folder(mailbox)
                _repair_folder(resources, os.path.join(mail.maildir, folder), found, index.highest_modseq(folder))
                index.forget_folder(folder)
    left_alone = {name for name, found in kinds.items() if "corrupt" in found}
    with mail.locked():
        for name in sorted(mail.names() - left_alone):
            mail.folder(name).look(force=True)
    mail.close()


@contextlib.contextmanager
def _opened(path: str, resources: Resources) -> Iterator[Index]:
    index = Index(path, resources.now)
    try:
        yield index
    finally:
        index.close()


def _repair_folder(resources: Resources, path: str, found: Collection[str], modseq: int) -> None:
    """``modseq``: the highest in the index."""
    disk = resources.disk
    new, cur = os.path.join(path, "new"), os.path.join(path, "cur")
    files = scan.look(new, cur, lambda: ())[0]
    if "size" in found:
        for base, (recent, filename) in files.items():
            inside = new if recent else cur
            _name_rightly(resources, inside, base, filename)
        for inside in (new, cur):
            disk.sync_folder(inside)
    try:
        counters = Counters.load(disk, os.path.join(path, COUNTERS_FILE))
    except Corrupt:
        return
    if counters is not None:
        last = max((read_base(base).uid for base in files), default=0)
        uidnext = counters.uidnext if counters.uidnext > last else min(last + UID_BLOCK, MAX_UID)
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(os.path.join(path, HISTORY_FILE))
        # rows that are made anew have the highest MODSEQ: above what clients know, so that they ask
        Counters.create(disk, counters.path, counters.uidvalidity, uidnext, max(counters.modseq, modseq) + 1)


def _name_rightly(resources: Resources, inside: str, base: str, filename: str) -> None:
    stored, wire = measure(os.path.join(inside, filename))
    wanted = Sizes(stored, wire, read_base(base).uid)
    if read_base(base) != wanted:
        named = with_numbers(base, wanted) + filename[len(base) :]
        resources.disk.rename(os.path.join(inside, filename), os.path.join(inside, named))
