"""The disks of a world: each host's is a real folder below a recorder, which can lose power, be full, fail to read.

``Disks`` stands where the module ``os`` stood in ``mailsuite.disk`` and hands each call to the disk of the host whose
thread is at work.  ``HostDisk`` tells a ``power_cut.Volume`` all that is done, so that at any moment ``lose_power`` can
lay out what the medium may hold.  SQLite writes past it, and only knows when the disk is full: its files are caches,
and come back as they are, as they were at the last start, or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import math
import os
import random
import shutil
import sqlite3
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mailsuite.testing.power_cut import Naming, Sync, Volume
from mailsuite.testing.simulated_disk import Recorder

if TYPE_CHECKING:
    from mailsuite.testing.world.eyes import SimulatedEyes

#: Images that a power cut chooses from, and how often it takes the harshest.
IMAGES, HARSH = 6, 0.5
_CACHES = (".sqlite", ".sqlite-wal")
_connect = sqlite3.connect


#: Pages of a SQLite file on a disk that is full (SQLite takes as many as it has), and on any other.
_NO_MORE, _ANY = 1, 2**30


class PowerCut(BaseException):
    """The disk has stopped in the middle of what a thread was doing."""


class Indexed(sqlite3.Connection):
    """SQLite on a simulated disk."""

    def limit(self, full: bool) -> None:
        """Whether its file may grow."""
        with contextlib.suppress(sqlite3.Error):  # it is closed, or not a database
            self.execute(f"PRAGMA max_page_count = {_NO_MORE if full else _ANY}")


class HostDisk(Recorder):
    """The folder ``root``, which exists; ``now`` gives epoch seconds."""

    def __init__(self, root: str, now: Callable[[], float]) -> None:
        super().__init__(root, now)
        self._volume = Volume(self.start)
        self._caches = self._read_caches()
        self.after, self.before_sync = self._noted, self._may_not_sync
        self._full = False
        #: What SQLite has open: by the machine's process, and of that, on this disk.
        self._opened: weakref.WeakSet[Indexed] = weakref.WeakSet()
        self._databases: weakref.WeakSet[Indexed] = weakref.WeakSet()
        #: So many reads, syncs and openings of files fail.
        self.bad_reads = self.bad_syncs = self.bad_opens = 0
        #: Since when syncs have failed, by its clock.
        self.unsure_since = math.inf
        #: Operations until the power fails, below 0 for never.
        self.cut_after = -1
        self.dead = False
        #: Part of a ``Sync.site`` of which nothing is done.
        self.ignored_syncs = ""
        self.operations = 0
        #: Who is told of each name that comes or goes.
        self.watchers: dict[SimulatedEyes, None] = {}

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def _noted(self) -> None:
        operation = self.log.pop()
        self.paths.pop()
        self.operations += 1
        if not (isinstance(operation, Sync) and self.ignored_syncs and self.ignored_syncs in operation.site):
            self._volume.apply(operation)
        if self.cut_after >= 0:
            self.cut_after -= 1
            if self.cut_after < 0:
                self.dead = True
                raise PowerCut
        if isinstance(operation, Naming):
            for each in self.watchers:
                each.changed(operation)

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        if self.dead:
            raise PowerCut
        with super()._noting():
            yield

    @property
    def full(self) -> bool:
        """Octets are not taken any more, nor by SQLite."""
        return self._full

    @full.setter
    def full(self, full: bool) -> None:
        if full != self._full:
            self._full = full
            for database in self._databases:
                database.limit(full)

    def may_open_database(self) -> None:
        """Raises what SQLite does where no more files can be opened."""
        if self.bad_opens > 0:
            self.bad_opens -= 1
            raise sqlite3.OperationalError("unable to open database file")

    def watch_database(self, database: Indexed, path: str) -> None:
        """A process of this machine has opened it, on this disk or another."""
        self._opened.add(database)
        if path.startswith(self.root + "/"):
            self._databases.add(database)
            database.limit(self._full)

    def _needs_room(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _may_fail(self) -> None:
        if self.bad_reads > 0:
            self.bad_reads -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _may_not_sync(self) -> None:
        """A sync that fails makes nothing durable, though the kernel goes on showing what was written."""
        if self.bad_syncs > 0:
            self.bad_syncs -= 1
            self.unsure_since = min(self.unsure_since, self._now())
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        if self.bad_opens > 0:
            self.bad_opens -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        if flags & os.O_CREAT and not os.path.lexists(path):
            self._needs_room()
        return super().open(path, flags, mode)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._needs_room()
        super().mkdir(path, mode)

    def folder(self, path: str) -> int:
        """What ``Enter`` and others call this folder; FileNotFoundError."""
        try:
            return self._node(self._inside(path) or "")
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None

    def rmdir(self, path: str) -> None:
        node = self.folder(path)
        super().rmdir(path)
        for each in self.watchers:
            each.removed(node)

    def writev(self, fd: int, buffers: Sequence[bytes]) -> int:
        self._needs_room()
        return super().writev(fd, buffers)

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        if offset + sum(map(len, buffers)) > os.fstat(fd).st_size:  # what is allocated is there
            self._needs_room()
        return super().pwritev(fd, buffers, offset)

    def posix_fallocate(self, fd: int, offset: int, length: int) -> None:
        self._needs_room()
        super().posix_fallocate(fd, offset, length)

    def read(self, fd: int, length: int) -> bytes:
        self._may_fail()
        return os.read(fd, length)

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        self._may_fail()
        return os.pread(fd, length, offset)

    def statvfs(self, path: str) -> Any:
        """Of a disk of fixed size, whatever this machine's has."""
        return _FULL if self.full else _ROOMY

    @property
    def ails(self) -> bool:
        """Something is wrong with it."""
        wrong = self.bad_reads + self.bad_syncs + self.bad_opens
        return self.dead or self.full or self.unsure_since < math.inf or wrong > 0

    @property
    def open_files(self) -> dict[int, str]:
        """Descriptor -> path.  What a file object has taken over is closed past the recorder: the kernel knows."""
        found: dict[int, str] = {}
        for fd in self._open:
            with contextlib.suppress(OSError):
                path = os.readlink(f"/proc/self/fd/{fd}")
                if path.startswith(self.root + "/") and ".sqlite" not in path:
                    found[fd] = path
        return found

    def mend(self) -> None:
        """Nothing of that any more."""
        self.full, self.bad_reads, self.bad_syncs, self.bad_opens, self.cut_after = False, 0, 0, 0, -1

    # -- the power cut ---------------------------------------------------------------------------------------------

    def lose_power(self, rng: random.Random, root: str) -> None:
        """Nothing is done any more.  What the medium holds goes to ``root``, which is made: SQLite still has files open
        in the old folder, and would remove their successors when it lets them go."""
        self.dead = True
        for fd in self.open_files:
            os.close(fd)
        self._open.clear()
        for database in tuple(self._opened):
            database.close()
        caches = rng.choice(({}, self._caches, self._read_caches()))
        images = list(self._volume.images(rng, IMAGES))  # the first one has lost all that it may
        image = images[0] if rng.random() < HARSH else rng.choice(images)
        image.lay_out(root)
        for relative, octets in caches.items():
            path = os.path.join(root, relative)
            if os.path.isdir(os.path.dirname(path)):
                with open(path, "wb") as file:
                    file.write(octets)
        shutil.rmtree(self.root)

    def _read_caches(self) -> dict[str, bytes]:
        """Path relative to the root -> octets."""
        found: dict[str, bytes] = {}
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(each for each in folders if each not in ("cur", "new", "tmp"))
            for name in sorted(names):
                if name.endswith(_CACHES):
                    path = os.path.join(folder, name)
                    with open(path, "rb") as file:
                        found[os.path.relpath(path, self.root)] = file.read()
        return found


