"""Other programs on a server's machine, which know Maildir and not the server: they deliver, and move what was read.

As maildir(5) has it: a file is written to ``tmp``, synced, and renamed to ``new``; who reads renames it to ``cur``.
Lines end with LF, as such programs have it.  What they deliver counts as taken when the folder is synced, too.
"""

from __future__ import annotations

import contextlib
import os
import random

from mailsuite.testing.world.disks import HostDisk, PowerCut
from mailsuite.testing.world.ledger import Ledger, Taken
from mailsuite.testing.world.server import Server

#: Share of the visits that deliver.
DELIVERIES = 0.6


class Beside:
    """On all servers; ``visit`` does one thing."""

    def __init__(self, ledger: Ledger, rng: random.Random) -> None:
        self._ledger, self._rng = ledger, rng
        self._count = 0

    def visit(self, server: Server, name: str) -> None:
        """In the mailbox of that account, if it has one and the machine is on."""
        disk = server.disk
        if disk is None or disk.dead:
            return
        folder = f"{disk.root}/store/{server.name}/{name}/Maildir"
        if not os.path.isdir(f"{folder}/cur"):
            return
        self._count += 1
        try:
            if self._rng.random() < DELIVERIES:
                self._deliver(disk, folder, f"{name}@{server.name}")
            else:
                self._read(disk, folder)
        except PowerCut:
            server.lose_power()

    def _deliver(self, disk: HostDisk, folder: str, account: str) -> None:
        letter = self._ledger.write(self._rng, account, (), account)
        file = f"17500{self._count:05}.P7.beside"
        self._ledger.answered(letter, account, Taken.NO)
        with contextlib.suppress(OSError):
            _write(disk, f"{folder}/tmp/{file}", letter.octets.replace(b"\r\n", b"\n"))
            self._ledger.answered(letter, account, Taken.PERHAPS)
            disk.rename(f"{folder}/tmp/{file}", f"{folder}/new/{file}")
            _sync(disk, f"{folder}/new")
            self._ledger.answered(letter, account, Taken.YES)

    def _read(self, disk: HostDisk, folder: str) -> None:
        if names := sorted(os.listdir(f"{folder}/new")):
            name = self._rng.choice(names)
            with contextlib.suppress(OSError):
                disk.rename(f"{folder}/new/{name}", f"{folder}/cur/{name.partition(':')[0]}:2,S")


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
