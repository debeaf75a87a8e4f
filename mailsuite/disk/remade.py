"""Folders of a mailbox that another program removed: clean-ups of empty folders, copies that leave them out.

``tmp``, ``new`` and ``cur`` are made again when a file is to be put there, for what was accepted can neither wait for
them nor be lost with them.  What is above them is not made again here: who removed that removed the mailbox.  Blocking.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

#: What a Maildir consists of.
_PARTS = frozenset(("tmp", "new", "cur"))

_T = TypeVar("_T")


def into_folder(work: Callable[[], _T], *paths: str) -> _T:
    """``work``, which puts files at ``paths``; once more if it missed a folder that can be made again.  OSError."""
    try:
        return work()
    except FileNotFoundError:
        made = [path for path in paths if _make_again(os.path.dirname(path))]
        if not made:
            raise
    return work()


def _make_again(folder: str) -> bool:
    """Whether it was missing and is there, durably, now."""
    above, name = os.path.split(folder)
    if name not in _PARTS:
        return False
    try:
        os.mkdir(folder, 0o700)
    except (FileExistsError, FileNotFoundError, NotADirectoryError):
        return False
    fd = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    return True