class _Room:
    """``os.statvfs_result`` as far as it is looked at."""

    def __init__(self, free: int) -> None:
        self.f_frsize, self.f_bavail, self.f_files, self.f_favail = 4096, free, 0, 0


_FULL, _ROOMY = _Room(0), _Room(1 << 20)


class Disks:
    """Each call goes to the disk that is ``current``."""

    def __init__(self) -> None:
        self.current: HostDisk | None = None

    def __getattr__(self, name: str) -> Any:
        if self.current is None:
            if name.startswith("O_") or name in ("path", "sep", "error", "strerror", "fspath"):
                return getattr(os, name)
            return functools.partial(self._call, name)  # for a job that is asked for now and done later
        return getattr(self.current, name)

    def _call(self, name: str, *args: Any) -> Any:
        assert self.current is not None, f"os.{name} outside of any host's threads"
        return getattr(self.current, name)(*args)

    def rmtree(self, path: str) -> None:
        assert self.current is not None
        self.current.rmtree(path)

    def syncfs(self, fd: int) -> None:
        assert self.current is not None
        self.current.syncfs(fd)

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Files that others change are not looked for: tests/simulation does."""

    def connect(self, path: str, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        """``sqlite3.connect``, by the disk that the file is on."""
        disk = self.current
        if disk is None:
            return _connect(path, *args, **kwargs)
        disk.may_open_database()
        database = _connect(path, *args, **kwargs, factory=Indexed)
        disk.watch_database(database, path)
        return database

    @contextlib.contextmanager
    def of(self, disk: HostDisk) -> Iterator[None]:
        before, self.current = self.current, disk
        try:
            yield
        finally:
            self.current = before
