"""Renames, links and removes many files of one folder.

The folder is opened once and files are named below it, so that the kernel does not walk the path for each: a rename
takes 10 microseconds in place of 12, a link 6 in place of 7.  Blocking.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from mailsuite.disk.remade import into_folder
from mailsuite.steps import Links, Many, Renames, Unlinks, files

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Course:
    """How far a step came: the files before number ``done`` are dealt with, those in ``missed`` were not there."""

    def __init__(self) -> None:
        self.done = 0
        self.missed: list[int] = []


def _not_copied(old: str, new: str) -> None:
    raise OSError(f"{old} cannot be linked")


def do_many(step: Many, course: Course, copy: Callable[[str, str], None] = _not_copied) -> None:
    """Do the step; ``course`` is kept also if that breaks off with OSError.  ``copy`` takes the paths of a file that
    cannot be linked."""
    names: Iterable[Any]
    call: Callable[..., None]
    with contextlib.ExitStack() as opened:
        try:
            if isinstance(step, Unlinks):
                names, call = zip(step.names), partial(os.unlink, dir_fd=_open(opened, step.folder))
            else:
                old = _open(opened, step.old_folder)
                new = into_folder(lambda: _open(opened, step.new_folder), f"{step.new_folder}/")
                kind = os.rename if isinstance(step, Renames) else os.link
                names, call = zip(step.old, step.new, strict=True), partial(kind, src_dir_fd=old, dst_dir_fd=new)
        except FileNotFoundError:
            course.missed, course.done = list(range(files(step))), files(step)
            return
        if isinstance(step, Links):
            call = _or_copied(call, step, copy)
        _call_each(call, names, course)


def _open(opened: contextlib.ExitStack, path: str) -> int:
    fd = os.open(path, _FOLDER)
    opened.callback(os.close, fd)
    return fd


def _call_each(call: Callable[..., None], names: Iterable[Any], course: Course) -> None:
    number = 0
    try:
        for each in names:
            try:
                call(*each)
            except FileNotFoundError:
                course.missed.append(number)
            number += 1
    finally:
        course.done = number


def _or_copied(link: Callable[..., None], step: Links, copy: Callable[[str, str], None]) -> Callable[..., None]:
    def call(old: str, new: str) -> None:
        try:
            link(old, new)
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError:  # not in every file system, nor too many of one file, nor in another
            copy(os.path.join(step.old_folder, old), os.path.join(step.new_folder, new))

    return call
