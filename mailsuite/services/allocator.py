"""How the C library keeps memory that was freed: little, so that what one client's work took does not stay.

glibc gives each thread a heap of its own and, once a large block was freed, takes blocks of that size from there: the
19 MiB that a password check needs then stay in each of our threads.  With fixed bounds large blocks come from the
system and go back to it.  Nothing happens with another C library.
"""

from __future__ import annotations

import ctypes

# <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
#: Octets of a block that comes from the system, and of free memory at the end of the heap that goes back.
LARGE = 1 << 20
#: Heaps; only one thread runs Python at a time.
HEAPS = 2


def keep_little() -> bool:
    """From now on, in all threads; whether the C library can do that."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    wanted = ((_M_MMAP_THRESHOLD, LARGE), (_M_TRIM_THRESHOLD, 2 * LARGE), (_M_ARENA_MAX, HEAPS))
    return min(mallopt(option, value) for option, value in wanted) == 1
