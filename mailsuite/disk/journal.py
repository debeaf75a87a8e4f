"""A write-ahead journal with group commit: ``append`` returns when its unit is on the medium.

Whoever comes while the disk is busy waits and goes, with all the others that wait, into the next frame: one write and
one fdatasync a frame, made by one of those who wait.  Two files of fixed size take turns, so nothing is allocated while
mail flows.  A frame is *pending* until its effects are done (``done``); ``settle`` says that the effects of all frames
below ``oldest`` are in place, and only then is their room used again.  After a write or sync that failed nobody
knows what the disk holds, so nothing more is taken until a restart reads it back (``Temporary``).
Blocking; thread-safe.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from twisted.logger import Logger

from mailsuite.disk.frames import PAGE, SALT, History, file_head, frame_parts, padded, read_files, salt_of, taken
from mailsuite.errors import Temporary

#: The two files, and octets of each.
NAMES = ("0.journal", "1.journal")
SIZE = 32 << 20
#: Octets of units in one frame, unless a single one is larger.
MAX_FRAME = 4 << 20
#: How often, and after how many seconds, a lock is tried again that a killed server's placer may have for a moment.
LOCK_TRIES, LOCK_PAUSE = 100, 0.1
#: Seconds until one who waits for effects looks whether more was recorded.
LOOK_AGAIN = 0.02

_log = Logger()


class _Waiting:
    """Units that are to be written in one frame; ``frame`` is its number once they are."""

    __slots__ = ("error", "frame", "octets", "units")

    def __init__(self, units: Sequence[bytes]) -> None:
        self.units = units
        self.octets = sum(map(taken, units))
        self.frame = 0
        self.error: Exception | None = None

    @property
    def is_over(self) -> bool:
        return bool(self.frame) or self.error is not None


class Journal:
    """The journal in ``folder``.  ``open`` comes first."""

    def __init__(self, folder: str, size: int = SIZE) -> None:
        """``size``: octets of each file, when it is made."""
        self._folder = folder
        self._size = size
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._writing = False
        self._broken = ""
        self._pending: dict[int, int] = {}  # frame -> units whose effects are not done
        self._number = 1
        self._newest = 0  # of the frames that hold anything
        self._base = self._durable_base = 1
        self._fds: list[int] = []
        self._salts: list[bytes] = []
        self._last = [0, 0]  # the newest frame in each file
        self._file = 0
        self._offset = PAGE
        #: Descriptor of the folder: as long as any process has it, no other can open the journal.
        self.lock = -1
        #: Octets written since it was opened.
        self.written = 0
        #: Called, with nothing held, when a file has become full and the other is still needed: the first to do what
        #: is recorded (``Temporary``), the second to make it durable.
        self.finish: Callable[[], None] = lambda: None
        self.make_room: Callable[[], None] = lambda: None

    # -- start and end -------------------------------------------------------------------------------------------

    def open(self) -> History:
        """Made if it is not there.  ``Corrupt``, OSError, ``Temporary`` if another process uses it."""
        os.makedirs(self._folder, 0o700, exist_ok=True)
        self.lock = _locked(self._folder)
        self._fds = [self._open_file(os.path.join(self._folder, name)) for name in NAMES]
        for folder in (self._folder, os.path.dirname(self._folder)):
            _sync_folder(folder)
        paths = [os.path.join(self._folder, name) for name in NAMES]
        contents = dict(zip(paths, map(_OnFile, self._fds), strict=True))
        self._salts = [salt_of(path, data) for path, data in contents.items()]
        self._size = min(map(len, contents.values()))
        history = read_files(contents)
        self._file = paths.index(history.file)
        self._last[self._file] = history.number - 1
        self._last[1 - self._file] = history.before
        self._offset, self._number = history.offset, history.number
        self._newest = max((frame.number for frame in history.frames if frame.payload), default=0)
        if history.frames:
            self._base = self._durable_base = history.frames[0].base
        return history

    def _open_file(self, path: str) -> int:
        """Made whole before it gets its name."""
        try:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            pass
        fd = os.open(path + ".new", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.posix_fallocate(fd, 0, self._size)
        os.pwrite(fd, file_head(secrets.token_bytes(SALT)), 0)
        os.fsync(fd)
        os.rename(path + ".new", path)
        return fd

    def close(self) -> None:
        with self._changed:
            self._broken = self._broken or "it is closed"
            while self._writing:  # or its descriptor could be another file's by then
                self._changed.wait()
        for fd in (*self._fds, self.lock):
            if fd >= 0:
                os.close(fd)
        self._fds, self.lock = [], -1

    # -- appending -----------------------------------------------------------------------------------------------

    def append(self, units: Sequence[bytes]) -> int:
        """Make them durable; the number of their frame, which is pending until ``done``.  ``Temporary``."""
        ticket = _Waiting(units)
        with self._changed:
            self._waiting.append(ticket)
            while not ticket.is_over:
                if self._writing:
                    self._changed.wait()
                else:
                    self._write_waiting()
        if ticket.error is not None:
            raise ticket.error
        return ticket.frame

    def _write_waiting(self) -> None:
        """As the one who writes, with the lock held; it is let go meanwhile."""
        batch = self._take_batch()
        self._writing = True
        self._changed.release()
        try:
            error = self._write([unit for ticket in batch for unit in ticket.units])
        finally:
            self._changed.acquire()
            self._writing = False
            self._changed.notify_all()
        if error is None:
            self._pending[self._number] = len(batch)
            self._number += 1
        for ticket in batch:
            ticket.frame, ticket.error = (0, error) if error else (self._number - 1, None)

    def _take_batch(self) -> list[_Waiting]:
        batch = [self._waiting.popleft()]
        octets = batch[0].octets
        while self._waiting and octets + self._waiting[0].octets <= MAX_FRAME:
            batch.append(self._waiting.popleft())
            octets += batch[-1].octets
        return batch

    def _write(self, units: list[bytes]) -> Exception | None:
        if self._broken:
            return Temporary(f"the journal in {self._folder} takes nothing: {self._broken}")
        length = padded(sum(map(taken, units)))
        if length > self._size - 2 * PAGE:
            return Temporary("more is to be written at once than the journal holds")
        try:
            if self._offset + length > self._size - PAGE:  # a page is kept for the frame that lets us go on
                self._go_on()
            self._put_frame(units)
        except Temporary as error:
            return Temporary(f"the journal in {self._folder} is full: {error}")
        except Exception as error:
            self.fail(str(error))
            return Temporary(f"the journal in {self._folder} cannot be written: {error}")
        return None

    def fail(self, reason: str) -> None:
        """Take nothing more: only a restart can tell what is on the medium."""
        self._broken = reason
        _log.critical("the journal in {folder} takes nothing more: {reason}", folder=self._folder, reason=reason)

    def _put_frame(self, units: list[bytes]) -> None:
        base, fd = self._base, self._fds[self._file]
        data = b"".join(frame_parts(self._salts[self._file], self._number, base, units))
        try:
            if os.pwrite(fd, data, self._offset) != len(data):
                raise OSError("it was not written whole")
            os.fdatasync(fd)
        except OSError:
            # The kernel may go on showing octets that never reached the medium: a restart is not to build on them.
            with contextlib.suppress(OSError):
                os.pwrite(fd, bytes(PAGE), self._offset)
            raise
        self._offset += -(-len(data) // PAGE) * PAGE
        self.written += len(data)
        self._last[self._file] = self._number
        self._durable_base = base
        if units:
            self._newest = self._number

    def _go_on(self) -> None:
        """In the other file, once nothing in it is needed.  Only the one who writes is here."""
        other = 1 - self._file
        if self._last[other] >= self._base:
            self.wait_for_effects()
            self.make_room()
        if self._last[other] >= self._durable_base:
            self._put_frame([])
            self._number += 1
        self._file, self._offset = other, PAGE

    def wait_for_effects(self) -> None:
        """Of all that was appended before; not of what others append meanwhile.  Whoever is to do what is recorded may
        wait for us: it is done here.  ``Temporary``."""
        with self._changed:
            below = self._number
        while self.oldest() < below:
            self.finish()
            with self._changed:
                if min(self._pending, default=below) < below:
                    self._changed.wait(LOOK_AGAIN)

    # -- effects -------------------------------------------------------------------------------------------------

    def done(self, frame: int) -> None:
        """The effects of one ``append`` are done, if not yet for good."""
        with self._changed:
            self._pending[frame] -= 1
            if not self._pending[frame]:
                del self._pending[frame]
                self._changed.notify_all()

    def oldest(self) -> int:
        """The effects of all frames below this one are done."""
        with self._changed:
            return min(self._pending, default=self._number)

    @property
    def settled(self) -> bool:
        """Whether a restart would find nothing to do."""
        return self._newest < self._durable_base and not self._pending and not self._waiting and not self._writing

    def settle(self, oldest: int) -> None:
        """All effects below ``oldest`` are in place for good; noted with the next frame."""
        with self._changed:
            self._base = max(self._base, oldest)


class _OnFile:
    """An open file as ``frames.Octets``; a block of it is kept."""

    BLOCK = 1 << 18

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._size = os.fstat(fd).st_size
        self._start, self._block = 0, b""

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(self._size)
        if not self._start <= start <= end <= self._start + len(self._block):
            self._start, self._block = start, os.pread(self._fd, max(self.BLOCK, end - start), start)
        return self._block[start - self._start : end - self._start]


def _locked(folder: str) -> int:
    """``Temporary`` if another process has it and goes on having it."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            time.sleep(LOCK_PAUSE)
    os.close(fd)
    raise Temporary(f"{folder}: another process uses this journal")


def _sync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
