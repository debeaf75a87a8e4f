"""The first look at a folder that Dovecot or Courier filled: clients are to see the mailbox they know.

UIDs go from the other server's list into the file names, keywords into ours; UIDVALIDITY and UIDNEXT stay.  The file of
our counters, written last, ends the takeover; a crash before that lets it begin again, and finds what was renamed
already.  The other server's files are only read.  A marker keeps their lists, which are old by then, from being
believed a second time should our counters ever be removed.  MODSEQ begins above what the other server can have given.
Blocking, with the account's lock held.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from twisted.logger import Logger

from mailsuite.errors import Corrupt
from mailsuite.interfaces import IDisk
from mailsuite.model import Flags
from mailsuite.store import keyword_lists, uid_list
from mailsuite.store import keywords as keyword_files
from mailsuite.store.counters import Counters
from mailsuite.store.filename import in_cur, split, stem, with_uid
from mailsuite.store.foreign import Trust
from mailsuite.store.keywords import Keywords, More
from mailsuite.store.uid_list import UidList

if TYPE_CHECKING:
    from mailsuite.store.account import AccountMail

MARKER = "mailsuite-taken-over"

_log = Logger()


def first_counters(account: AccountMail, path: str, file: str) -> tuple[Counters, Trust]:
    """Counters for the folder ``path``, which has none in ``file``, and what UIDs in its names are worth."""
    disk = account.resources.disk
    known = None if _exists(disk, path, MARKER) else _read_uids(disk, path)
    keywords, by_file = _read_keywords(disk, path)
    if known or by_file:
        _rename(disk, path, known.uids if known else {}, keywords, by_file)
    if keywords.names and not _exists(disk, path, keyword_files.FILE):
        disk.replace(os.path.join(path, keyword_files.FILE), keywords.dump())
    if not known:
        return Counters.create(disk, file, account.take_uidvalidity()), Trust.ALL
    account.take_uidvalidity(known.uidvalidity)
    modseq = max(1, int(account.resources.now()))
    counters = Counters.create(disk, file, known.uidvalidity, known.uidnext, modseq)
    disk.replace(os.path.join(path, MARKER), b"V%d N%d\n" % (known.uidvalidity, known.uidnext))
    return counters, Trust.ISSUED


def _exists(disk: IDisk, path: str, name: str) -> bool:
    return _read(disk, path, name) is not None


def _read(disk: IDisk, path: str, name: str) -> bytes | None:
    try:
        return disk.read(os.path.join(path, name))
    except FileNotFoundError:
        return None


def _read_uids(disk: IDisk, path: str) -> UidList | None:
    """What the last server that had the folder knew."""
    for name in (uid_list.DOVECOT, uid_list.COURIER):
        data = _read(disk, path, name)
        if data is None:
            continue
        try:
            known = uid_list.parse(data, os.path.join(path, name))
        except Corrupt as error:
            _log.error("{error}; clients fetch this mailbox anew", error=error)
            return None
        _log.info(
            "{path}: taken over with the UIDs of {name}, UIDVALIDITY {uidvalidity}, {count} messages",
            path=path, name=name, uidvalidity=known.uidvalidity, count=len(known.uids),
        )  # fmt: skip
        return known
    return None


def _read_keywords(disk: IDisk, path: str) -> tuple[Keywords, Mapping[str, Flags]]:
    """(Letters, keywords by the stem of a file's name where no letters say them)."""
    data = _read(disk, path, keyword_lists.DOVECOT)
    if data is not None:
        return Keywords(keyword_lists.parse_dovecot(data)), {}
    folder = os.path.join(path, keyword_lists.COURIER)
    if not os.path.isdir(folder):
        return Keywords(), {}
    by_file = keyword_lists.parse_courier(_read(disk, folder, keyword_lists.COURIER_LIST) or b"")
    for name, file in keyword_lists.newest_updates(disk.list_folder(folder)).items():
        by_file[name] = keyword_lists.parse_update(_read(disk, folder, file) or b"")
    keywords = Keywords()
    keywords.learn(frozenset().union(*by_file.values()))
    return keywords, by_file


def _rename(disk: IDisk, path: str, uids: Mapping[str, int], keywords: Keywords, by_file: Mapping[str, Flags]) -> None:
    """Put what is known of them into the names of all files; durable when it returns."""
    more = More()
    for inside in ("cur", "new"):
        folder = os.path.join(path, inside)
        for filename in disk.list_folder(folder):
            if filename.startswith("."):
                continue
            base = split(filename)[0]
            uid = uids.get(stem(base), 0)
            letters, unlettered = keywords.letters(by_file.get(stem(base), frozenset()))
            if uid and unlettered:
                more.put(uid, unlettered)
            _rename_one(disk, path, inside, filename, with_uid(base, uid), letters)
    if more.by_uid:
        disk.replace(os.path.join(path, keyword_files.MORE_FILE), more.dump())
    for inside in ("cur", "new"):
        disk.sync_folder(os.path.join(path, inside))


def _rename_one(disk: IDisk, path: str, inside: str, filename: str, base: str, letters: str) -> None:
    """Give it this base, and these letters besides its own."""
    old_base, own = split(filename)
    target = base + filename[len(old_base) :]
    if not set(letters) <= set(own):  # the first look moves what has letters to cur
        target = in_cur(base, "".join(sorted(set(own + letters))))
    if target != filename:
        disk.rename(os.path.join(path, inside, filename), os.path.join(path, inside, target))
