"""Which files have got a second name that may not be on the medium yet.

A file must not lose the name that is on the medium before its other name is there: then nothing would be left for
``replay`` to begin from.  Files that a ``Put`` made are in the journal.  Thread-safe.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

from mailsuite.steps import Link, Links, Rename, Renames, Step, Unlink, Unlinks


class Linked:
    """Names of such files, and the folder of the other name of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[str, str] = {}
        self._older: dict[str, str] = {}  # those that the checkpoint under way makes durable

    def note(self, step: Step) -> set[str]:
        """This step comes next; the folders that are to be synced before."""
        with self._lock:
            match step:
                case Link():
                    self._folders[step.old] = os.path.dirname(step.new)
                    self._folders[step.new] = os.path.dirname(step.old)
                case Links():
                    self._folders |= dict.fromkeys(_paths(step.old_folder, step.old), step.new_folder)
                    self._folders |= dict.fromkeys(_paths(step.new_folder, step.new), step.old_folder)
                case _ if self._folders or self._older:
                    return self._lose(step)
            return set()

    def _lose(self, step: Step) -> set[str]:
        match step:
            case Rename():
                self._rename(step.old, step.new)
            case Renames():
                for old, new in zip(step.old, step.new, strict=True):
                    self._rename(f"{step.old_folder}/{old}", f"{step.new_folder}/{new}")
            case Unlink():
                return self._pop(step.path)
            case Unlinks():
                return set().union(*map(self._pop, _paths(step.folder, step.names)))
        return set()

    def _rename(self, old: str, new: str) -> None:
        for folders in (self._folders, self._older):
            if other := folders.pop(old, ""):
                folders[new] = other

    def _pop(self, path: str) -> set[str]:
        return {self._folders.pop(path, ""), self._older.pop(path, "")} - {""}

    def begin_checkpoint(self) -> None:
        """All names that are there now will be on the medium."""
        with self._lock:
            self._older |= self._folders
            self._folders = {}

    def end_checkpoint(self) -> None:
        """They are."""
        with self._lock:
            self._older = {}


def _paths(folder: str, names: Sequence[str]) -> list[str]:
    return [f"{folder}/{name}" for name in names]
