"""STORE and EXPUNGE: changes of any number of messages, in as few units of the disk as they fit into.

What costs is done once for all messages of a kind, not for each: most have one of a few sets of letters, and lie in one
folder.  Blocking, with the account's lock held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from mailsuite.model import NO_FLAGS, FlagOp, Flags
from mailsuite.steps import Renames, Step, Unlinks
from mailsuite.store import flags as flag_sets
from mailsuite.store import scan
from mailsuite.store.filename import in_cur
from mailsuite.store.index import Place

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
        places = folder.account.index.places(folder.id, part)
        if unchanged_since is not None:
            late += [uid for uid, *_, modseq in places if modseq > unchanged_since]
            places = [place for place in places if place[-1] <= unchanged_since]
        if not _change_flags(folder, places, op, flags, done):
            left = [uid for uid, *_ in places]
            folder.look(force=True)  # some were not where they should be
            _change_flags(folder, folder.account.index.places(folder.id, left), op, flags, [])
            now = folder.account.index.letters(folder.id, left)
            done += [(uid, folder.lettering.flags_of(uid, letters), modseq) for uid, letters, modseq in now]
    return done, late


def _change_flags(
    folder: Folder, places: Sequence[Place], op: FlagOp, flags: Flags, done: list[tuple[int, Flags, int]]
) -> bool:
    """Rename all as one unit, note; if no file was missing, ``done`` gets what is so now."""
    if op is not FlagOp.REMOVE and places:
        folder.lettering.learn(flags)
    plan = _Plan(folder, op, flags)
    with folder.own_change():
        changed = [(place, after) for place in places if (after := plan.letters(place)) is not None]
        missed: Collection[int] = ()
        if changed:
            changed.sort(key=_in_cur)
            modseq = folder.counters.next_modseq()
            noted = folder.changed(_by_letters(changed).items(), modseq)
            steps = [*_renames(folder, changed), *folder.lettering.put_more(plan.more), *noted]
            missed = folder.account.resources.disk.commit(steps)
            folder.history.done()
            if missed:
                changed = [each for number, each in enumerate(changed) if number not in missed]
            letters = _by_letters(changed)
            if letters:
                folder.note_letters({(after, False): uids for after, uids in letters.items()}, modseq)
    if not missed:
        modseq, now = folder.counters.modseq, {place[0]: after for place, after in changed}
        for uid, _, _, was, _, before in places:
            done.append((uid, folder.lettering.flags_of(uid, now.get(uid, was)), modseq if uid in now else before))
    return not missed


def _by_letters(changed: Sequence[tuple[Place, str]]) -> dict[str, list[int]]:
    """The letters that messages are to have -> their UIDs."""
    found: dict[str, list[int]] = {}
    for place, after in changed:
        found.setdefault(after, []).append(place[0])
    return found


class _Plan:
    """What the flags of messages are to be.  ``more`` are their keywords without letters, by UID."""

    def __init__(self, folder: Folder, op: FlagOp, flags: Flags) -> None:
        self._folder = folder
        self._op = op
        self._flags = flags
        self._after: dict[str, str | None] = {}
        self.more: dict[int, Flags] = {}

    def letters(self, place: Place) -> str | None:
        """The letters that this one is to have, None if nothing changes."""
        uid, letters = place[0], place[3]
        if letters in self._after and uid not in self._folder.lettering.more.by_uid:
            return self._after[letters]
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


def _in_cur(changed: tuple[Place, str]) -> bool:
    return not changed[0][2]


def _renames(folder: Folder, changed: Sequence[tuple[Place, str]]) -> Iterator[Step]:
    """In the order of ``changed``."""
    for inside, recent in ((folder.new, True), (folder.cur, False)):
        there = [(base, letters, after) for (_, base, at, letters, *_), after in changed if bool(at) is recent]
        if there:
            old = [scan.canonical_name(base, letters, recent) for base, letters, _ in there]
            yield Renames(inside, folder.cur, old, [in_cur(base, after) for base, _, after in there])


# -- EXPUNGE -------------------------------------------------------------------------------------------------------


def expunge(folder: Folder, uids: Sequence[int]) -> Sequence[int]:
    """Those that were there, gone for good."""
    return [uid for part in slices(uids) for uid in _expunge(folder, part)]


def _expunge(folder: Folder, uids: Sequence[int]) -> list[int]:
    index = folder.account.index
    places = left = index.places(folder.id, uids)
    if places:
        with folder.own_change():
            modseq, missed = _unlink(folder, places)
            if missed:
                folder.look(force=True)  # notes those that are gone, finds those that were renamed
                left = index.places(folder.id, [place[0] for place in places])
                modseq, _ = _unlink(folder, left)
            if left:
                folder.forget([place[0] for place in left], modseq)
    return [place[0] for place in places]


def _unlink(folder: Folder, places: Sequence[Place]) -> tuple[int, bool]:
    """Remove the files as one unit; its MODSEQ, and whether one was missing."""
    if not places:
        return 0, False
    modseq, steps = removal(folder, places)
    missed = folder.account.resources.disk.commit(steps)
    folder.history.done()
    return modseq, bool(missed)


def removal(folder: Folder, places: Sequence[Place]) -> tuple[int, list[Step]]:
    """The MODSEQ of their removal, and the steps of one unit; ``history.done`` and ``forget`` are to follow."""
    steps: list[Step] = []
    for inside, recent in ((folder.new, True), (folder.cur, False)):
        names = [
            scan.canonical_name(base, letters, recent) for _, base, at, letters, *_ in places if bool(at) is recent
        ]
        if names:
            steps.append(Unlinks(inside, names))
    uids = [place[0] for place in places]
    steps += folder.lettering.put_more(dict.fromkeys(uids, NO_FLAGS))
    modseq = folder.counters.next_modseq()
    steps += folder.history.gone(uids, modseq, folder.counters.uidnext)
    return modseq, steps
