"""What lies on a disk: folders, files with their octets and times, hard links kept.  A value.

``Image.of`` reads one from a real folder, ``lay_out`` writes it into another.  Nodes are numbered; the folder it was
read from is ``ROOT``.  Made for small trees, by the thousand: laying one out costs a millisecond or two.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

import msgspec

#: The node of the topmost folder.
ROOT = 0


class File(msgspec.Struct, frozen=True):
    """``mtime`` is nanoseconds since the epoch."""

    data: bytes
    mtime: int


class Image(msgspec.Struct, frozen=True):
    """``folders``: node -> name -> node; ``files``: node -> content; ``mtimes`` of folders, nanoseconds."""

    folders: Mapping[int, Mapping[str, int]]
    files: Mapping[int, File]
    mtimes: Mapping[int, int]

    @classmethod
    def of(cls, path: str) -> Image:
        """What lies in the folder ``path``."""
        folders: dict[int, dict[str, int]] = {}
        files: dict[int, File] = {}
        mtimes: dict[int, int] = {}
        by_inode: dict[int, int] = {}

        def read_folder(path: str, node: int) -> None:
            mtimes[node] = os.stat(path).st_mtime_ns
            entries = folders[node] = {}
            for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
                status = entry.stat()
                inside = entries[entry.name] = by_inode.setdefault(status.st_ino, len(by_inode) + 1)
                if entry.is_dir():
                    read_folder(entry.path, inside)
                elif inside not in files:
                    with open(entry.path, "rb") as file:
                        files[inside] = File(file.read(), status.st_mtime_ns)

        read_folder(path, ROOT)
        return cls(folders, files, mtimes)

    def lay_out(self, path: str) -> None:
        """Write it into ``path``, which is made."""
        self._lay_out(path, ROOT, {})

    def _lay_out(self, path: str, node: int, written: dict[int, str]) -> None:
        os.mkdir(path)
        for name, inside in self.folders[node].items():
            target = f"{path}/{name}"
            if inside in self.folders:
                self._lay_out(target, inside, written)
            elif inside in written:
                os.link(written[inside], target)
            else:
                written[inside] = target
                file = self.files[inside]
                fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                os.write(fd, file.data)
                os.utime(fd, ns=(file.mtime, file.mtime))
                os.close(fd)
        os.utime(path, ns=(self.mtimes[node], self.mtimes[node]))

    def digest(self) -> bytes:
        """Equal for images in which everything that can be reached is equal."""
        parts: list[object] = []
        octets = hashlib.blake2b(digest_size=16)
        numbers: dict[int, int] = {}

        def walk(node: int) -> None:
            parts.append(self.mtimes[node])
            for name, inside in sorted(self.folders[node].items()):
                parts.append(name)
                if inside in self.folders:
                    walk(inside)
                    parts.append("/")
                else:
                    file = self.files[inside]
                    parts.append((numbers.setdefault(inside, len(numbers)), file.mtime, len(file.data)))
                    octets.update(file.data)

        walk(ROOT)
        octets.update(repr(parts).encode())
        return octets.digest()

    def tree(self) -> dict[str, bytes | None]:
        """Path -> octets, None for a folder: for people and for tests."""
        found: dict[str, bytes | None] = {}

        def walk(node: int, path: str) -> None:
            for name, inside in self.folders[node].items():
                if inside in self.folders:
                    found[path + name] = None
                    walk(inside, f"{path}{name}/")
                else:
                    found[path + name] = self.files[inside].data

        walk(ROOT, "")
        return found
