"""Opens a stored file that another program may have put there.

Only a regular file is opened, and under no other name than its own: a link could lead to a file that its maker may not
read, and a pipe would hold the thread until somebody writes into it.
"""

from __future__ import annotations

import errno
import os
import stat

#: For os.open.
FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_file(path: str) -> int:
    """A descriptor for reading; never waits.  FileNotFoundError if it is gone, OSError if it is no regular file."""
    fd = os.open(path, FLAGS)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return fd
