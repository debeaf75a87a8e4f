"""IDisk on the operating system.

Promises: what ``write_new`` and ``replace`` return from has been fsynced; ``sync_folder`` makes names durable, and
``make_folder`` every folder on the path, whoever made it and whether or not that one has synced it yet.
Trusts: that fsync reaches the medium.  Blocking; never called in the reactor thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from zope.interface import implementer

from mailsuite.disk.direct import Direct
from mailsuite.disk.meaning import meaning_of
from mailsuite.disk.opening import open_file
from mailsuite.disk.remade import into_folder
from mailsuite.interfaces import IDisk

#: Folders that are remembered as durable; beyond that they are synced again.
MAX_DURABLE = 20_000
#: Why a folder above ours, which others made, cannot be synced.
_NOT_OURS = frozenset((errno.EACCES, errno.EPERM, errno.EROFS, errno.EINVAL))

_P = ParamSpec("_P")
_T = TypeVar("_T")


def meaning(work: Callable[_P, _T]) -> Callable[_P, _T]:
    """OSErrors that say nothing about the caller's names become what ``meaning_of`` says (I/O error, full disk)."""

    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return work(*args, **kwargs)
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError as error:
            path = next((value for value in args if isinstance(value, str)), "disk")  # a failing write names no file
            raise meaning_of(error, path) from error

    return call


@implementer(IDisk)
class RealDisk(Direct):
    """Files of this machine."""

    def __init__(self) -> None:
        self._durable = {"/"}  # folders whose names this process knows to be on the medium

    @meaning
    def write_new(self, path: str, chunks: Iterable[bytes], mode: int = 0o600, mtime: float | None = None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = into_folder(lambda: os.open(path, flags, mode), path)
        try:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[os.write(fd, view) :]
            if mtime is not None:
                os.utime(fd, (mtime, mtime))
            os.fsync(fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        finally:
            os.close(fd)

    @meaning
    def replace(self, path: str, data: bytes, mode: int = 0o600) -> None:
        folder, name = os.path.split(path)
        fresh = os.path.join(folder, f".{name}.new")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        self.write_new(fresh, (data,), mode)
        os.rename(fresh, path)
        self.sync_folder(folder)

    @meaning
    def read(self, path: str) -> bytes:
        fd = open_file(path)
        try:
            parts = []
            while part := os.read(fd, max(os.fstat(fd).st_size + 1, 65536)):
                parts.append(part)
            return b"".join(parts)
        finally:
            os.close(fd)

    @meaning
    def read_part(self, path: str, offset: int, length: int) -> bytes:
        fd = open_file(path)
        try:
            return os.pread(fd, length, offset)
        finally:
            os.close(fd)

    @meaning
    def rename(self, old: str, new: str) -> None:
        into_folder(lambda: os.rename(old, new), new)

    @meaning
    def link(self, old: str, new: str) -> None:
        into_folder(lambda: os.link(old, new), new)

    @meaning
    def unlink(self, path: str) -> None:
        os.unlink(path)

    @meaning
    def make_folder(self, path: str) -> None:
        path = os.path.abspath(path)
        unsure = []
        while path not in self._durable or not os.path.isdir(path):
            unsure.append(path)
            path = os.path.dirname(path)
        for folder in reversed(unsure):
            self._make_durable(folder)

    def _make_durable(self, folder: str) -> None:
        """One folder, whose parent is durable.  That it is there does not mean that whoever made it has synced it."""
        made = not os.path.isdir(folder)
        if made:
            self._durable.discard(folder)  # before it is there again, so that nobody takes it for durable
            try:
                os.mkdir(folder, 0o700)
            except FileExistsError:
                if not os.path.isdir(folder):
                    raise
        try:
            _sync(os.path.dirname(folder))
        except OSError as error:
            if made or error.errno not in _NOT_OURS:
                raise
        if len(self._durable) >= MAX_DURABLE:
            self._durable = {"/"}
        self._durable.add(folder)

    @meaning
    def remove_folder(self, path: str) -> None:
        shutil.rmtree(path)

    @meaning
    def list_folder(self, path: str) -> Sequence[str]:
        return os.listdir(path)

    @meaning
    def sync_folder(self, path: str) -> None:
        _sync(path)


def _sync(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
