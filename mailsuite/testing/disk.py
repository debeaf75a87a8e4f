"""IDisk in memory: what is written is there at once, and a folder of faults makes chosen calls fail.

It does not model a power cut.  ``synced`` tells in order what was made durable, so that a test can ask for it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from zope.interface import implementer

from mailsuite.disk.direct import Direct
from mailsuite.interfaces import IDisk


@implementer(IDisk)
class MemoryDisk(Direct):
    """Files and folders in two dicts; ``/`` exists from the start."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.mtimes: dict[str, float] = {}
        self.folders: set[str] = {"/"}
        self.synced: list[str] = []
        self._faults: dict[str, list[BaseException]] = {}

    def fail(self, method: str, *errors: BaseException) -> None:
        """The next calls of ``method`` raise these, one a call."""
        self._faults.setdefault(method, []).extend(errors)

    def _enter(self, method: str) -> None:
        if faults := self._faults.get(method):
            raise faults.pop(0)

    def write_new(self, path: str, chunks: Iterable[bytes], mode: int = 0o600, mtime: float | None = None) -> None:
        self._enter("write_new")
        self._must_have(posixpath.dirname(path))
        if path in self.files or path in self.folders:
            raise FileExistsError(path)
        self.files[path] = b"".join(chunks)
        self.mtimes[path] = mtime or 0.0
        self.synced.append(path)

    def replace(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self._enter("replace")
        self._must_have(posixpath.dirname(path))
        self.files[path] = bytes(data)
        self.synced.append(path)
        self.synced.append(posixpath.dirname(path))

    def read(self, path: str) -> bytes:
        self._enter("read")
        return self.files[self._file(path)]

    def read_part(self, path: str, offset: int, length: int) -> bytes:
        self._enter("read_part")
        return self.files[self._file(path)][offset : offset + length]

    def rename(self, old: str, new: str) -> None:
        self._enter("rename")
        self._must_have(posixpath.dirname(new))
        if old in self.folders:
            self._rename_folder(old, new)
            return
        self.files[new] = self.files.pop(self._file(old))
        self.mtimes[new] = self.mtimes.pop(old, 0.0)

    def _rename_folder(self, old: str, new: str) -> None:
        if new in self.folders or new in self.files:
            raise FileExistsError(new)

        def moved(path: str) -> str:
            return new + path[len(old) :] if path == old or path.startswith(old + "/") else path

        self.folders = {moved(path) for path in self.folders}
        self.files = {moved(path): data for path, data in self.files.items()}
        self.mtimes = {moved(path): mtime for path, mtime in self.mtimes.items()}

    def link(self, old: str, new: str) -> None:
        self._enter("link")
        self._must_have(posixpath.dirname(new))
        data = self.files[self._file(old)]
        if new in self.files:
            raise FileExistsError(new)
        self.files[new] = data
        self.mtimes[new] = self.mtimes.get(old, 0.0)

    def unlink(self, path: str) -> None:
        self._enter("unlink")
        del self.files[self._file(path)]
        self.mtimes.pop(path, None)

    def make_folder(self, path: str) -> None:
        self._enter("make_folder")
        while path not in self.folders:
            if path in self.files:
                raise FileExistsError(path)
            self.folders.add(path)
            path = posixpath.dirname(path)

    def remove_folder(self, path: str) -> None:
        self._enter("remove_folder")
        self._must_have(path)
        self.folders = {each for each in self.folders if each != path and not each.startswith(path + "/")}
        self.files = {each: data for each, data in self.files.items() if not each.startswith(path + "/")}

    def list_folder(self, path: str) -> Sequence[str]:
        self._enter("list_folder")
        self._must_have(path)
        inside = path.rstrip("/") + "/"
        names = (each[len(inside) :] for each in (*self.files, *self.folders) if each.startswith(inside))
        return [name for name in names if name and "/" not in name]

    def sync_folder(self, path: str) -> None:
        self._enter("sync_folder")
        self._must_have(path)
        self.synced.append(path)

    def _must_have(self, folder: str) -> None:
        if folder not in self.folders:
            raise FileNotFoundError(folder)

    def _file(self, path: str) -> str:
        if path not in self.files:
            raise FileNotFoundError(path)
        return path
