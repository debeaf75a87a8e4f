"""Brings files to where committed steps lead, from any state in which a crash may have left them.

The steps are first followed in thought: what file does each name hold in the end?  It is one that a ``Put`` in the
journal describes, or one that was there before, which then lies under one of the names it had meanwhile, or none.
Only then are files written, linked and removed, so nothing depends on which of the earlier effects had come through,
and doing it twice, or breaking off and beginning again, comes to the same.  It is sound because of the rules in
``steps``: whatever lies under a name that a file has had is that file.  Blocking, at start.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from mailsuite.disk.files import append_to_file, write_file
from mailsuite.disk.meaning import concerns_one_file
from mailsuite.disk.remade import into_folder
from mailsuite.steps import Append, Link, Put, Rename, Single, Step, Unlink, singles


class _Node:
    """A file: what a ``Put`` says, or what has been there, and what was appended; and each name that it has had."""

    def __init__(self, name: str, put: Put | None) -> None:
        self.put = put
        self.had = [name]
        self.has: set[str] = {name}
        self.appended: list[Append] = []


class _Names:
    """Which node each name leads to."""

    def __init__(self) -> None:
        self.nodes: dict[str, _Node | None] = {}

    def node(self, name: str) -> _Node | None:
        if name not in self.nodes:
            self.nodes[name] = _Node(name, None)
        return self.nodes[name]

    def give(self, name: str, node: _Node) -> None:
        self.take(name)
        self.nodes[name] = node
        node.has.add(name)
        node.had.append(name)

    def take(self, name: str) -> None:
        node = self.nodes.get(name)
        if node is not None:
            node.has.discard(name)
        self.nodes[name] = None

    def follow(self, step: Single) -> None:
        match step:
            case Put():
                self.take(step.path)
                self.nodes[step.path] = _Node(step.path, step)
                self.take(step.temporary)
            case Append():
                node = self.node(step.path)
                if node is not None:
                    node.appended.append(step)
            case Rename():
                node = self.node(step.old)
                self.take(step.old)
                if node is not None:
                    self.give(step.new, node)
            case Link():
                node = self.node(step.old)
                if node is not None:
                    self.give(step.new, node)
            case Unlink():
                self.take(step.path)


def replay(steps: Iterable[Step]) -> tuple[int, list[str]]:
    """Do what is left to do; how many files were written, and a line about each that had no place any more."""
    names = _Names()
    for step in steps:
        for single in singles(step):
            names.follow(single)
    written, problems = 0, []
    nodes = dict.fromkeys(node for node in names.nodes.values() if node is not None)
    for node in nodes:
        try:
            written += _place(node)
        except FileNotFoundError as error:
            problems.append(f"{error.filename}: its folder is gone")
        except OSError as error:
            if node.put is not None or node.appended or not concerns_one_file(error):
                raise
            problems.append(f"{error.filename}: {error.strerror}")
    for name, last in names.nodes.items():
        if last is None:
            try:
                os.unlink(name)
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                if not concerns_one_file(error):
                    raise
                problems.append(f"{name}: {error.strerror}")
    return written, problems


def _place(node: _Node) -> bool:
    """Let all its names lead to it; whether it was written."""
    first, *others = sorted(node.has)
    if node.put is not None:
        write_file(node.put, first)
    elif not node.appended:
        there = next((name for name in (*sorted(node.has), *reversed(node.had)) if os.path.lexists(name)), "")
        if not there:
            return False  # another program removed it, or it never was
        if there != first:  # not link and unlink, of which the second could reach the disk alone
            into_folder(lambda: os.rename(there, first), first)
    for append in node.appended:
        append_to_file(append)
    for other in others:
        if not os.path.lexists(other) or not os.path.samefile(first, other):
            _link(first, other)
    return node.put is not None or bool(node.appended)


def _link(old: str, new: str) -> None:
    """Over whatever ``new`` was."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    into_folder(lambda: os.link(old, new), new)
