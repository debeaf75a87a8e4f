"""Other programs on a server's machine, which know Maildir and not the server: they deliver, read, flag and remove.

As maildir(5) has it: a file is written to ``tmp``, synced, and renamed to ``new``; who reads renames it to ``cur``, who
flags renames it there.  Lines end with LF, as such programs have it.  What they do counts when the folder is synced.
Of the server's names they know the UID, for the books; what has none yet they neither flag nor remove.
"""

from __future__ import annotations

import contextlib
import os
import random

import msgspec

from mailsuite.store.filename import in_cur, read_base, split
from mailsuite.testing.world.disks import HostDisk, PowerCut
from mailsuite.testing.world.ledger import Copy, Ledger, Taken
from mailsuite.testing.world.letters import Report, read
from mailsuite.testing.world.seen import Seen
from mailsuite.testing.world.server import Server

#: How often they do what: deliver, read, flag, remove.
SHARES = (0.4, 0.2, 0.25, 0.15)
#: Letters of file names, and what they are to a client.
_FLAGS = {"F": "\\Flagged", "R": "\\Answered", "S": "\\Seen"}


class Deed(msgspec.Struct, frozen=True):
    """A letter came (its number), or a message (its UID) was given a flag or, if none, went."""

    number: int = 0
    uid: int = 0
    flag: str = ""

    def __str__(self) -> str:
        if self.number:
            return f"letter {self.number} came"
        return f"UID {self.uid} {f'is {self.flag}' if self.flag else 'went'}"


class Beside:
    """On all servers; ``visit`` does one thing."""

    def __init__(self, ledger: Ledger, seen: Seen, rng: random.Random) -> None:
        self._ledger, self._seen, self._rng = ledger, seen, rng
        self._count = 0

    def visit(self, server: Server, name: str, removes: bool = True) -> Deed | None:
        """In the INBOX of that account, if it has one and the machine is on; what is surely done.  ``removes``: the
        books know of UIDs, and not of what POP3 calls messages."""
        disk = server.disk
        if disk is None or disk.dead:
            return None
        folder = f"{disk.root}/store/{server.name}/{name}/Maildir"
        if not os.path.isdir(f"{folder}/cur"):
            return None
        self._count += 1
        [work] = self._rng.choices((self._deliver, self._read, self._flag, self._remove), SHARES)
        try:
            with contextlib.suppress(OSError):
                if removes or work != self._remove:
                    return work(disk, folder, f"{name}@{server.name}")
        except PowerCut:
            server.lose_power()
        return None

    def _deliver(self, disk: HostDisk, folder: str, account: str) -> Deed:
        letter = self._ledger.write(self._rng, account, (), account)
        file = f"17500{self._count:05}.P7.beside"
        self._ledger.answered(letter, account, Taken.NO)
        _write(disk, f"{folder}/tmp/{file}", letter.octets.replace(b"\r\n", b"\n"))
        self._ledger.answered(letter, account, Taken.PERHAPS)
        disk.rename(f"{folder}/tmp/{file}", f"{folder}/new/{file}")
        _sync(disk, f"{folder}/new")
        self._ledger.answered(letter, account, Taken.YES)
        return Deed(number=letter.number)

    def _read(self, disk: HostDisk, folder: str, account: str) -> Deed | None:
        if not (names := sorted(os.listdir(f"{folder}/new"))):
            return None
        name = self._rng.choice(names)
        disk.rename(f"{folder}/new/{name}", f"{folder}/cur/{name.partition(':')[0]}:2,S")
        _sync(disk, f"{folder}/cur")
        uid = read_base(split(name)[0]).uid
        return Deed(uid=uid, flag=_FLAGS["S"]) if uid else None

    def _flag(self, disk: HostDisk, folder: str, account: str) -> Deed | None:
        if not (name := self._pick(f"{folder}/cur")):
            return None
        base, letters = split(name)
        letter = self._rng.choice(sorted(_FLAGS))
        disk.rename(f"{folder}/cur/{name}", f"{folder}/cur/{in_cur(base, ''.join(sorted({*letters, letter})))}")
        _sync(disk, f"{folder}/cur")
        return Deed(uid=read_base(base).uid, flag=_FLAGS[letter])

    def _remove(self, disk: HostDisk, folder: str, account: str) -> Deed | None:
        """No report, for nobody else would hear of it."""
        if not (name := self._pick(f"{folder}/cur")):
            return None
        with open(f"{folder}/cur/{name}", "rb") as file:
            found = read(file.read().replace(b"\n", b"\r\n"))
        if isinstance(found, Report) or not found[0]:
            return None
        base = split(name)[0]
        uid = read_base(base).uid
        self._seen.leaves(account, "INBOX", uid)
        self._ledger.removed(found[0], Copy(account, "beside", base), sure=False)  # it may be back after a power cut
        disk.unlink(f"{folder}/cur/{name}")
        _sync(disk, f"{folder}/cur")
        return Deed(uid=uid)

    def _pick(self, folder: str) -> str:
        """A file with a UID, if there is one."""
        return self._rng.choice([name for name in sorted(os.listdir(folder)) if read_base(split(name)[0]).uid] or [""])


def _write(disk: HostDisk, path: str, octets: bytes) -> None:
    fd = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        disk.write(fd, octets)
        disk.fsync(fd)
    finally:
        disk.close(fd)


def _sync(disk: HostDisk, folder: str) -> None:
    fd = disk.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        disk.fsync(fd)
    finally:
        disk.close(fd)
