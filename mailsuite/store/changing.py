"""STORE and EXPUNGE: changes of any number of messages, in as few units of the disk as they fit into.

What costs is done once for all messages of a kind, not for each: most have one of a few sets of letters, and lie in one
folder.  Blocking, with the account's lock held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, TypeVar

from mailsuite.model import NO_FLAGS, FlagOp, Flags
from mailsuite.steps import Renames, Step, Unlinks
from mailsuite.store import flags as flag_sets
from mailsuite.store.behind import remove_renamed
from mailsuite.store.filename import all_in_cur
from mailsuite.store.places import Places

if TYPE_CHECKING:
    from mailsuite.store.folder import Folder

#: Messages that one unit changes at most: with two names of 255 octets each they take 20 of the 32 MiB that a file of
#: the journal has.
A_UNIT = 40_000

_T = TypeVar("_T")


def slices(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Parts, each for a unit of its own."""
    for start in range(0, len(items), A_UNIT):
        yield items[start : start + A_UNIT]


# -- STORE ---------------------------------------------------------------------------------------------------------


def store(
    folder: Folder, uids: Sequence[int], op: FlagOp, flags: Flags, unchanged_since: int | None
) -> tuple[Sequence[tuple[int, Flags, int]], Sequence[int]]:
    """See ``IMailbox.store``."""
    done: list[tuple[int, Flags, int]] = []
    late: list[int] = []
    for part in slices(uids):
        places = folder.account.index.places(folder.id, part).new_first()
        if unchanged_since is not None:
            unchanged = [modseq <= unchanged_since for modseq in places.modseqs]
            late += [uid for uid, chosen in zip(places.uids, unchanged, strict=True) if not chosen]
            places = places.only(unchanged)
        if not _change_flags(folder, places, op, flags, done):
            folder.look(force=True)  # some were not where they should be
            again = folder.account.index.places(folder.id, places.uids).new_first()
            _change_flags(folder, again, op, flags, [])
            now = folder.account.index.letters(folder.id, places.uids)
            done += [(uid, folder.lettering.flags_of(uid, letters), modseq) for uid, letters, modseq in now]
    return sorted(done), sorted(late)


def _change_flags(folder: Folder, places: Places, op: FlagOp, flags: Flags, done: list[tuple[int, Flags, int]]) -> bool:
    """Rename all as one unit, note; if no file was missing, ``done`` gets what is so now."""
    if op is not FlagOp.REMOVE and places:
        flags = folder.lettering.spelled(flags)
        folder.lettering.learn(flags)
    plan = _Plan(folder, op, flags)
    with folder.own_change():
        planned = plan.letters(places)
        changes = [letters is not None for letters in planned]
        after = [letters for letters in planned if letters is not None]
        missed = _rename(folder, places.only(changes), after, plan) if after else ()
    if not missed:
        letters = [was if now is None else now for was, now in zip(places.letters, planned, strict=True)]
        modseq = folder.counters.modseq
        modseqs = [modseq if new else was for was, new in zip(places.modseqs, changes, strict=True)]
        done += zip(places.uids, folder.lettering.flags_of_many(places.uids, letters), modseqs, strict=True)
    return not missed


def _rename(folder: Folder, places: Places, letters: Sequence[str], plan: _Plan) -> Collection[int]:
    """Give these the letters, in step, as one unit; the numbers of those that were not there, as far as is known."""
    modseq = folder.counters.next_modseq()
    noted = folder.changed(by_letters(places.uids, letters).items(), modseq)
    steps = [*_renames(folder, places, letters), *plan.put_more(), *noted]
    missed = folder.behind.commit(steps, places, plan.again)
    folder.history.done()
    there = [number not in missed for number in range(len(places))] if missed else [True] * len(places)
    if any(there):
        found = by_letters(places.only(there).uids, list(compress(letters, there)))
        folder.note_letters({(after, False): uids for after, uids in found.items()}, modseq)
    return missed


