"""The changes that are asked of the operating system, noted in order: what was synced, and when.

Linux only: what a file descriptor is open on is asked of ``/proc``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: What ``os`` is asked to do to files and folders.
CHANGES = ("mkdir", "write", "utime", "fsync", "rename", "link", "unlink")


class SystemCalls:
    """``made``: (call, path below ``top`` of the file or folder it is about; of two names the second).

    ``patch`` replaces an attribute until the test ends (pytest's ``monkeypatch.setattr``)."""

    def __init__(self, patch: Callable[[object, str, object], None], top: Path) -> None:
        self.made: list[tuple[str, str]] = []
        self._top = top
        for name in CHANGES:
            patch(os, name, self._noting(name, getattr(os, name)))

    def _noting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **kwargs: Any) -> Any:
            about = args[-1] if name in ("rename", "link") else args[0]
            path = os.readlink(f"/proc/self/fd/{about}") if isinstance(about, int) else str(about)
            result = call(*args, **kwargs)
            if path.startswith(str(self._top)):
                self.made.append((name, os.path.relpath(path, self._top)))
            return result

        return noted
