"""``syncfs(2)``, which Python's ``os`` lacks."""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)


def syncfs(fd: int) -> None:
    """Everything written to the file system of this open file is durable.  OSError, also for what could not be written
    since the last call (Linux 5.8)."""
    if _libc.syncfs(fd):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
