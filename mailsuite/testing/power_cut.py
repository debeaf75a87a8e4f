"""What a power cut may leave of what was done to a disk.

A ``Volume`` is told the system calls in order (``Operation``) and at any moment gives the images that a disk may
show if the power fails now.  It allows what journalling file systems allow, and more:

- Octets not followed by an fsync of their file are kept, lost, torn, or there in size only (zeros, or rubbish).
- A name (created, linked, renamed, removed) not followed by an fsync of its folder is kept or lost, each for itself:
  in the order of its folder, and in samples against that order, too.  A rename is whole, old name or new, and durable
  when the folder of the *new* name is synced.  A name that was taken from another needs that one to have come first.
- A folder is lost with everything in it unless its own name is durable.  Syncing a file does not keep its name.
- A folder's time is that of its last kept change; where changes were kept out of order, of none of them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from mailsuite.testing.disk_image import File, Image


class Enter(msgspec.Struct, frozen=True):
    """``node`` (new or linked) is called ``name`` in ``folder``.  ``at``: nanoseconds, the folder's new time."""

    folder: int
    name: str
    node: int
    at: int
    is_folder: bool = False


class Leave(msgspec.Struct, frozen=True):
    """The name is gone."""

    folder: int
    name: str
    at: int


class Move(msgspec.Struct, frozen=True):
    """A rename, over whatever ``to_name`` was."""

    folder: int
    name: str
    to_folder: int
    to_name: str
    node: int
    at: int


class Write(msgspec.Struct, frozen=True):
    node: int
    offset: int
    data: bytes
    at: int


class Resize(msgspec.Struct, frozen=True):
    node: int
    size: int
    at: int


class Stamp(msgspec.Struct, frozen=True):
    """The file's modification time was set to ``at``."""

    node: int
    at: int


class Sync(msgspec.Struct, frozen=True):
    """fsync of a file or folder, or of all (``node`` -1).  ``site`` says whose call it was."""

    node: int
    site: str


Naming: TypeAlias = Enter | Leave | Move
Content: TypeAlias = Write | Resize | Stamp
Operation: TypeAlias = Naming | Content | Sync

#: ``Sync.node`` of a sync of the whole file system.
ALL = -1


class _Pending(msgspec.Struct, frozen=True):
    """A change of names that is not durable.  ``number`` orders all changes; ``needs`` are numbers of others without
    which this one makes no sense."""

    number: int
    change: Naming
    needs: frozenset[int]

    @property
    def folders(self) -> set[int]:
        change = self.change
        return {change.folder, change.to_folder} if isinstance(change, Move) else {change.folder}


class _Names(msgspec.Struct):
    """Entries of folders, and the folders' times, each with the number of the change it comes from: of two times the
    one that was set last counts, which is not the later one where a clock was set back."""

    entries: dict[tuple[int, str], tuple[int | None, int]]
    mtimes: dict[int, int]
    dated_by: dict[int, int] = {}

    def copy(self) -> _Names:
        return _Names(dict(self.entries), dict(self.mtimes), dict(self.dated_by))

    def apply(self, number: int, change: Naming) -> None:
        """Unless a later change of the same name is there already."""
        match change:
            case Enter():
                self._put(change.folder, change.name, change.node, number, change.at)
            case Leave():
                self._put(change.folder, change.name, None, number, change.at)
            case Move():
                self._put(change.folder, change.name, None, number, change.at)
                self._put(change.to_folder, change.to_name, change.node, number, change.at)

    def _put(self, folder: int, name: str, node: int | None, number: int, at: int) -> None:
        if self.entries.get((folder, name), (None, -1))[1] < number:
            self.entries[folder, name] = (node, number)
        if self.dated_by.get(folder, -1) <= number:
            self.mtimes[folder], self.dated_by[folder] = at, number


