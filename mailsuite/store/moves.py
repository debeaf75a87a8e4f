"""Moves messages into ``cur`` so that no power cut loses one.

A rename from ``new`` to ``cur`` changes two folders, and POSIX leaves open which change reaches the disk first, whether
or not anybody syncs.  A file system that wrote the removal before the addition would lose, in a power cut between them,
a message that was acknowledged long ago.  So a message gets its second name, ``cur`` is synced, and only then does the
first name go.  A power cut in between leaves two names of one file; the next look finds them and ends the move.
Blocking, with the account's lock held.
"""

from __future__ import annotations

import contextlib
import os

from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk


class Moves:
    """Moves of one job, from ``new`` or within ``cur``; nothing is durable, and no name gone, before ``finish``."""

    def __init__(self, disk: IDisk, new: str, cur: str) -> None:
        self._disk = disk
        self._new = new
        self._cur = cur
        self._left: list[str] = []

    def add(self, old: str, target: str) -> None:
        """``target``, in ``cur``, becomes the name of the file ``old``; FileNotFoundError."""
        if os.path.dirname(old) == self._cur:
            if old != target:
                self._disk.rename(old, target)
        elif _second_name(self._disk, old, target):
            self._left.append(old)

    def resume(self, old: str, target: str) -> None:
        """A move that was broken off: if both are names of one file, ``old`` is to go."""
        if _same(old, target):
            self._left.append(old)

    def finish(self) -> None:
        """Durable; ``new`` is synced too, so that a message removed from ``cur`` later does not come back there."""
        self._disk.sync_folder(self._cur)
        for old in self._left:
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(old)
        self._disk.sync_folder(self._new)


def _second_name(disk: IDisk, old: str, target: str) -> bool:
    """Give ``old`` the name ``target`` too; whether ``old`` is to go."""
    try:
        disk.link(old, target)
    except FileExistsError:
        return _same(old, target)  # a power cut came between; another file of that name is left alone
    except Temporary:  # no hard links here, or too many
        disk.rename(old, target)
        return False
    return True


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except FileNotFoundError:  # another program is moving it
        return False
