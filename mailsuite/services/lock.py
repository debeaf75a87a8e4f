"""One server an instance: two on the same queue and store would undo each other's promises."""

from __future__ import annotations

import fcntl
import os

from mailsuite.errors import ConfigError


class FolderLock:
    """Held on a folder until this process ends or ``release``; other processes may still read and write in it."""

    def __init__(self, folder: str) -> None:
        """The folder is made if it is not there.  Raises ConfigError if another process has the lock, OSError."""
        os.makedirs(folder, 0o700, exist_ok=True)
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            raise ConfigError(f"another server is running on {folder}") from error

    def release(self) -> None:
        os.close(self._fd)
