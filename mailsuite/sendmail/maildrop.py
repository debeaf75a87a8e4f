"""The folder in which mail for the server lies while it cannot be asked: ``FOLDER/drop``.

Everybody may put files into it and nobody but its owner, the server's user, can list it (mode 1733).  A file is a JSON
``Head``, an empty line, and the message.  It is whole once its owner may execute it, as with Postfix's postdrop: that
bit is set when everything is on disk, so a file without it is one that a crash cut short.  Others may read it, since
the server must, if they guess 128 random bits.  Whose it is says the file system.  Trusts nothing in it: whoever reads,
``opened``, gets plain files of one name only.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence

import msgspec

from mailsuite.errors import Corrupt
from mailsuite.model import Address, Recipient

#: What other users may do: put in, not look.
DROP_MODE = 0o1733
FOLDER_MODE = 0o755
_WRITING, _WHOLE = 0o600, 0o744
#: Octets of JSON; room for some ten thousand recipients.
_LONGEST_HEAD = 4 * 1024 * 1024


class Places(msgspec.Struct, frozen=True):
    """What lies in the folder."""

    folder: str

    @property
    def drop(self) -> str:
        return os.path.join(self.folder, "drop")

    @property
    def socket(self) -> str:
        return os.path.join(self.folder, "socket")

    @property
    def origin(self) -> str:
        return os.path.join(self.folder, "origin.json")

    @property
    def broken(self) -> str:
        """What was put in and cannot be read, for a person to look at."""
        return os.path.join(self.folder, "broken")


class Origin(msgspec.Struct, frozen=True):
    """What the server tells its users' programs: its name, the domain of addresses without one, the largest message
    in octets, where its configuration is."""

    hostname: str
    domain: str
    message_size: int
    config: str


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands before the message."""

    sender: Address
    recipients: tuple[Recipient, ...]
    envid: str = ""
    ret: str = ""
    eight_bit: bool = False
    smtputf8: bool = False


class Dropped(msgspec.Struct, frozen=True):
    """A file that was opened; closing ``fd``, which stands at the message, is the caller's.  ``size``: octets of the
    message as it is; ``uid``: of who put it there, at ``arrived``, seconds since the epoch."""

    head: Head
    fd: int
    size: int
    uid: int
    arrived: float


def put(folder: str, head: Head, message: bytes) -> str:
    """On disk when it returns, with its name.  Blocking; OSError."""
    name = os.urandom(16).hex()
    path = os.path.join(folder, name)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _WRITING)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(msgspec.json.encode(head) + b"\n\n" + message)
        os.fsync(fd)
        os.fchmod(fd, _WHOLE)
        os.fsync(fd)
        _sync_name(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
    finally:
        os.close(fd)
    return name


def _sync_name(folder: str) -> None:
    """Most callers may not open the folder; file systems with a journal write the name of a new file with it."""
    with contextlib.suppress(PermissionError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def whole(folder: str) -> Sequence[str]:
    """Names of what is complete, oldest first."""
    found: list[tuple[float, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                about = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(about.st_mode) or about.st_mode & stat.S_IXUSR:
                    found.append((about.st_mtime, entry.name))
    return [name for _, name in sorted(found)]


def abandoned(folder: str, before: float) -> Sequence[str]:
    """Names of what a crash cut short, untouched since ``before``, seconds since the epoch."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if _is_abandoned(entry, before)]


def _is_abandoned(entry: os.DirEntry[str], before: float) -> bool:
    about = entry.stat(follow_symlinks=False)
    return stat.S_ISREG(about.st_mode) and not about.st_mode & stat.S_IXUSR and about.st_mtime < before


def opened(path: str) -> Dropped:
    """Raises Corrupt for what cannot be mail of who owns the file, OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        about = os.fstat(fd)
        # A second name of somebody else's file would be sent to whoever made it.
        if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
            raise Corrupt(f"{path}: not a plain file with one name")
        beginning = os.pread(fd, min(about.st_size, _LONGEST_HEAD), 0)
        text, found, _ = beginning.partition(b"\n\n")
        if not found:
            raise Corrupt(f"{path}: has no envelope")
        head = msgspec.json.decode(text, type=Head)
        os.lseek(fd, len(text) + 2, os.SEEK_SET)
    except msgspec.MsgspecError as error:
        os.close(fd)
        raise Corrupt(f"{path}: not an envelope: {error}") from error
    except BaseException:
        os.close(fd)
        raise
    return Dropped(head, fd, about.st_size - len(text) - 2, about.st_uid, about.st_mtime)
