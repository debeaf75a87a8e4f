"""The queue as commands reach it: through the running server, or in its folder when no server runs."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.disk.real import RealDisk
from mailsuite.errors import NotFound, Temporary
from mailsuite.model import Queued
from mailsuite.net.control import Done, Drop, Flush, Hold, List, Refused, Request, short_path
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.file import Places
from mailsuite.services.lock import FolderLock

#: Seconds to wait for a running server's answer.
PATIENCE = 30.0

_T = TypeVar("_T")


class QueueAccess(Protocol):
    """What the commands do.  Failures are ``mailsuite.errors``."""

    def list(self) -> Sequence[Queued]: ...

    def flush(self, ids: Sequence[str] | None) -> int: ...

    def drop(self, id: str) -> None: ...

    def hold(self, id: str, held: bool) -> None: ...


@contextlib.contextmanager
def open_queue(folder: str, change: bool) -> Iterator[QueueAccess]:
    """The queue in ``folder``; ``change`` says that it will be changed.  Raises NotFound, ConfigError."""
    if not os.path.isdir(folder):
        raise NotFound(f"there is no queue in {folder}")
    connection = _connect(Places(folder).control)
    if connection is not None:
        with connection:
            yield _Running(connection)
        return
    act_as_owner(folder)
    _require_queue(folder)