class Volume:
    """A disk to which ``apply`` is told what is done, in order."""

    def __init__(self, start: Image) -> None:
        """``start`` is durable."""
        self._number = 0
        self._durable = _Names({}, dict(start.mtimes))
        for folder, entries in start.folders.items():
            self._durable.entries |= {(folder, name): (node, 0) for name, node in entries.items()}
        self._folders = set(start.folders)
        self._files = dict(start.files)
        self._pending: list[_Pending] = []
        self._unsynced: dict[int, list[Content]] = {}
        #: Pending change that gave a name its present node.
        self._giver: dict[tuple[int, str], int] = {}
        self._now = max(start.mtimes.values())

    # -- what is done ----------------------------------------------------------------------------------------------

    def apply(self, operation: Operation) -> None:
        match operation:
            case Sync():
                self._sync(operation.node)
            case Write() | Resize() | Stamp():
                self._unsynced.setdefault(operation.node, []).append(operation)
            case _:
                self._name(operation)

    def _name(self, change: Naming) -> None:
        self._number += 1
        self._now = max(self._now, change.at)
        if isinstance(change, Enter):
            self._create(change)
        given = self._giver.pop((change.folder, change.name), None)
        needs = frozenset() if given is None or isinstance(change, Enter) else frozenset((given,))
        self._pending.append(_Pending(self._number, change, needs))
        if isinstance(change, Enter):
            self._giver[change.folder, change.name] = self._number
        elif isinstance(change, Move):
            self._giver[change.to_folder, change.to_name] = self._number

    def _create(self, change: Enter) -> None:
        if change.is_folder:
            self._folders.add(change.node)
            self._durable.mtimes[change.node] = change.at
        else:
            self._files.setdefault(change.node, File(b"", change.at))

    def _sync(self, node: int) -> None:
        for file in tuple(self._unsynced) if node == ALL else (node,):
            if file in self._unsynced:
                self._files[file] = _applied(self._files[file], self._unsynced.pop(file))
        if node == ALL or node in self._folders:
            self._make_durable({each.number for each in self._pending if node in (ALL, _target(each.change))})

    def _make_durable(self, numbers: set[int]) -> None:
        numbers = _with_needs(self._pending, numbers)
        for each in self._pending:
            if each.number in numbers:
                self._durable.apply(each.number, each.change)
        self._pending = [each for each in self._pending if each.number not in numbers]

    @property
    def at_risk(self) -> tuple[list[int], list[tuple[int, int]]]:
        """What is not durable; two volumes that were told the same and have this in common allow the same images."""
        return [each.number for each in self._pending], [(n, len(changes)) for n, changes in self._unsynced.items()]

    # -- what may be left ------------------------------------------------------------------------------------------

    def images(self, rng: random.Random, limit: int) -> Iterator[Image]:
        """All if they are at most ``limit``, else the extremes and a sample; some may be equal."""
        selections = self._selections(rng, limit)
        contents = {node: _contents(self._files[node], changes, rng) for node, changes in self._unsynced.items()}
        count = len(selections)
        for variants in contents.values():
            count *= len(variants)
        if count <= limit:
            for numbers in selections:
                for choice in itertools.product(*contents.values()):
                    yield self._image(numbers, dict(zip(contents, choice, strict=True)))
            return
        for numbers in selections[:2]:
            for which in range(3):  # lost, kept, size only
                yield self._image(numbers, {node: variants[which] for node, variants in contents.items()})
        for numbers in selections[2:] or selections * 2:
            yield self._image(numbers, {node: rng.choice(variants) for node, variants in contents.items()})

    def kept(self) -> Image:
        """Everything done, as a running program sees it."""
        contents = {node: _applied(self._files[node], changes) for node, changes in self._unsynced.items()}
        return self._image(frozenset(each.number for each in self._pending), contents)

    def _image(self, numbers: frozenset[int], contents: dict[int, File]) -> Image:
        names = self._durable.copy()
        left_out: set[int] = set()
        for each in self._pending:
            if each.number in numbers:
                names.apply(each.number, each.change)
                for folder in each.folders & left_out:
                    names.mtimes[folder] = self._now + 4_000_000
            else:
                left_out |= each.folders
        folders: dict[int, dict[str, int]] = {folder: {} for folder in self._folders}
        for (folder, name), (node, _) in names.entries.items():
            if node is not None:
                folders[folder][name] = node
        return Image(folders, self._files | contents, names.mtimes)

    def _selections(self, rng: random.Random, limit: int) -> list[frozenset[int]]:
        """Sets of pending changes that are kept: nothing and everything first."""
        everything = frozenset(each.number for each in self._pending)
        in_order = self._all_in_order(limit)
        if in_order is None:
            in_order = [self._random_in_order(rng) for _ in range(limit)]
        against = [
            frozenset(_with_needs(self._pending, {number for number in everything if rng.random() < 0.5}))
            for _ in range(min(limit // 2, len(everything)))
        ]
        return list(dict.fromkeys([frozenset(), everything, *in_order, *against]))

    def _all_in_order(self, limit: int) -> list[frozenset[int]] | None:
        """Every set that keeps the order within each folder; None if there are more than ``limit``."""
        before = self._before()
        found: dict[frozenset[int], None] = {frozenset(): None}
        fresh = [frozenset[int]()]
        while fresh:
            kept = fresh.pop()
            for number, needed in before.items():
                larger = kept | {number}
                if number not in kept and needed <= kept and larger not in found:
                    found[larger] = None
                    fresh.append(larger)
            if len(found) > limit:
                return None
        return list(found)

    def _random_in_order(self, rng: random.Random) -> frozenset[int]:
        """A prefix of each folder's changes, shorter where another folder's cut demands it."""
        left = {folder: rng.randrange(len(self._pending) + 1) for each in self._pending for folder in each.folders}
        kept = set[int]()
        for each, needed in zip(self._pending, self._before().values(), strict=True):
            if needed <= kept and all(left[folder] > 0 for folder in each.folders):
                kept.add(each.number)
            left |= {folder: left[folder] - 1 for folder in each.folders}
        return frozenset(kept)

    def _before(self) -> dict[int, frozenset[int]]:
        """Pending change -> those that the order of its folders puts right before it, and its needs."""
        last: dict[int, int] = {}
        before = {}
        pending = {each.number for each in self._pending}
        for each in self._pending:
            before[each.number] = frozenset(last[f] for f in each.folders if f in last) | (each.needs & pending)
            last |= dict.fromkeys(each.folders, each.number)
        return before


def _target(change: Naming) -> int:
    """The folder whose sync makes it durable."""
    return change.to_folder if isinstance(change, Move) else change.folder


def _with_needs(pending: Iterable[_Pending], numbers: set[int]) -> set[int]:
    """``numbers`` and what they need."""
    needs = {each.number: each.needs for each in pending}
    found: set[int] = set()
    left = list(numbers)
    while left:
        number = left.pop()
        if number in needs and number not in found:
            found.add(number)
            left += needs[number]
    return found


def _applied(file: File, changes: Sequence[Content]) -> File:
    data, mtime = bytearray(file.data), file.mtime
    for change in changes:
        mtime = change.at
        match change:
            case Write():
                _resize(data, max(len(data), change.offset))
                data[change.offset : change.offset + len(change.data)] = change.data
            case Resize():
                _resize(data, change.size)
            case Stamp():
                pass
    return File(bytes(data), mtime)


def _resize(data: bytearray, size: int) -> None:
    del data[size:]
    data += bytes(size - len(data))


def _contents(file: File, changes: Sequence[Content], rng: random.Random) -> list[File]:
    """What may be left of a file with unsynced changes: lost, kept, size without data; then torn, with holes, with
    rubbish; a kept time, or not."""
    lost, kept = file, _applied(file, changes)
    sizes = _applied(file, [_size_only(change) for change in changes])
    found = [lost, kept, sizes]
    writes = [change for change in changes if isinstance(change, Write) and change.data]
    if writes:
        cut = rng.randrange(len(changes))
        found.append(_applied(file, [*changes[:cut], *_torn(changes[cut], rng)]))
        found.append(_applied(file, [*_torn(writes[0], rng), *writes[1:]]))
        found.append(_applied(file, [change if rng.random() < 0.5 else _size_only(change) for change in changes]))
        rubbish = [Write(each.node, each.offset, rng.randbytes(len(each.data)), each.at) for each in writes]
        found.append(_applied(file, [*changes[:cut], *rubbish[-1:]]))
    return [*found[:3], *{each: None for each in found[3:] if each not in (lost, kept, sizes)}]


def _torn(change: Content, rng: random.Random) -> list[Content]:
    if not isinstance(change, Write) or not change.data:
        return []
    length = rng.randrange(len(change.data))
    if length > 4096:
        length -= length % 4096
    return [Write(change.node, change.offset, change.data[:length], change.at)]


def _size_only(change: Content) -> Content:
    return (
        Write(change.node, change.offset, bytes(len(change.data)), change.at) if isinstance(change, Write) else change
    )
