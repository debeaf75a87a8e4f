"""What is left of a server, or of a world, that is over: tasks, open files, threads; and what is in memory meanwhile.

The kernel is asked which files are open, so that those of SQLite and those that a file object has taken over are seen,
too.  Tasks are found in what the collector of garbage watches, before it is called: one that waits for something that
nobody has any more would be gone after.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from types import CoroutineType
from typing import Any

from mailsuite import testing

_DESCRIPTORS = "/proc/self/fd"
_TESTING = os.path.dirname(testing.__file__)
_OURS = os.path.dirname(_TESTING)

#: Of the collector, at most: who waits for a lock ends after who had it.
_PASSES = 200


def descriptors(folder: str) -> dict[int, str]:
    """Descriptor -> path, of the files below ``folder`` that this process has open."""
    found: dict[int, str] = {}
    for name in os.listdir(_DESCRIPTORS):
        with contextlib.suppress(OSError):  # the one that read the list
            path = os.readlink(f"{_DESCRIPTORS}/{name}")
            if path.startswith(folder + "/"):
                found[int(name)] = path
    return found


def tasks() -> list[CoroutineType[Any, Any, Any]]:
    """The coroutines of servers that wait for something; not those that were frozen (``gc.freeze``)."""
    return [
        each
        for each in gc.get_objects()
        if isinstance(each, CoroutineType) and each.cr_suspended and _is_of_a_server(each.cr_code.co_filename)
    ]


def _is_of_a_server(path: str) -> bool:
    return path.startswith(_OURS + os.sep) and not path.startswith(_TESTING + os.sep)


def threads() -> frozenset[str]:
    return frozenset(each.name for each in threading.enumerate())


def sweep() -> None:
    """What nobody has any more ends: coroutines first, and then what they had."""
    for _ in range(_PASSES):
        before = sys.getallocatedblocks()
        if not gc.collect() and sys.getallocatedblocks() == before:  # what came to life again is not counted
            return


def blocks() -> int:
    """Pieces of memory that Python has in use, garbage apart; 10,000 are about a megabyte."""
    sweep()
    return sys.getallocatedblocks()
