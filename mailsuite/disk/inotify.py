"""inotify(7): the kernel's word on what appears in and leaves folders.

libc is called by ctypes.  ``twisted.internet.inotify`` has the same calls, but passes over the kernel's word that
events were lost, gives up on all folders when one is removed, and makes a path object of each event; for one kind of
watch on many folders this module is less code than the way round that.  Reactor only; ``watch`` walks a path, so
folders are watched when something has just been read in them.  Trusts: a local file system (what another host does on
a shared one is not told).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import termios
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.abstract import FileDescriptor
from twisted.logger import Logger

# <sys/inotify.h>
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_UNMOUNT, _Q_OVERFLOW, _IGNORED, _ONLYDIR = 0x2000, 0x4000, 0x8000, 0x01000000
_APPEARS = _MOVED_TO | _CREATE
_LEAVES = _MOVED_FROM | _DELETE
_HEAD = struct.Struct("=iIII")  # number, mask, cookie, octets of the name

#: How many octets may be read, as FIONREAD says it, if there are none.
_NOTHING = bytes(struct.calcsize("i"))
#: Octets read at once.
_READ = 64 * 1024
#: Of these, what a full queue of 16,384 events with the longest names takes, and some more come meanwhile.
_READS = 100

_log = Logger()


class Moved(msgspec.Struct, frozen=True):
    """A name appeared in the folder of that number, or left it."""

    number: int
    name: str
    appeared: bool


class Ended(msgspec.Struct, frozen=True):
    """The folder is gone; its number means nothing any more."""

    number: int


class Lost(msgspec.Struct, frozen=True):
    """Some events did not fit into the kernel's queue."""


Told = Callable[[Moved | Ended | Lost], None]


class Inotify(FileDescriptor):
    """Calls ``told`` for each event.  OSError where there is no inotify."""

    def __init__(self, reactor: Any, told: Told) -> None:
        super().__init__(reactor)
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
        self._check(self._fd)
        self._told = told
        self.connected = 1
        self.startReading()

    def watch(self, path: str) -> int:
        """The number of a folder that is watched from now on; OSError if it cannot be, ENOSPC if there are too many."""
        return self._check(self._libc.inotify_add_watch(self._fd, os.fsencode(path), _APPEARS | _LEAVES | _ONLYDIR))

    def forget(self, number: int) -> None:
        """No more of this folder; nothing if it is gone."""
        self._libc.inotify_rm_watch(self._fd, number)

    def catch_up(self) -> None:
        """Tell what happened until now, before the reactor gets to it."""
        for _ in range(_READS):
            if (
                fcntl.ioctl(self._fd, termios.FIONREAD, _NOTHING) == _NOTHING
            ):  # asked often, and seldom is there anything
                break
            self.doRead()

    def close(self) -> None:
        self.stopReading()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _check(self, result: int) -> int:
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    # -- what the reactor calls ------------------------------------------------------------------------------------

    def fileno(self) -> int:
        return self._fd

    def doRead(self) -> None:
        try:
            octets = os.read(self._fd, _READ)
        except BlockingIOError:
            return
        for event in events(octets):
            try:
                self._told(event)
            except Exception:
                _log.failure("an event of a folder was not understood")

    def connectionLost(self, reason: Any) -> None:
        """The reactor has stopped reading."""
        self.close()


def events(octets: bytes) -> list[Moved | Ended | Lost]:
    """What ``read`` gave, understood."""
    found: list[Moved | Ended | Lost] = []
    at = 0
    while at < len(octets):
        number, mask, _, length = _HEAD.unpack_from(octets, at)
        at += _HEAD.size
        name, at = octets[at : at + length].rstrip(b"\0"), at + length
        if mask & _Q_OVERFLOW:
            found.append(Lost())
        elif mask & (_IGNORED | _UNMOUNT):
            found.append(Ended(number))
        elif mask & (_APPEARS | _LEAVES):
            found.append(Moved(number, os.fsdecode(name), bool(mask & _APPEARS)))
    return found
