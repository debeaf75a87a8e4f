"""The server's end of ``disk.placer``: starts the process, hands it work, and does without it when it fails.

The process is given the descriptor of the journal's lock, so that no other server begins on these files while it still
works for one that was killed.  One request at a time.  Blocking; thread-safe.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import cast

import msgspec
from twisted.logger import Logger

from mailsuite.disk import placer
from mailsuite.disk.findable import Findable, examine_files
from mailsuite.disk.summary import Rendered, summarize_files

#: Seconds that one request may take.
PATIENCE = 60.0
#: Seconds that placing waits while the process reads a message for an index, which may be one of many megabytes.
PLACING_PATIENCE = 0.1
#: Messages of one request to summarize, between which others have their turn.
AT_ONCE = 50
#: Seconds after a failure in which the process is not started again; twice as long after each further one.
PAUSE, LONGEST_PAUSE = 10.0, 3600.0

#: Kinds of request that take no longer than what is to be placed.
_SHORT = frozenset((placer.PLACE, placer.CHANGE))

_encode = msgspec.msgpack.Encoder().encode
_done = msgspec.msgpack.Decoder(bool).decode
_missed = msgspec.msgpack.Decoder(list[int] | None).decode
_summaries = msgspec.msgpack.Decoder(list[tuple[bytes | tuple[bytes, ...], ...]]).decode

_findables = msgspec.msgpack.Decoder(list[Findable | None]).decode

_log = Logger()


class PlacerProcess:
    """``now``: seconds of a clock that never goes back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._next, self._alone = threading.Lock(), threading.Lock()
        self._asked = b""  # the kind of what it does now
        self._base = ""
        self._lock = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._not_before = 0.0
        self._pause = PAUSE
        self._closed = True

    def start(self, base: str, lock: int) -> None:
        """``base`` is what paths in units are relative to, ``lock`` a descriptor that the process is to keep open.
        That it cannot be started (a user who may not run the interpreter) is no error."""
        with self._alone:
            self._base, self._lock, self._closed = base, lock, False
            try:
                self._spawn()
            except OSError as error:
                self._failed(error)

    def perform(self, units: Sequence[bytes]) -> bool:
        """Place these; False if some may not be done."""
        answer = self._ask(placer.PLACE, _encode(units))
        return bool(answer) and _done(answer)

    def change(self, unit: bytes) -> list[int] | None:
        """Do the one step of this, which renames or removes files; the numbers of those that were not there.  None if
        it is not done, or only in part."""
        answer = self._ask(placer.CHANGE, unit)
        return _missed(answer) if answer else None

    def summarize(self, paths: Sequence[str], sets: Sequence[str]) -> Sequence[Rendered | tuple[()]]:
        """``disk.summary.Summarize``."""
        done: list[Rendered | tuple[()]] = []
        for start in range(0, len(paths), AT_ONCE):
            part = paths[start : start + AT_ONCE]
            answer = self._ask(placer.SUMMARIZE, _encode((part, sets)))
            done += cast(list[Rendered | tuple[()]], _summaries(answer)) if answer else summarize_files(part, sets)
        return done

    def examine(self, paths: Sequence[str], bodies: bool) -> Sequence[Findable | None]:
        """``disk.findable.Examine``; None too for what cannot be read."""
        answer = self._ask(placer.EXAMINE if bodies else placer.EXAMINE_HEADERS, _encode(paths))
        return _findables(answer) if answer else examine_files(paths, bodies)

    def close(self) -> None:
        with self._alone:
            self._closed = True
            self._end()

    def _ask(self, kind: bytes, data: bytes) -> bytes:
        """The answer, or nothing if the process cannot give one, and then it does nothing of this any more."""
        if not self._has_turn(kind):
            return b""
        try:
            if self._connection is None and not self._may_spawn():
                return b""
            return self._exchange(kind, data)
        except OSError as error:
            self._failed(error)
            return b""
        finally:
            self._alone.release()

    def _has_turn(self, kind: bytes) -> bool:
        """Wait for it; False if there may be somebody who waits for what is to be placed, and this takes long.  Who
        waits comes before one who has just had his turn."""
        for lock in (self._next, self._alone):
            while not lock.acquire(timeout=PLACING_PATIENCE if kind in _SHORT else -1):
                if self._asked not in _SHORT:
                    if lock is self._alone:
                        self._next.release()
                    return False
        self._next.release()
        self._asked = kind
        return True

    def _failed(self, error: OSError) -> None:
        _log.warn("the process that places files failed, the server does its work: {error}", error=error)
        self._end()
        self._not_before = self._now() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _exchange(self, kind: bytes, data: bytes) -> bytes:
        if self._connection is None:
            self._spawn()
        connection = self._connection
        if connection is None:
            raise ConnectionResetError("it is not running")
        connection.sendall(placer.HEAD.pack(kind, len(data)) + data)
        head = placer.receive(connection, placer.HEAD.size)
        answer = placer.receive(connection, placer.HEAD.unpack(head)[1]) if head else b""
        if not answer:
            raise ConnectionResetError("it ended")
        self._pause = PAUSE
        return answer

    def _may_spawn(self) -> bool:
        return not self._closed and self._now() >= self._not_before

    def _spawn(self) -> None:
        """OSError."""
        ours, its = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", placer.__name__, self._base],
                stdin=its.fileno(),
                pass_fds=(self._lock,),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except BaseException:
            ours.close()
            raise
        finally:
            its.close()
        ours.settimeout(PATIENCE)
        self._connection = ours

    def _end(self) -> None:
        """It works no more when this returns."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            try:
                self._process.wait(PATIENCE if self._closed else 0.1)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
