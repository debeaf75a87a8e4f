"""Does steps on a disk, one by one, and undoes them; and how a disk without a journal commits.  Blocking."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TypeAlias

from mailsuite.disk.many import Course
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk
from mailsuite.steps import (
    Append,
    Link,
    Links,
    Many,
    Put,
    Rename,
    Renames,
    Single,
    Step,
    Unit,
    Unlink,
    Unlinks,
    folders,
    places,
    singles,
)

#: Octets that are copied at once.
PIECE = 256 * 1024


DoMany: TypeAlias = Callable[[Many, Course, Callable[[str, str], None]], None]


class Applied:
    """Does the steps of one unit on ``disk``.  ``missed`` are the numbers of those files that were not there;
    ``back`` are steps that take back what can be: names that were given, not content that was replaced."""

    def __init__(
        self,
        disk: IDisk,
        put: Callable[[Put], None],
        many: DoMany | None = None,
        append: Callable[[Append], None] | None = None,
    ) -> None:
        """``put`` does a ``Put``; ``many`` what concerns many files, without it they are dealt with one by one;
        ``append`` an ``Append``, without it the file is replaced."""
        self._append = append or self._replace
        self._disk = disk
        self._put = put
        self._many = many
        self._count = 0
        self.back: list[Step] = []
        self.missed: set[int] = set()

    def do(self, step: Step) -> None:
        if not isinstance(step, Renames | Links | Unlinks):
            self._do(step)
        elif self._many is None:
            for single in singles(step):
                self._do(single)
        else:
            self._do_many(step, self._many)

    def _do_many(self, step: Many, many: DoMany) -> None:
        course = Course()
        try:
            many(step, course, lambda old, new: self._copy(Link(old, new)))
        finally:
            self.missed.update(self._count + number for number in course.missed)
            self._count += course.done
            if not isinstance(step, Unlinks):
                taken = slice(course.done)
                if isinstance(step, Renames):
                    self.back.append(Renames(step.new_folder, step.old_folder, step.new[taken], step.old[taken]))
                else:
                    self.back.append(Unlinks(step.new_folder, step.new[taken]))

    def _do(self, step: Single) -> None:
        try:
            match step:
                case Put():
                    self._put(step)
                    if step.via:
                        self.back.append(Unlink(step.path))
                case Append():
                    self._append(step)
                case Rename():
                    self._disk.rename(step.old, step.new)
                    self.back.append(Rename(step.new, step.old))
                case Link():
                    self._link(step)
                    self.back.append(Unlink(step.new))
                case Unlink():
                    self._disk.unlink(step.path)
        except FileNotFoundError:
            if isinstance(step, Put | Append):
                raise Temporary(f"{step.path}: its folder is gone") from None
            self.missed.add(self._count)
        self._count += 1

    def _replace(self, step: Append) -> None:
        try:
            there = self._disk.read_part(step.path, 0, step.offset)
        except FileNotFoundError:
            there = b""
        self._disk.replace(step.path, there + step.data)

    def _link(self, step: Link) -> None:
        """A copy, where there can be no link: not in every file system, nor too many of one file, nor in another."""
        try:
            self._disk.link(step.old, step.new)
        except Temporary:
            self._copy(step)

    def _copy(self, step: Link) -> None:
        folder, name = os.path.split(step.new)
        fresh = os.path.join(folder, f".{name}.new")
        self._disk.write_new(fresh, _octets(self._disk, step.old), mtime=os.stat(step.old).st_mtime)
        try:
            self._disk.rename(fresh, step.new)
        except BaseException:
            with contextlib.suppress(OSError, Temporary):
                self._disk.unlink(fresh)
            raise

    def undo(self) -> list[Step]:
        """The steps it took."""
        taken, self.back = self.back[::-1], []
        for step in taken:
            with contextlib.suppress(OSError, Temporary):
                self.do(step)
        self.back = []
        return taken


def commit_directly(disk: IDisk, unit: Unit) -> frozenset[int]:
    """``IDisk.commit`` without a journal: each step is made durable before the next one that needs it.  A crash may
    leave the beginning of the unit; nothing is removed before what comes earlier is durable."""

    def put(step: Put) -> None:
        if step.via:
            disk.write_new(step.via, (step.data,), step.mode, step.mtime if step.mtime >= 0 else None)
            try:
                disk.rename(step.via, step.path)
            except BaseException:
                with contextlib.suppress(OSError, Temporary):
                    disk.unlink(step.via)
                raise
        else:
            disk.replace(step.path, step.data, step.mode)

    applied = Applied(disk, put)
    unsynced: dict[str, None] = {}
    group = ""
    try:
        for step in unit:
            before, group = group, places(step)[0] if isinstance(step, Unlink | Unlinks) else ""
            if (group and group != before) or isinstance(step, Append):  # which tells of what comes before
                _sync(disk, unsynced)
            applied.do(step)
            if not isinstance(step, Put | Append) or (isinstance(step, Put) and step.via):
                unsynced |= dict.fromkeys(folders((step,)))
        _sync(disk, unsynced)
    except BaseException:
        taken = applied.undo()
        with contextlib.suppress(OSError, Temporary):
            _sync(disk, dict.fromkeys(folders(taken)))
        raise
    return frozenset(applied.missed)


def _octets(disk: IDisk, path: str) -> Iterator[bytes]:
    offset = 0
    while octets := disk.read_part(path, offset, PIECE):
        yield octets
        offset += len(octets)


def _sync(disk: IDisk, unsynced: dict[str, None]) -> None:
    for folder in tuple(unsynced):
        disk.sync_folder(folder)
        del unsynced[folder]


def error_of(commit: Callable[[Unit], frozenset[int]], unit: Unit) -> Exception | None:
    """Why it was not committed."""
    try:
        commit(unit)
    except Exception as error:
        return error
    return None