def by_letters(uids: Sequence[int], letters: Sequence[str]) -> dict[str, list[int]]:
    """The letters that messages are to have -> their UIDs."""
    found: dict[str, list[int]] = {each: [] for each in dict.fromkeys(letters)}
    if len(found) == 1:
        return {letters[0]: list(uids)}
    for uid, each in zip(uids, letters, strict=True):
        found[each].append(uid)
    return found


class _Plan:
    """What the flags of messages are to be.  ``more`` are their keywords without letters, by UID."""

    def __init__(self, folder: Folder, op: FlagOp, flags: Flags) -> None:
        self._folder = folder
        self._op = op
        self._flags = flags
        self._after: dict[str, str | None] = {}  # by the letters before
        self.more: dict[int, Flags] = {}

    def letters(self, places: Places) -> list[str | None]:
        """In step, the letters that each is to have, None if nothing changes."""
        after, more = self._after, self._folder.lettering.more.by_uid
        return [
            after[letters] if letters in after and uid not in more else self._letters(uid, letters)
            for uid, letters in zip(places.uids, places.letters, strict=True)
        ]

    def _letters(self, uid: int, letters: str) -> str | None:
        before = self._folder.lettering.flags_of(uid, letters)
        now = flag_sets.apply(self._op, before, self._flags)
        keywords = self._folder.lettering.keywords
        wanted, unlettered = keywords.letters(now)
        after = "".join(sorted(wanted + keywords.unexplained(letters))) if now != before else None
        if unlettered or uid in self._folder.lettering.more.by_uid:
            self.more[uid] = unlettered
        else:
            self._after[letters] = after
        return after

    def put_more(self) -> list[Step]:
        """What notes the keywords without letters."""
        return self._folder.lettering.put_more(self.more)

    def again(self, places: Places) -> None:
        """These were renamed by another program before we came: upon what that one said."""
        self._folder.look(force=True)
        left = self._folder.account.index.places(self._folder.id, places.uids).new_first()
        _change_flags(self._folder, left, self._op, self._flags, [])


def _renames(folder: Folder, places: Places, letters: Sequence[str]) -> Iterator[Step]:
    """In the order of ``places``."""
    old, new, first = places.names(), all_in_cur(places.bases, letters), places.in_new
    if first:
        yield Renames(folder.new, folder.cur, old[:first], new[:first])
    if first < len(old):
        yield Renames(folder.cur, folder.cur, old[first:], new[first:])


# -- EXPUNGE -------------------------------------------------------------------------------------------------------


def expunge(folder: Folder, uids: Sequence[int]) -> Sequence[int]:
    """Those that were there, gone for good."""
    return [uid for part in slices(uids) for uid in _expunge(folder, part)]


def _expunge(folder: Folder, uids: Sequence[int]) -> list[int]:
    index = folder.account.index
    places = left = index.places(folder.id, uids).new_first()
    if places:
        with folder.own_change():
            modseq, missed = _unlink(folder, places)
            if missed:
                folder.look(force=True)  # notes those that are gone, finds those that were renamed
                left = index.places(folder.id, places.uids).new_first()
                modseq, _ = _unlink(folder, left)
            if left:
                folder.forget(left.uids, modseq)
    return sorted(places.uids)


def _unlink(folder: Folder, places: Places) -> tuple[int, bool]:
    """Remove the files as one unit; its MODSEQ, and whether one was missing."""
    if not places:
        return 0, False
    modseq, steps = removal(folder, places)
    missed = folder.behind.commit(steps, places, partial(remove_renamed, folder), removes=True)
    folder.history.done()
    return modseq, bool(missed)


def removal(folder: Folder, places: Places) -> tuple[int, list[Step]]:
    """The MODSEQ of their removal, and the steps of one unit; ``history.done`` and ``forget`` are to follow."""
    names, first = places.names(), places.in_new
    steps: list[Step] = [
        Unlinks(inside, part) for inside, part in ((folder.new, names[:first]), (folder.cur, names[first:])) if part
    ]
    steps += folder.lettering.put_more(dict.fromkeys(places.uids, NO_FLAGS))
    modseq = folder.counters.next_modseq()
    steps += folder.history.gone(places.uids, modseq, folder.counters.uidnext)
    return modseq, steps
