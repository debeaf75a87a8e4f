"""Sessions that are logged in, and the end of those whose account is gone, disabled, or has another password now.

One look every ``EVERY`` seconds at the accounts that have sessions, one after the other; the directory answers from
memory while its file does not change.  While it cannot answer, everybody stays.  No timer runs without sessions.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mailsuite.errors import MailError, NotAllowed, NotFound
from mailsuite.interfaces import IDirectory
from mailsuite.model import Account

#: Seconds from one look to the next.
EVERY = 2.0


class Member(Protocol):
    """What ``net.connection.Connection`` offers for its ending."""

    def dismiss(self) -> None: ...


class LoggedIn:
    """One for all services of the process."""

    log = Logger()

    def __init__(self, directory: IDirectory, clock: IReactorTime) -> None:
        self._directory = directory
        self._clock = clock
        self._sessions: dict[str, dict[Member, Account]] = {}
        self._next: IDelayedCall | None = None
        self._looking = False

    def enter(self, account: Account, session: Member) -> None:
        """``session`` has just logged in as ``account``."""
        self._sessions.setdefault(account.name, {})[session] = account
        self._plan()

    def leave(self, account: str, session: Member) -> None:
        """Its connection is gone."""
        sessions = self._sessions.get(account, {})
        sessions.pop(session, None)
        if not sessions:
            self._sessions.pop(account, None)
        if not self._sessions and self._next is not None:
            self._next.cancel()
            self._next = None

    def _plan(self) -> None:
        if self._next is None and not self._looking:
            self._next = self._clock.callLater(EVERY, self._begin)

    def _begin(self) -> None:
        self._next, self._looking = None, True
        _run(self._look()).addErrback(lambda failure: self.log.failure("cannot look after sessions", failure))

    async def _look(self) -> None:
        try:
            for name in list(self._sessions):
                if name in self._sessions:  # the last one may have left meanwhile
                    await self._look_at(name)
        finally:
            self._looking = False
            if self._sessions:
                self._plan()

    async def _look_at(self, name: str) -> None:
        try:
            now = (await self._directory.account(name)).fingerprint
        except (NotFound, NotAllowed):
            now = "nobody's"
        except MailError:
            return
        for session, account in list(self._sessions.get(name, {}).items()):
            if account.fingerprint != now:
                self.log.info("session of {account} ended: it is gone, disabled or has another password", account=name)
                session.dismiss()


def _run(work: Coroutine[Any, Any, None]) -> Deferred[None]:
    return Deferred.fromCoroutine(work)
