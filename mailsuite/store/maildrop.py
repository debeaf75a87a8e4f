"""A mailbox as POP3 wants it: one list with exact sizes.

Blocking.  ``examine`` takes the account's lock itself, and not while it reads messages; ``listing`` is called with the
lock held.  The sizes of downgraded forms (``mime.downgrade``) are found once, by reading, and kept in the index; a
message without any octet beyond ASCII, as most are, costs the reading alone.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Sequence
from typing import overload

from mailsuite.disk.body import PIECE, SMALL, WireReader, read_stored
from mailsuite.disk.opening import open_file
from mailsuite.errors import Expunged
from mailsuite.mime.downgrade import edits
from mailsuite.mime.structure import Scanner
from mailsuite.model import Listing
from mailsuite.store.folder import Folder
from mailsuite.store.places import Row
from mailsuite.store.reading import from_file, permanent_name

#: Messages that one ``examine`` reads.
SLICE = 500
#: In ``Index.ascii_sizes``: up to which UID messages were examined.
_MARK = 0


class Names(Sequence[str]):
    """The permanent names of messages, made when they are asked for."""

    def __init__(self, uids: Sequence[int], uidvalidity: int) -> None:
        self._uids = uids
        self._uidvalidity = uidvalidity

    def __len__(self) -> int:
        return len(self._uids)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, int):
            return permanent_name(self._uids[index], self._uidvalidity)
        end = permanent_name(0, self._uidvalidity)[8:]
        return [f"{uid:08x}{end}" for uid in self._uids[index]]


def listing(folder: Folder, ascii_only: bool) -> Listing:
    """See ``IMailbox.listing``; messages that ``examine`` has not seen are left out of one with ``ascii_only``."""
    folder.look()
    index = folder.account.index
    uids, sizes = index.sizes(folder.id)
    downgraded: dict[int, int] = {}
    if ascii_only:
        downgraded = index.ascii_sizes(folder.id)
        examined = bisect.bisect_right(uids, downgraded.pop(_MARK, 0))
        uids, sizes = uids[:examined], sizes[:examined]
    if downgraded:
        sizes = tuple([downgraded.get(uid, size) for uid, size in zip(uids, sizes, strict=True)])
    names = Names(uids, folder.counters.uidvalidity)
    return Listing(uids, sizes, names, frozenset(downgraded).intersection(uids), folder.feed.position)


def examine(folder: Folder) -> bool:
    """Find the downgraded sizes of the next messages; whether there may be more."""
    with folder.account.locked():
        folder.look()
        after = folder.account.index.ascii_sizes(folder.id).get(_MARK, 0)
        rows = folder.account.index.next_rows(folder.id, after, SLICE)
    if not rows:
        return False
    sizes = {_MARK: rows[-1].uid}
    for row in rows:
        if growths := _growths(folder, row):
            sizes[row.uid] = row.wire + sum(growths)
    index = folder.account.index
    with folder.account.locked(), index.transaction():
        there = {row.uid for row in index.rows(folder.id, sizes)} | {_MARK}
        index.keep_ascii_sizes(folder.id, {uid: sizes[uid] for uid in sizes if uid in there})
    return len(rows) == SLICE


def _growths(folder: Folder, row: Row) -> list[int]:
    """By how much each edit of a downgrade lengthens the message; nothing if it needs none, or cannot be read."""
    try:
        return from_file(folder, row, _growths_of_file)
    except (Expunged, OSError):
        return []


def _growths_of_file(path: str) -> list[int]:
    octets = read_stored(path, SMALL)
    if octets.isascii() and len(octets) < SMALL:
        return []
    fd = open_file(path)
    try:
        return _growths_of_open(fd)
    finally:
        os.close(fd)


def _growths_of_open(fd: int) -> list[int]:
    scanner, ascii_only, at = Scanner(), True, 0
    while piece := os.pread(fd, PIECE, at):
        ascii_only = ascii_only and piece.isascii()
        scanner.feed(piece)
        at += len(piece)
    return [] if ascii_only else [edit.growth for edit in edits(scanner.finish(), WireReader(fd, 0).read)]
