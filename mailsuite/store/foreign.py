"""Brings a folder's index in step with what other programs did to its files.

A file that nobody knew gets a UID and its sizes into its name, in the order of delivery.  A UID that stands in a name
already is believed only as far as ``Trust`` says: a file put back from a backup or moved here from another folder must
not take a number that a client knows for another message.  Blocking, with the account's lock held.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from mailsuite.disk.body import measure
from mailsuite.disk.meaning import meaning_of
from mailsuite.steps import Rename
from mailsuite.store.filename import Sizes, delivery_order, read_base, split, with_numbers
from mailsuite.store.places import Row, Rows
from mailsuite.store.scan import Difference, Listing

_log = Logger()

if TYPE_CHECKING:
    from mailsuite.store.folder import Folder

#: Renames in one unit.
SLICE = 1000


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
        folder.add(Rows.of(_welcome(folder, found, difference.fresh, trust, rebuilding)))


def _follow_moves(folder: Folder, found: Listing, moved: Iterable[tuple[int, str, str]]) -> None:
    letters_now: dict[tuple[str, bool], list[int]] = {}
    places = []
    _rename(folder, [_put_right(folder, base, *found[base]) for _, base, _ in moved])
    for uid, base, before in moved:
        recent, filename = found[base]
        letters = split(filename)[1]
        recent = recent and not letters
        if letters != before:
            letters_now.setdefault((letters, recent), []).append(uid)
        else:
            places.append((uid, recent))
    folder.set_places(places)
    if letters_now:
        folder.note_letters(letters_now)


def _put_right(folder: Folder, base: str, recent: bool, filename: str) -> Rename:
    """What gives a file the name and place that ``base`` should have."""
    letters = split(filename)[1]
    path = os.path.join(folder.new if recent else folder.cur, filename)
    return Rename(path, folder.place(base, letters, recent and not letters))


def _rename(folder: Folder, renames: Sequence[Rename]) -> set[Rename]:
    """Where names change; those whose file is gone."""
    wanted = [rename for rename in renames if rename.old != rename.new]
    gone = set()
    for start in range(0, len(wanted), SLICE):
        part = wanted[start : start + SLICE]
        gone |= {part[number] for number in folder.account.resources.disk.commit(part)}
    return gone


def _welcome(folder: Folder, found: Listing, fresh: Sequence[str], trust: Trust, rebuilding: bool) -> list[Row]:
    """The rows of files that nobody knew, each with a UID in its name."""
    kept, unnamed = _sort_fresh(folder, fresh, trust)
    if kept:
        folder.counters.at_least(max(kept) + 1)
    modseqs = _known_modseqs(folder, kept, found, rebuilding)
    unnamed.sort(key=delivery_order)
    first, first_modseq = folder.take_numbers(len(unnamed)) if unnamed else (0, 0)
    modseqs |= {uid: first_modseq + uid - first for uid in range(first, first + len(unnamed))}
    named = [*sorted(kept.items()), *enumerate(unnamed, first)]
    adopted = [each for uid, base in named if (each := _adopt(folder, uid, base, *found[base], modseqs[uid]))]
    gone = _rename(folder, [rename for _, rename in adopted])
    return [row for row, rename in adopted if rename not in gone]


def _known_modseqs(folder: Folder, kept: Mapping[int, str], found: Listing, rebuilding: bool) -> dict[int, int]:
    """MODSEQ of messages whose UID is believed: what the history says.  What it cannot tell has changed now; without a
    history nothing is news while the index is made."""
    if rebuilding and folder.past is None:
        return dict.fromkeys(kept, folder.counters.modseq)
    letters = {uid: split(found[base][1])[1] for uid, base in kept.items()}
    known = {}
    if rebuilding and folder.past is not None:
        known = {uid: folder.past.modseq(uid, each, folder.untouched) for uid, each in letters.items()}
    unknown: dict[str, list[int]] = {}
    for uid in kept:
        if not 0 < known.get(uid, 0) <= folder.counters.modseq:
            unknown.setdefault(letters[uid], []).append(uid)
    if unknown:
        modseq = folder.counters.next_modseq()
        folder.commit_noted(folder.changed(unknown.items(), modseq))
        known |= dict.fromkeys((uid for uids in unknown.values() for uid in uids), modseq)
    return known


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
        if believed and uid not in taken and not (folder.past and folder.past.names_gone(uid)):
            kept[uid] = base
            taken.add(uid)
        else:
            unnamed.append(base)
    return kept, unnamed


def _adopt(folder: Folder, uid: int, base: str, recent: bool, filename: str, modseq: int) -> tuple[Row, Rename] | None:
    """The row of a file that is to have this UID, and what lets it; None if it vanished meanwhile or cannot be read."""
    path = os.path.join(folder.new if recent else folder.cur, filename)
    sizes = read_base(base)
    try:
        date = os.stat(path, follow_symlinks=False).st_mtime
        stored, wire = (sizes.stored, sizes.wire) if sizes.stored and sizes.wire else measure(path)
        wanted = Sizes(stored, wire, uid)
        named = base if sizes == wanted else with_numbers(base, wanted)
    except FileNotFoundError:
        return None
    except PermissionError:  # one file that is not ours keeps nobody from the others
        _log.warn("{path} cannot be read and is left alone", path=path)
        return None
    except OSError as error:
        raise meaning_of(error, path) from error
    letters = split(filename)[1]
    row = Row(uid, named, recent and not letters, letters, stored, wire, date, modseq)
    return row, _put_right(folder, named, recent, filename)
