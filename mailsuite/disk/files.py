"""Puts content into files without waiting for the disk: what a journal already holds is placed like this."""

from __future__ import annotations

import contextlib
import os

from mailsuite.disk.remade import into_folder
from mailsuite.steps import Append, Put

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


def write_file(put: Put, path: str = "") -> None:
    """Whole or not at all, as anybody sees it.  ``path`` in place of the one that ``put`` says.  OSError."""
    path = path or put.path
    into_folder(lambda: _write(put, path), put.temporary, path)


def _write(put: Put, path: str) -> None:
    temporary = put.temporary
    try:
        fd = os.open(temporary, _FLAGS, put.mode)
        try:
            data: bytes | memoryview = put.data
            while data:
                written = os.write(fd, data)
                if written == len(data):
                    break
                data = memoryview(data)[written:]
            if put.mtime >= 0:
                os.utime(fd, (put.mtime, put.mtime))
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def append_to_file(append: Append) -> None:
    """As often as one likes.  OSError."""
    fd = os.open(append.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        data, end = memoryview(append.data), append.offset + len(append.data)
        while data:
            data = data[os.pwrite(fd, data, end - len(data)) :]
        if os.fstat(fd).st_size > end:  # what an append that broke off has left
            os.ftruncate(fd, end)
    finally:
        os.close(fd)
