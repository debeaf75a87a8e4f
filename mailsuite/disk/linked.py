"""Which files have got a second name that may not be on the medium yet.

A file must not lose the name that is on the medium before its other name is there: then nothing would be left for
``replay`` to begin from.  Files that a ``Put`` made are in the journal.  Thread-safe.
"""

from __future__ import annotations

import os
import threading
from typing import TypeAlias

from mailsuite.steps import Link, Links, Rename, Renames, Step, Unlink, Unlinks

#: Folder -> name in it -> folder of the file's other name.
_Held: TypeAlias = dict[str, dict[str, str]]


class Linked:
    """Names of such files, and the folder of the other name of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newer: _Held = {}
        self._older: _Held = {}  # those that the checkpoint under way makes durable

    def note(self, step: Step) -> set[str]:
        """This step comes next; the folders that are to be synced before."""
        with self._lock:
            match step:
                case Link():
                    (old_folder, old), (new_folder, new) = os.path.split(step.old), os.path.split(step.new)
                    self._hold(Links(old_folder, new_folder, (old,), (new,)))
                case Links():
                    self._hold(step)
                case _ if self._newer or self._older:
                    return _lose(self._newer, step) | _lose(self._older, step)
            return set()

    def _hold(self, step: Links) -> None:
        self._newer.setdefault(step.old_folder, {}).update(dict.fromkeys(step.old, step.new_folder))
        self._newer.setdefault(step.new_folder, {}).update(dict.fromkeys(step.new, step.old_folder))

    def begin_checkpoint(self) -> None:
        """All names that are there now will be on the medium."""
        with self._lock:
            for folder, names in self._newer.items():
                self._older.setdefault(folder, {}).update(names)
            self._newer = {}

    def end_checkpoint(self) -> None:
        """They are."""
        with self._lock:
            self._older = {}


def _lose(held: _Held, step: Step) -> set[str]:
    match step:
        case Rename():
            (old_folder, old), (new_folder, new) = os.path.split(step.old), os.path.split(step.new)
            _rename(held, Renames(old_folder, new_folder, (old,), (new,)))
        case Renames():
            _rename(held, step)
        case Unlink():
            folder, name = os.path.split(step.path)
            return _remove(held, Unlinks(folder, (name,)))
        case Unlinks():
            return _remove(held, step)
    return set()


def _rename(held: _Held, step: Renames) -> None:
    if names := held.get(step.old_folder):
        goal = held.setdefault(step.new_folder, {})
        for old, new in zip(step.old, step.new, strict=True):
            if other := names.pop(old, ""):
                goal[new] = other


def _remove(held: _Held, step: Unlinks) -> set[str]:
    names = held.get(step.folder)
    return {names.pop(name) for name in step.names if name in names} if names else set()
