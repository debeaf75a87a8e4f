"""The queue as commands reach it: through the running server, or in its folder when no server runs."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import click
import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mailsuite.cli.running import Running, connect
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.real import RealDisk
from mailsuite.errors import ConfigError, NotFound
from mailsuite.model import Order, Ordered, Queued, Selection
from mailsuite.net.control import Change, List, More, Page
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.file import Places
from mailsuite.services.lock import FolderLock

#: Messages that one request names.
AT_ONCE = 1000

_T = TypeVar("_T")


class QueueAccess(Protocol):
    """What the commands do.  Failures are ``mailsuite.errors``."""

    def list(self, which: Selection) -> Sequence[Queued]: ...

    def order(self, which: Selection, order: Order) -> Ordered: ...


@contextlib.contextmanager
def open_queue(folder: str, change: bool) -> Iterator[QueueAccess]:
    """The queue in ``folder``; ``change`` says that it will be changed.  Raises NotFound, ConfigError."""
    if not os.path.isdir(folder):
        raise NotFound(f"there is no queue in {folder}")
    connection = connect(Places(folder).control)
    if connection is not None:
        with connection:
            yield _Running(connection)
        return
    act_as_owner(folder)
    _require_queue(folder)
    with contextlib.ExitStack() as stack:
        try:
            stack.callback(FolderLock(folder).release)
        except ConfigError:
            if change:
                raise
            yield _Stopped(folder, RealDisk())  # a server starts or stops: a look can do no harm
            return
        yield _Stopped(folder, stack.enter_context(recovered(folder)))


@contextlib.contextmanager
def recovered(folder: str) -> Iterator[RealDisk]:
    """The disk of a stopped server, whose queue's lock we hold, with its journal, if there was one: after a crash it
    holds what is not in its place yet."""
    journal = Places(folder).journal
    if not os.path.isdir(journal):
        yield RealDisk()
        return
    disk = JournalDisk(journal)
    disk.open(keep=False)
    try:
        yield disk
    finally:
        disk.close()


def _require_queue(folder: str) -> None:
    """A queue is empty until a server runs, but no folder of something else."""
    if os.listdir(folder) and not os.path.isdir(Places(folder).messages):
        raise NotFound(f"there is no queue in {folder}")


def act_as_owner(folder: str) -> None:
    """Files written by root would be out of the server's reach."""
    owner = os.stat(folder)
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)


class _Running:
    def __init__(self, connection: socket.socket) -> None:
        self._ask = Running(connection).ask

    def list(self, which: Selection) -> Sequence[Queued]:
        ids = which.ids or ()
        parts = [ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE)]
        asked = [msgspec.structs.replace(which, ids=part) for part in parts] or [which]
        return [one for part in asked for one in self._pages(part)]

    def _pages(self, which: Selection) -> Sequence[Queued]:
        messages: list[Queued] = []
        page = self._ask(List(which))
        while isinstance(page, Page):
            messages += page.messages
            if not page.left:
                break
            show_progress(f"{len(messages)} of {len(messages) + page.left} messages")
            page = self._ask(More())
        show_progress("")
        return messages

    def order(self, which: Selection, order: Order) -> Ordered:
        return msgspec.convert(self._ask(Change(which, order)), Ordered)


def show_progress(words: str) -> None:
    """How far a long listing is, for a person, on a line that is written over."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{words}", nl=False, err=True)


class _Clock:
    """The time of day, for a queue without a server: nobody else is there to have a turn."""

    def seconds(self) -> float:
        return time.time()

    def callLater(self, delay: float, call: Callable[..., object], *args: object) -> None:
        call(*args)


class _Stopped:
    def __init__(self, folder: str, disk: RealDisk) -> None:
        self._queue = DiskQueue(folder, disk, Inline(), _Clock())  # type: ignore[arg-type]
        if os.path.isdir(Places(folder).messages):  # not a queue that no server ever used: it makes its own folders
            _now(self._queue.load(sweep=False))

    def list(self, which: Selection) -> Sequence[Queued]:
        return _now(self._queue.list(which))

    def order(self, which: Selection, order: Order) -> Ordered:
        return _now(self._queue.order(which, order))


def _now(answer: Deferred[_T]) -> _T:
    """What a Deferred of ``Inline`` work has fired with."""
    results: list[Any] = []
    answer.addBoth(results.append)
    if isinstance(results[0], Failure):
        results[0].raiseException()
    result: _T = results[0]
    return result
