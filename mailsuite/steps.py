"""What may be done to files in one durable unit (``IDisk.commit``): values.

A unit is committed whole.  Whoever commits keeps three rules, which make it possible to do the steps again after a
crash in any state in between (``disk.replay``): a name belongs to one file for ever, or is only ever put and unlinked;
a file that is renamed or linked was put by a step, or it and its name were durable before; nobody changes such names
past ``IDisk.commit``, unless after ``IDisk.checkpoint``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
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


Step: TypeAlias = Put | Rename | Link | Unlink
Unit: TypeAlias = Sequence[Step]


def touched(step: Step) -> tuple[str, ...]:
    """The names that a step changes."""
    return (step.path,) if isinstance(step, Put | Unlink) else (step.old, step.new)


def folders(unit: Unit) -> list[str]:
    """Where names change, each once, in the order of the steps; for a rename the new place comes first."""
    found: dict[str, None] = {}
    for step in unit:
        for name in reversed(touched(step)):
            found.setdefault(posixpath.dirname(name))
    return list(found)
