"""IDisk on the operating system.

Promises: what ``write_new`` and ``replace`` return from has been fsynced; ``sync_folder`` makes names durable.
Trusts: that fsync reaches the medium.  Blocking; never called in the reactor thread.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from zope.interface import implementer

from mailsuite.disk.applying import commit_directly, outcome_of
from mailsuite.errors import Temporary
from mailsuite.interfaces import IDisk
from mailsuite.steps import Unit

_P = ParamSpec("_P")
_T = TypeVar("_T")


def meaning(work: Callable[_P, _T]) -> Callable[_P, _T]:
    """OSErrors that say nothing about the caller's names become ``Temporary`` (full disk, I/O error, no handles)."""

    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return work(*args, **kwargs)
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError as error:
            raise Temporary(f"{error.filename or 'disk'}: {error.strerror}") from error

    return call


@implementer(IDisk)
class RealDisk:
    """Files of this machine."""

    @meaning
    def write_new(self, path: str, chunks: Iterable[bytes], mode: int = 0o600, mtime: float | None = None) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
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
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            parts = []
            while part := os.read(fd, max(os.fstat(fd).st_size + 1, 65536)):
                parts.append(part)
            return b"".join(parts)
        finally:
            os.close(fd)

    @meaning
    def read_part(self, path: str, offset: int, length: int) -> bytes:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, length, offset)
        finally:
            os.close(fd)

    @meaning
    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    @meaning
    def link(self, old: str, new: str) -> None:
        os.link(old, new)

    @meaning
    def unlink(self, path: str) -> None:
        os.unlink(path)

    @meaning
    def make_folder(self, path: str) -> None:
        missing = []
        while path and not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o700)
            self.sync_folder(os.path.dirname(folder))

    @meaning
    def remove_folder(self, path: str) -> None:
        shutil.rmtree(path)

    @meaning
    def list_folder(self, path: str) -> Sequence[str]:
        return os.listdir(path)

    @meaning
    def sync_folder(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def commit(self, steps: Unit) -> frozenset[int]:
        return commit_directly(self, steps)

    def commit_all(self, units: Sequence[Unit]) -> Sequence[frozenset[int] | Exception]:
        return [outcome_of(self.commit, unit) for unit in units]

    def checkpoint(self) -> None:
        """All is in place always."""
