"""Paths of Unix sockets: the kernel takes only short ones."""

from __future__ import annotations

import os

#: Octets that a path of a Unix socket may have (``sun_path`` without its final zero).
PATH_LIMIT = 107


def short_path(path: str) -> str:
    """The same socket by a path that the kernel accepts, however deep it lies (Linux).  Keeps a handle of its folder
    open then, for the life of the process."""
    if len(os.fsencode(path)) <= PATH_LIMIT:
        return path
    folder, name = os.path.split(path)
    return f"/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)}/{name}"
