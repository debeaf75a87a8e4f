"""What all POP3 listeners together know of accounts: who is logged in, when somebody last was, what was read ahead.

RFC 2449 §6.5 and §8.1: a login sooner than ``login_delay`` after the last one is refused, and with ``exclusive`` so is
a second session beside the first.  Kept in memory: a restart forgets it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

import msgspec
from twisted.internet.interfaces import IReactorTime

from mailsuite.errors import MailError
from mailsuite.net.pop3_ahead import Shelf

#: Logins that are remembered; of more the oldest are forgotten.
MOST = 100_000


class InUse(MailError):
    """Another session has the maildrop."""


class TooSoon(MailError):
    """The last login was less than the asked seconds ago."""


class Rules(msgspec.Struct, frozen=True):
    #: One session an account at a time.
    exclusive: bool = False
    #: Seconds between two logins of an account.
    login_delay: int = 0
    #: Days after which messages are removed at QUIT; 0: those that were retrieved, -1: none.
    expire_days: int = -1


class Accounts:
    """One for all POP3 listeners."""

    def __init__(self, clock: IReactorTime, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.shelf = Shelf()
        self._clock = clock
        self._sessions: Counter[str] = Counter()
        self._logins: OrderedDict[str, float] = OrderedDict()

    def enter(self, account: str) -> None:
        """A session begins, and ``leave`` must follow; or raises InUse, TooSoon."""
        delay = self.rules.login_delay
        if self.rules.exclusive and self._sessions[account]:
            raise InUse("another session has the maildrop")
        if delay and account in self._logins and self._clock.seconds() < self._logins[account] + delay:
            raise TooSoon("logged in too soon again")
        self._sessions[account] += 1

    def welcomed(self, account: str) -> None:
        """It was told that it is logged in."""
        if self.rules.login_delay:
            now = self._clock.seconds()
            self._logins[account] = now
            self._logins.move_to_end(account)
            self._forget(now - self.rules.login_delay)

    def leave(self, account: str) -> None:
        """The session has ended."""
        self._sessions[account] -= 1
        if not self._sessions[account]:
            del self._sessions[account]

    def _forget(self, before: float) -> None:
        while len(self._logins) > MOST or next(iter(self._logins.values())) < before:
            self._logins.popitem(last=False)
