"""What may be done to files in one durable unit (``IDisk.commit``): values.

A unit is committed whole.  Whoever commits keeps three rules, which make it possible to do the steps again after a
crash in any state in between (``disk.replay``): a name belongs to one file for ever, or is only ever put, appended to
and unlinked; a file that is renamed or linked was put by a step, or it and its name were durable before; nobody changes
such names past ``IDisk.commit``, unless after ``IDisk.checkpoint``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec


class Put(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """``path`` has this content from now on, whatever it was.  It is written as ``via``, in a folder that exists, and
    renamed (``.NAME.new`` beside it if that is empty).  ``mtime``: epoch seconds, below 0 for now."""

    path: str
    data: bytes
    via: str = ""
    mtime: float = -1.0
    mode: int = 0o600

    @property
    def temporary(self) -> str:
        folder, name = posixpath.split(self.path)
        return self.via or posixpath.join(folder, f".{name}.new")


class Rename(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """``old`` is called ``new``; nothing happens if it is not there."""

    old: str
    new: str


class Link(msgspec.Struct, frozen=True, array_like=True, tag="l"):
    """``old`` is called ``new``, too; nothing happens if it is not there."""

    old: str
    new: str


class Unlink(msgspec.Struct, frozen=True, array_like=True, tag="u"):
    """``path`` is gone; nothing happens if it is not there."""

    path: str


class Append(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """``path`` ends with this, which begins at octet ``offset``; what stands before was put and appended by earlier
    steps, or is durable.  It is made if it is not there."""

    path: str
    offset: int
    data: bytes


class Renames(msgspec.Struct, frozen=True, array_like=True, tag="R"):
    """``Rename`` of many files of one folder: name ``old[i]`` in ``old_folder`` becomes ``new[i]`` in ``new_folder``.
    As large a unit as there are messages in a mailbox costs little more than the system calls."""

    old_folder: str
    new_folder: str
    old: Sequence[str]
    new: Sequence[str]


class Links(msgspec.Struct, frozen=True, array_like=True, tag="L"):
    """``Link`` of many files of one folder, like ``Renames``."""

    old_folder: str
    new_folder: str
    old: Sequence[str]
    new: Sequence[str]


class Unlinks(msgspec.Struct, frozen=True, array_like=True, tag="U"):
    """``Unlink`` of many files of one folder."""

    folder: str
    names: Sequence[str]


Single: TypeAlias = Put | Append | Rename | Link | Unlink
Many: TypeAlias = Renames | Links | Unlinks
Step: TypeAlias = Single | Many
Unit: TypeAlias = Sequence[Step]


def singles(step: Step) -> Iterator[Single]:
    """The same, one file a step."""
    match step:
        case Renames() | Links():
            kind = Rename if isinstance(step, Renames) else Link
            for old, new in zip(step.old, step.new, strict=True):
                yield kind(posixpath.join(step.old_folder, old), posixpath.join(step.new_folder, new))
        case Unlinks():
            for name in step.names:
                yield Unlink(posixpath.join(step.folder, name))
        case _:
            yield step


def part(step: Many, start: int, end: int) -> Many:
    """The same for the files from one number up to another."""
    chosen = slice(start, end)
    if isinstance(step, Unlinks):
        return Unlinks(step.folder, step.names[chosen])
    return type(step)(step.old_folder, step.new_folder, step.old[chosen], step.new[chosen])


def files(step: Step) -> int:
    """How many files it concerns."""
    match step:
        case Renames() | Links():
            return len(step.old)
        case Unlinks():
            return len(step.names)
    return 1


def places(step: Step) -> tuple[str, ...]:
    """The folders in which it changes names; for a rename the new place comes first."""
    match step:
        case Put() | Append() | Unlink():
            return (posixpath.dirname(step.path),)
        case Rename() | Link():
            return posixpath.dirname(step.new), posixpath.dirname(step.old)
        case Unlinks():
            return (step.folder,)
    return step.new_folder, step.old_folder


def folders(unit: Unit) -> list[str]:
    """Where names change, each once, in the order of the steps."""
    return list(dict.fromkeys(folder for step in unit for folder in places(step)))
