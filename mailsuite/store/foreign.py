"""Brings a folder's index in step with what other programs did to its files.

A file that nobody knew gets a UID and its sizes into its name, in the order of delivery.  A UID that stands in a name
already is believed only as far as ``Trust`` says: a file put back from a backup or moved here from another folder must
not take a number that a client knows for another message.  Blocking, with the account's lock held.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from mailsuite.disk.body import measure
from mailsuite.disk.meaning import meaning_of
from mailsuite.store.filename import Sizes, delivery_order, in_cur, read_base, split, with_numbers
from mailsuite.store.index import Row
from mailsuite.store.scan import Difference, Listing

_log = Logger()

if TYPE_CHECKING:
    from mailsuite.store.folder import Folder


class Trust(enum.Enum):
    """Which UIDs in the names of unknown files are believed."""

    #: None: the index knows all that are ours.
    NONE = "none"
    #: Those that were given out here: the index is new, or may lack what came last before a crash.
    ISSUED = "issued"
    #: All: the folder came from elsewhere and begins a new UIDVALIDITY.
    ALL = "all"


def follow(folder: Folder, found: Listing, difference: Difference, trust: Trust, rebuilding: bool) -> None:
    """Do what ``difference`` asks for.  While ``rebuilding`` nothing is news: MODSEQ stays as it is."""
    if difference.gone:
        folder.forget(difference.gone)
    if difference.moved:
        _follow_moves(folder, found, difference.moved)
    if difference.fresh:
        folder.add(_welcome(folder, found, difference.fresh, trust, rebuilding))


def _follow_moves(folder: Folder, found: Listing, moved: Iterable[tuple[int, str, str]]) -> None:
    letters_now, places = [], []
    for uid, base, before in moved:
        recent, filename = found[base]
        letters = split(filename)[1]
        _put_right(folder, base, recent, filename)
        recent = recent and not letters
        if letters != before:
            letters_now.append((uid, letters, recent))
        else:
            places.append((uid, recent))
    folder.account.index.set_recent(folder.id, places)
    if letters_now:
        folder.note_letters(letters_now)


def _put_right(folder: Folder, base: str, recent: bool, filename: str) -> None:
    """Give a file the name and place that ``base`` should have; FileNotFoundError if it is gone."""
    letters = split(filename)[1]
    path = os.path.join(folder.new if recent else folder.cur, filename)
    wanted = folder.place(base, letters, recent and not letters)
    if recent and letters:  # from ``new`` to ``cur``
        named = os.path.join(folder.new, in_cur(base, letters))
        if path != named:  # two names of one file are known by their base, should the move be broken off
            folder.account.resources.disk.rename(path, named)
        moves = folder.moves()
        moves.add(named, wanted)
        moves.finish()
    elif path != wanted:
        folder.account.resources.disk.rename(path, wanted)


def _welcome(folder: Folder, found: Listing, fresh: Sequence[str], trust: Trust, rebuilding: bool) -> list[Row]:
    """The rows of files that nobody knew, each with a UID in its name."""
    kept, unnamed = _sort_fresh(folder, fresh, trust)
    if kept:
        folder.counters.at_least(max(kept) + 1)
    unnamed.sort(key=delivery_order)
    first = folder.counters.take_uids(len(unnamed)) if unnamed else 0
    modseq = folder.counters.modseq if rebuilding else folder.counters.next_modseq()
    named = [*sorted(kept.items()), *enumerate(unnamed, first)]
    rows = [row for uid, base in named if (row := _adopt(folder, uid, base, *found[base], modseq))]
    if unnamed:
        for inside in (folder.cur, folder.new):
            folder.account.resources.disk.sync_folder(inside)
    return rows


def _sort_fresh(folder: Folder, fresh: Sequence[str], trust: Trust) -> tuple[dict[int, str], list[str]]:
    """(UID -> base for those whose name is believed, the others)."""
    if trust is Trust.NONE:
        return {}, list(fresh)
    kept: dict[int, str] = {}
    unnamed = []
    taken = {uid for uid, *_ in folder.account.index.names(folder.id)}
    for base in sorted(fresh):
        uid = read_base(base).uid
        believed = uid and (trust is Trust.ALL or uid < folder.counters.uidnext)
        if believed and uid not in taken:
            kept[uid] = base
            taken.add(uid)
        else:
            unnamed.append(base)
    return kept, unnamed


def _adopt(folder: Folder, uid: int, base: str, recent: bool, filename: str, modseq: int) -> Row | None:
    """The row of a file that now has this UID; None if it vanished meanwhile or cannot be read."""
    path = os.path.join(folder.new if recent else folder.cur, filename)
    sizes = read_base(base)
    try:
        date = os.stat(path, follow_symlinks=False).st_mtime
        stored, wire = (sizes.stored, sizes.wire) if sizes.stored and sizes.wire else measure(path)
        wanted = Sizes(stored, wire, uid)
        named = base if sizes == wanted else with_numbers(base, wanted)
        _put_right(folder, named, recent, filename)
    except FileNotFoundError:
        return None
    except PermissionError:  # one file that is not ours keeps nobody from the others
        _log.warn("{path} cannot be read and is left alone", path=path)
        return None
    except OSError as error:
        raise meaning_of(error, path) from error
    letters = split(filename)[1]
    return Row(uid, named, recent and not letters, letters, stored, wire, date, modseq)
