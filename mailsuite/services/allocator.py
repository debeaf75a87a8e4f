"""How the C library keeps memory that was freed: little, so that what one client's work took does not stay.

glibc gives each thread a heap of its own and, once a large block was freed, takes blocks of that size from there: the
19 MiB that a password check needs then stay in each of our threads.  With fixed bounds large blocks come from the
system and go back to it.  What was freed between others goes back from time to time.  Nothing happens with another C
library.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

# <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
#: Octets of a block that comes from the system, and of free memory at the end of the heap that goes back.
LARGE = 1 << 20
#: Heaps; only one thread runs Python at a time.
HEAPS = 2
#: Seconds between givings back: it takes some milliseconds of a thread.
EVERY = 30.0


def keep_little() -> bool:
    """From now on, in all threads; whether the C library can do that."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    wanted = ((_M_MMAP_THRESHOLD, LARGE), (_M_TRIM_THRESHOLD, 2 * LARGE), (_M_ARENA_MAX, HEAPS))
    return min(mallopt(option, value) for option, value in wanted) == 1


def give_back() -> bool:
    """Free memory to the system, wherever in the heaps it is; whether there was any.  Blocking."""
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, OSError):
        return False


class GivingBack:
    """From ``start`` to ``stop``, every ``EVERY`` seconds; ``run`` has something done in a thread."""

    log = Logger()

    def __init__(self, clock: IReactorTime, run: Callable[[Callable[[], bool]], Deferred[bool]]) -> None:
        self._run = run
        self._calls = LoopingCall(self._give)
        self._calls.clock = clock

    def start(self) -> None:
        self._calls.start(EVERY, now=False)

    def stop(self) -> None:
        """Harmless if it was not started."""
        if self._calls.running:
            self._calls.stop()

    def _give(self) -> Deferred[bool]:
        return self._run(give_back).addErrback(self._not_given)

    def _not_given(self, failure: Failure) -> bool:
        self.log.failure("free memory is not given back", failure)
        return False
