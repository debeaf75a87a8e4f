"""A disk that notes every system call, so that a test can ask what a power cut at any moment leaves of it.

``simulated(recorder)`` puts the recorder in the place of the module ``os`` in every module of ``mailsuite.disk``: the
production disk works on a real folder, and each write, name and fsync below that folder is noted, in order, for
``power_cut.Volume``.  A call that changes files and is not known here raises; what changes files behind the
recorder's back is listed in ``strays``.  Outside of the root everything passes through, unrecorded.
Times of folders are the recorder's clock in ticks of 4 ms, as coarse as a kernel's.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType, ModuleType
from typing import Any

import mailsuite.disk
from mailsuite.testing.disk_image import ROOT, Image
from mailsuite.testing.power_cut import ALL, Enter, Leave, Move, Operation, Resize, Stamp, Sync, Write

#: A kernel's idea of now moves on this often, in nanoseconds.
TICK = 4_000_000

_READING = frozenset(
    "path read pread readv preadv listdir scandir stat lstat fstat statvfs fstatvfs lseek fspath fsencode fsdecode "
    "strerror access getpid sep error PathLike DirEntry SEEK_SET SEEK_CUR SEEK_END set_blocking "
    "F_OK R_OK W_OK X_OK".split()
)


class Recorder:
    """Stands where ``os`` stood.  ``log`` holds what was done below ``root``; thread-safe."""

    def __init__(self, root: str, now: Callable[[], float]) -> None:
        """``root`` exists, and what is in it is taken as durable; ``now`` gives epoch seconds."""
        self.root = os.path.abspath(root)
        self.start = Image.of(self.root)
        self.log: list[Operation] = []
        #: For each entry of ``log``: the path it concerns, relative to the root.
        self.paths: list[str] = []
        #: Changes of files that went past the recorder.
        self.strays: list[str] = []
        #: Called after each operation.
        self.after: Callable[[], None] = lambda: None
        #: Called before a file or folder is synced; may raise OSError.
        self.before_sync: Callable[[], None] = lambda: None
        self._now = now
        self._lock = threading.RLock()
        self._busy = threading.local()
        self._entries = {folder: dict(names) for folder, names in self.start.folders.items()}
        self._fresh = max([ROOT, *self.start.folders, *self.start.files]) + 1
        self._open: dict[int, tuple[int, str]] = {}  # fd -> (node, path relative to the root)

    def __getattr__(self, name: str) -> Any:
        if name in _READING or name.startswith("O_"):
            return getattr(os, name)
        raise AttributeError(f"os.{name} may change files: teach {__name__}.Recorder what it does")

    # -- the notes -------------------------------------------------------------------------------------------------

    def _time(self) -> int:
        return int(self._now() * 1e9) // TICK * TICK

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        with self._lock:
            self._busy.now = True
            try:
                yield
            finally:
                self._busy.now = False

    def _note(self, operation: Operation, path: str) -> None:
        self.log.append(operation)
        self.paths.append(path)
        self._busy.now = False
        self.after()

    def _inside(self, path: str) -> str | None:
        """Relative to the root; None if it is elsewhere."""
        path = os.path.normpath(path)
        if path == self.root:
            return ""
        return path[len(self.root) + 1 :] if path.startswith(self.root + "/") else None

    def _place(self, relative: str) -> tuple[int, str]:
        """(folder, name) of a path whose folder exists."""
        *folders, name = relative.split("/")
        node = ROOT
        for folder in folders:
            node = self._entries[node][folder]
        return node, name

    def _node(self, relative: str) -> int:
        if not relative:
            return ROOT
        folder, name = self._place(relative)
        return self._entries[folder][name]

    def _touch(self, *folders: str) -> int:
        """Give folders whose names changed the time they have now."""
        return max(self._date(folder) for folder in folders)

    # -- names -----------------------------------------------------------------------------------------------------

    def _entered(self, path: str, relative: str, node: int, is_folder: bool) -> None:
        folder, name = self._place(relative)
        self._entries[folder][name] = node
        at = self._touch(os.path.dirname(path))
        self._note(Enter(folder, name, node, at, is_folder), relative)

    def _created(self, path: str, relative: str, is_folder: bool) -> None:
        node, self._fresh = self._fresh, self._fresh + 1
        if is_folder:
            self._entries[node] = {}
        self._date(path)
        self._entered(path, relative, node, is_folder)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        with self._noting():
            os.mkdir(path, mode)
            if (relative := self._inside(path)) is not None:
                self._created(path, relative, True)

    def makedirs(self, path: str, mode: int = 0o777, exist_ok: bool = False) -> None:
        if exist_ok and os.path.isdir(path):
            return
        if not os.path.isdir(os.path.dirname(path)):
            self.makedirs(os.path.dirname(path), mode)
        self.mkdir(path, mode)

    def _path(self, name: str, folder: int | None) -> str:
        """Of a name below an open folder, or of a path."""
        return name if folder is None else os.path.join(self.root, self._open[folder][1], name)

    def link(self, src: str, dst: str, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        src, dst = self._path(src, src_dir_fd), self._path(dst, dst_dir_fd)
        with self._noting():
            os.link(src, dst)
            if (relative := self._inside(dst)) is not None:
                self._entered(dst, relative, self._node(self._inside(src) or ""), False)

    def unlink(self, path: str, dir_fd: int | None = None) -> None:
        self._remove(os.unlink, self._path(path, dir_fd))

    remove = unlink

    def rmdir(self, path: str) -> None:
        self._remove(os.rmdir, path)

    def _remove(self, work: Callable[[str], None], path: str) -> None:
        with self._noting():
            work(path)
            if (relative := self._inside(path)) is not None:
                folder, name = self._place(relative)
                del self._entries[folder][name]
                self._note(Leave(folder, name, self._touch(os.path.dirname(path))), relative)

    def rename(self, src: str, dst: str, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        src, dst = self._path(src, src_dir_fd), self._path(dst, dst_dir_fd)
        with self._noting():
            os.rename(src, dst)
            old, new = self._inside(src), self._inside(dst)
            if (old is None) != (new is None):
                raise AssertionError(f"renamed across the edge of {self.root}: {src} to {dst}")
            if old is None or new is None:
                return
            folder, name = self._place(old)
            to_folder, to_name = self._place(new)
            node = self._entries[folder][name]
            if self._entries[to_folder].get(to_name) == node:
                return  # two names of one file: POSIX says nothing happens
            del self._entries[folder][name]
            self._entries[to_folder][to_name] = node
            at = self._touch(os.path.dirname(src), os.path.dirname(dst))
            self._note(Move(folder, name, to_folder, to_name, node, at), new)

    replace = rename

    def rmtree(self, path: str) -> None:
        """What ``shutil.rmtree`` does."""
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                self.rmtree(entry.path)
            else:
                self.unlink(entry.path)
        self.rmdir(path)

    # -- contents --------------------------------------------------------------------------------------------------

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        assert not flags & (os.O_TMPFILE & ~os.O_DIRECTORY), "files without a name are not simulated"
        with self._noting():
            relative = self._inside(path)
            was_there = os.path.lexists(path)
            fd = os.open(path, flags, mode)
            self._open.pop(fd, None)
            if relative is None:
                return fd
            self._open[fd] = (self._node(relative) if was_there else self._fresh, relative)
            if not was_there:  # what is called then may raise: who asked will never know of the descriptor
                self._created(path, relative, False)
            if was_there and flags & os.O_TRUNC:
                self._note(Resize(self._node(relative), 0, self._date(fd)), relative)
            return fd

    def close(self, fd: int) -> None:
        with self._lock:
            self._open.pop(fd, None)
            os.close(fd)

    def write(self, fd: int, data: bytes) -> int:
        return self.writev(fd, (data,))

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        return self.pwritev(fd, (data,), offset)

    def writev(self, fd: int, buffers: Sequence[bytes]) -> int:
        with self._noting():
            length = os.writev(fd, buffers)
            if fd in self._open:
                self._wrote(fd, buffers, os.lseek(fd, 0, os.SEEK_CUR) - length, length)
            return length

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int) -> int:
        with self._noting():
            length = os.pwritev(fd, buffers, offset)
            if fd in self._open:
                self._wrote(fd, buffers, offset, length)
            return length

    def _wrote(self, fd: int, buffers: Sequence[bytes], offset: int, length: int) -> None:
        node, path = self._open[fd]
        self._note(Write(node, offset, b"".join(buffers)[:length], self._date(fd)), path)

    def ftruncate(self, fd: int, length: int) -> None:
        with self._noting():
            os.ftruncate(fd, length)
            self._resized(fd, length)

    def posix_fallocate(self, fd: int, offset: int, length: int) -> None:
        with self._noting():
            os.posix_fallocate(fd, offset, length)
            self._resized(fd, os.fstat(fd).st_size)

    def _resized(self, fd: int, size: int) -> None:
        if fd in self._open:
            node, path = self._open[fd]
            self._note(Resize(node, size, self._date(fd)), path)

    def _date(self, file: int | str) -> int:
        """Give a changed file the time it has now."""
        at = self._time()
        os.utime(file, ns=(at, at))
        return at

    def utime(self, file: int, times: tuple[float, float] | None = None, *, ns: tuple[int, int] | None = None) -> None:
        """Of an open file."""
        with self._noting():
            at = ns[1] if ns else int(times[1] * 1e9) if times else self._time()
            os.utime(file, ns=(at, at))
            if file in self._open:
                node, path = self._open[file]
                self._note(Stamp(node, at), path)

    # -- making durable --------------------------------------------------------------------------------------------

    def fsync(self, fd: int) -> None:
        """Noted, not done: nothing here outlives the test."""
        self.before_sync()
        with self._noting():
            if fd in self._open:
                node, path = self._open[fd]
                kind = "folder" if node in self._entries else "file"
                self._note(Sync(node, _site(sys._getframe(1), kind)), path)

    fdatasync = fsync

    def sync(self) -> None:
        with self._noting():
            self._note(Sync(ALL, _site(sys._getframe(1), "all")), "")

    def syncfs(self, fd: int) -> None:
        """For modules that have a function of this name, which Python's ``os`` lacks."""
        self.sync()

    # -- the watch -------------------------------------------------------------------------------------------------

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook: notes what others do to files below the root."""
        path = arguments[1 if event in ("os.rename", "os.link") else 0] if arguments else None
        if getattr(self._busy, "now", False) or not isinstance(path, str) or self._inside(path) is None:
            return
        if event == "open":
            flags = arguments[2]
            if not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                return
        self.strays.append(f"{event} {path}")


class _Removal:
    """Stands where ``shutil`` stood."""

    def __init__(self, recorder: Recorder) -> None:
        self.rmtree = recorder.rmtree


def _site(frame: FrameType | None, kind: str) -> str:
    """``store/incoming.publish sync_folder folder``: who outside the disk package wanted it, by which of its public
    functions, and what was synced."""
    asked = ""
    while frame is not None:
        name, path = frame.f_code.co_name, frame.f_code.co_filename
        if "/mailsuite/disk/" in path:
            if not name.startswith("_") and name != "call":  # what decorators call their wrapper
                asked = name
        elif "/mailsuite/" in path and not path.endswith(("/offload.py", "/simulated_disk.py")):
            module = path.rpartition("/mailsuite/")[2].removesuffix(".py")
            return f"{module}.{name} {asked} {kind}"
        elif "/twisted/" not in path and "mailsuite" not in path:
            break
        frame = frame.f_back
    return f"elsewhere {asked} {kind}"


# -- putting it in place -------------------------------------------------------------------------------------------

_WATCHED = frozenset(("open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.truncate"))
_watching: list[Recorder] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in _WATCHED:
        _watching[-1].watch(event, arguments)


_hook_lock = threading.Lock()
_hooked = False


def _hook_once() -> None:
    """An audit hook stays for ever; ours does nothing while nobody records."""
    global _hooked  # noqa: PLW0603 - one per process, like the hook
    with _hook_lock:
        if not _hooked:
            sys.addaudithook(_audit)
            _hooked = True


def _modules() -> list[ModuleType]:
    names = [each.name for each in pkgutil.iter_modules(mailsuite.disk.__path__, "mailsuite.disk.")]
    return [importlib.import_module(name) for name in names]


@contextlib.contextmanager
def simulated(recorder: Recorder) -> Iterator[Recorder]:
    """While inside, ``mailsuite.disk`` writes through ``recorder``."""
    _hook_once()
    replaced: list[tuple[ModuleType, str, object]] = []
    stand_ins = {"os": recorder, "shutil": _Removal(recorder), "syncfs": recorder.syncfs}
    for module in _modules():
        for name, stand_in in stand_ins.items():
            if hasattr(module, name):
                replaced.append((module, name, getattr(module, name)))
                setattr(module, name, stand_in)
    _watching.append(recorder)
    try:
        yield recorder
    finally:
        _watching.remove(recorder)
        for module, name, original in replaced:
            setattr(module, name, original)
