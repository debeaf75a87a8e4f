"""What programs that were broken off left in a mailbox: files in ``tmp`` that nobody will finish, and two names of one
file where a move from ``new`` to ``cur`` got halfway.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from mailsuite.interfaces import IDisk
from mailsuite.steps import Step, Unlink

#: Seconds after which a file in ``tmp`` belongs to a delivery that died.
STALE = 36 * 3600.0


def remove_stale(disk: IDisk, tmp: str, now: float) -> None:
    """Files in ``tmp`` that nobody will finish; ``now``: seconds since the epoch."""
    with os.scandir(tmp) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                if not entry.is_dir(follow_symlinks=False) and _changed(entry) < now - STALE:
                    disk.unlink(entry.path)


def finish_moves(pairs: Iterable[tuple[str, str]]) -> list[Step]:
    """Of two paths of one file, (in ``new``, in ``cur``), the first is to go: what is to be committed for that."""
    return [Unlink(old) for old, moved in pairs if _same(old, moved)]


def _changed(entry: os.DirEntry[str]) -> float:
    return entry.stat(follow_symlinks=False).st_mtime


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except FileNotFoundError:  # another program is moving it
        return False
