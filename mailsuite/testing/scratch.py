"""Folders for tests that write much: in memory where there is a place for that, and gone at the end, whatever ends it.

A process that is killed removes nothing.  So another one does it, a shell that waits for the end of its standard
input, which the kernel closes in any case; it is in a session of its own, where a terminal's signals do not reach it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mailsuite.testing.children import signals_later

#: A file system in memory, on Linux.
MEMORY = "/dev/shm"
_REMOVE = 'read nothing; exec rm -rf -- "$0"'


def in_memory() -> str:
    """Where folders in memory can be made, or else where ``tempfile`` makes them."""
    return MEMORY if os.access(MEMORY, os.W_OK) else tempfile.gettempdir()


@contextlib.contextmanager
def scratch_folder(prefix: str, parent: str) -> Iterator[Path]:
    """Empty, and nobody else's."""
    with signals_later():
        folder = tempfile.mkdtemp(prefix=prefix, dir=parent)
        remover = subprocess.Popen(["/bin/sh", "-c", _REMOVE, folder], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield Path(folder)
    finally:
        assert remover.stdin is not None
        remover.stdin.close()
        remover.wait()


def require_room(parent: str, octets: int) -> None:
    """Raises OSError, with words for people, if so much cannot be written below ``parent``."""
    free = shutil.disk_usage(parent).free
    if free < octets:
        words = f"{parent} has {free / 2**20:.1f} MiB left, and {octets / 2**20:.0f} MiB are needed"
        raise OSError(errno.ENOSPC, words)
