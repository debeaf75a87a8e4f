"""The server as twistd starts and stops it.

Order of starting: ports (``take_ports``, maybe as root), privileges dropped by twistd, files and folders opened, then
connections accepted and the relay started; ``ready`` is logged.  Order of stopping: no new connections, sessions and
relay attempts end (at most ``timeouts.shutdown`` seconds), store and directory closed, threads ended; what has not
ended ``CLOSING`` seconds after that time is left to ``LastResort``.  A start that fails is one line in the log and on
standard error, and exit status 1.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailsuite.config.check import check_places
from mailsuite.config.schema import Settings
from mailsuite.errors import ConfigError, MailError
from mailsuite.services.allocator import GivingBack, keep_little
from mailsuite.services.descriptors import needed, raise_limit
from mailsuite.services.lock import FolderLock
from mailsuite.services.log_lines import write_lines_quickly
from mailsuite.services.parts import Parts
from mailsuite.services.polling import poll_plainly
from mailsuite.services.process import LastResort, fail_at_exit, stop_on_signals, stop_once, tell
from mailsuite.services.running import Running
from mailsuite.services.sockets import Taken, take
from mailsuite.services.steady import keep_timers
from mailsuite.services.systemd import passed_sockets

#: Seconds for the store, the directory and the threads to end after the sessions.
CLOSING = 5.0
#: Objects that may hold others, made and not freed, after which the collector looks for cycles among them.
COLLECT_AFTER = 10_000
#: Seconds until a thread that wants the interpreter's lock asks a busy one for it.  Python's 5 ms are too long here:
#: what threads do is short, between two waits for the disk, and somebody's answer depends on it; and until it is their
#: turn each system call of the reactor's thread wakes them in vain.
SWITCH_AFTER = 0.0005


def tune_interpreter() -> None:
    """For a server that has begun, until the process ends."""
    # What is there now stays: the collector need not walk through all of it, the reactor waiting, time and again.
    gc.freeze()
    # With Python's 700 it is 2 % of a busy server's time to look for cycles among what is new.
    gc.set_threshold(COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_AFTER)


class MailServer(Service):
    """``path`` is where the settings were read, for messages.  Raises ConfigError."""

    log = Logger()
    name = "mailsuite"

    def __init__(self, settings: Settings, path: str, reactor: Any) -> None:
        self._settings = settings
        self._path = path
        self._reactor = reactor
        parts = Parts(settings, reactor)
        self._running = Running(settings, parts, reactor)
        self._giving_back = GivingBack(reactor, parts.in_thread)
        self._taken: list[Taken] = []
        self._lock: FolderLock | None = None
        self._started: Deferred[None] = succeed(None)

    # -- starting --------------------------------------------------------------------------------------------------

    def take_ports(self) -> None:
        """Make every port ours; connections wait until the server is ready.  Raises ConfigError."""
        passed = passed_sockets(os.environ, self._reactor)
        self._taken = take(self._settings.listeners, passed)
        if passed.left:
            self.log.warn("no listener names what systemd passed: {names}", names=", ".join(passed.left))

    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        os.umask(0o077)
        keep_little()
        self._raise_limits()
        if not self._taken:
            self.take_ports()

    def _raise_limits(self) -> None:
        wanted = needed(self._settings)
        have = raise_limit(wanted)
        if have < wanted:
            self.log.warn(
                "only {have} files may be open, {wanted} are needed for limits.connections = {connections}: "
                "raise the hard limit (LimitNOFILE, ulimit -Hn) or lower that",
                have=have,
                wanted=wanted,
                connections=self._settings.limits.connections,
            )

    def startService(self) -> None:
        """twistd has dropped its privileges: what is ours must be usable by who we are now."""
        super().startService()
        try:
            check_places(self._settings, self._path)
            self._lock = FolderLock(self._settings.paths.queue)
        except ConfigError as error:
            self.log.critical("cannot start: {error}", error=error)
            tell(error)
            raise SystemExit(1) from None
        write_lines_quickly()
        stop_on_signals(self._reactor)
        keep_timers(self._reactor)
        poll_plainly(self._reactor)
        self._started = Deferred.fromCoroutine(self._start()).addErrback(self._not_started)

    async def _start(self) -> None:
        waiting = await self._running.start(self._path, self._taken)
        tune_interpreter()
        self._giving_back.start()
        self.log.info(
            "ready: {hostname}, {ports}; {waiting} waiting to be sent",
            hostname=self._settings.hostname,
            ports=", ".join(map(str, self._taken)),
            waiting=waiting,
        )

    def _not_started(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if failure.check(MailError, OSError):
            self.log.critical("cannot start: {error}", error=failure.value)
        else:
            self.log.failure("cannot start", failure)
        tell(failure.value)
        fail_at_exit()
        stop_once(self._reactor)

    # -- stopping --------------------------------------------------------------------------------------------------

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._started.cancel()
        self._giving_back.stop()
        self.log.info("stopping")
        last_resort = LastResort(self._settings.timeouts.shutdown + CLOSING, self._running.parts.at_work)
        await self._running.stop(self._taken)
        if self._lock is not None:
            self._lock.release()
        last_resort.cancel()
        self.log.info("stopped")
