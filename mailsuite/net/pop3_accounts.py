"""What all POP3 listeners together know of accounts: who is logged in, when somebody last was, what was read ahead.

RFC 2449 §6.5 and §8.1: a login sooner than ``login_delay`` after the last one is refused, and with ``exclusive`` so is
a second session beside the first.  An account may have rules of its own.  Kept in memory: a restart forgets it.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict

import msgspec
from msgspec import UNSET, UnsetType
from twisted.internet.interfaces import IReactorTime

from mailsuite.errors import MailError
from mailsuite.model import Account, Pop3Rules
from mailsuite.net.pop3_ahead import Shelf
from mailsuite.pop3.capabilities import Terms

#: Logins that are remembered; of more the oldest are forgotten.
MOST = 100_000


class InUse(MailError):
    """Another session has the maildrop."""


class TooSoon(MailError):
    """The last login was less than ``delay`` seconds ago."""

    def __init__(self, delay: int) -> None:
        super().__init__(f"logged in again within {delay} seconds")
        self.delay = delay


class Rules(msgspec.Struct, frozen=True):
    #: One session an account at a time.
    exclusive: bool = False
    #: Seconds between two logins of an account.
    login_delay: int = 0
    #: Days after which messages are removed at QUIT; 0: those that were retrieved, -1: none.
    expire_days: int = -1

    def of(self, account: Account) -> Rules:
        """With what the account has of its own."""
        own = account.pop3
        return Rules(
            self.exclusive, _given(own.login_delay, self.login_delay), _given(own.expire_days, self.expire_days)
        )

    def terms(self) -> Terms:
        """What somebody is told for whom they count."""
        return Terms(self.login_delay, self.expire_days)

    def terms_before_login(self, extremes: Pop3Rules) -> Terms:
        """RFC 2449 §§6.5, 6.7: the longest delay and the shortest stay that somebody may have here, these rules
        or an account's own."""
        delay = _given(extremes.login_delay, 0)
        days = [each for each in (_given(extremes.expire_days, -1), self.expire_days) if each >= 0]
        return Terms(
            max(delay, self.login_delay),
            min(days, default=-1),
            extremes.login_delay is not UNSET,
            extremes.expire_days is not UNSET,
        )


def _given(own: int | UnsetType, otherwise: int) -> int:
    return otherwise if own is UNSET else own


class Accounts:
    """One for all POP3 listeners."""

    def __init__(self, clock: IReactorTime, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.shelf = Shelf()
        self._clock = clock
        self._sessions: Counter[str] = Counter()
        #: When somebody was last welcomed, the latest last, and the longest delay that was asked of one.
        self._longest = 0
        self._logins: OrderedDict[str, float] = OrderedDict()

    def enter(self, account: str, rules: Rules) -> None:
        """A session begins, and ``leave`` must follow; or raises InUse, TooSoon."""
        delay, last = rules.login_delay, self._logins.get(account, -math.inf)
        if rules.exclusive and self._sessions[account]:
            raise InUse("another session has the maildrop")
        if delay and last <= self._clock.seconds() < last + delay:
            raise TooSoon(delay)
        self._sessions[account] += 1

    def welcomed(self, account: str, rules: Rules) -> None:
        """It was told that it is logged in."""
        if rules.login_delay:
            now = self._clock.seconds()
            self._longest = max(self._longest, rules.login_delay)
            self._logins[account] = now
            self._logins.move_to_end(account)
            self._forget(now - self._longest)

    def leave(self, account: str) -> None:
        """The session has ended."""
        self._sessions[account] -= 1
        if not self._sessions[account]:
            del self._sessions[account]

    def _forget(self, before: float) -> None:
        while len(self._logins) > MOST or next(iter(self._logins.values())) < before:
            self._logins.popitem(last=False)
