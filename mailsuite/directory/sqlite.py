"""IDirectory on a SQLite file.

What ``mailsuite user add`` did a moment ago counts: where an address leads is remembered only as long as the file does
not change (one ``stat`` a question), everything else is read afresh in the pool.  Questions
go through one lane and one connection; checking passwords does not, but only so many at once, because each costs
time and memory on purpose.  Trusts the file: who can write it can let anybody in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.directory.answers import Answers
from mailsuite.directory.database import Database
from mailsuite.directory.expand import resolve
from mailsuite.directory.lookup import Lookups, Stored
from mailsuite.directory.names import canonical_domain, canonical_local
from mailsuite.directory.passwords import LONGEST, Remembered, hash_password, verify_password
from mailsuite.errors import BadCredentials, Corrupt, InvalidName, NotFound, Temporary
from mailsuite.interfaces import IDirectory, IOffload
from mailsuite.model import Account, Address, Remote, Resolution

_T = TypeVar("_T")
_LANE = "directory"


class DirectorySettings(msgspec.Struct, frozen=True):
    """What a directory is told beside its file."""

    #: local besides those of the file
    extra_domains: tuple[str, ...] = ()
    #: domain of a login without one; empty: the first that was added
    default_domain: str = ""
    #: who gets postmaster's mail of a domain that names nobody; empty: its first account
    postmaster: str = ""
    #: this server's own name, at which only postmaster is known; empty: none
    hostname: str = ""
    #: seconds for which a checked password is known again; 0: never
    remember: float = 300.0
    #: passwords checked at the same time
    checks_at_once: int = 2


#: Used where nothing else is said.
DEFAULTS = DirectorySettings()


@implementer(IDirectory)
class SQLiteDirectory:
    """The directory in ``path``, opened at the first question."""

    def __init__(
        self, path: str, offload: IOffload, clock: IReactorTime, settings: DirectorySettings = DEFAULTS
    ) -> None:
        self._path = path
        self._offload = offload
        self._clock = clock
        self._settings = settings
        self._remembered = Remembered(settings.remember)
        self._checks = DeferredSemaphore(settings.checks_at_once)
        self._opened: tuple[Database, Lookups] | None = None
        self._dummy = ""
        self._answers = Answers[Resolution](path, time.time)

    def open(self) -> Deferred[None]:
        """Open the file now, to learn at the start that it can be read.  Fails with Temporary."""
        return self._ask(lambda look: None)

    def close(self) -> Deferred[None]:
        """Let the file go; a later question would open it again."""
        return self._offload.run_in(_LANE, self._close)

    def resolve(self, address: Address) -> Deferred[Resolution]:
        known = self._answers.get(address)
        if known is not None:
            return succeed(known)
        state = self._answers.state()

        def keep(resolution: Resolution) -> Resolution:
            self._answers.keep(address, resolution, state)
            return resolution

        return self._ask(lambda look: self._resolve(look, address)).addCallback(keep)

    def authenticate(self, login: str, password: str) -> Deferred[Account]:
        return Deferred.fromCoroutine(self._authenticate(login, password))

    def account(self, name: str) -> Deferred[Account]:
        def find(look: Lookups) -> Account:
            stored = look.stored(name)
            if stored is None:
                raise NotFound(f"there is no account {name}")
            return stored.account

        return self._ask(find)

    # -- in the pool -----------------------------------------------------------------------------------------------

    def _ask(self, question: Callable[[Lookups], _T]) -> Deferred[_T]:
        """Put a question to the file; whatever is wrong with the file is temporary to those who ask by mail."""
        return self._offload.run_in(_LANE, self._answer, question)

    def _answer(self, question: Callable[[Lookups], _T]) -> _T:
        try:
            database, lookups = self._opened or self._open()
        except (Corrupt, NotFound) as error:  # a file that is gone says nothing about who has mail here
            raise Temporary(str(error)) from error
        try:
            with database.reading():
                return question(lookups)
        except Corrupt as error:
            self._close()
            raise Temporary(str(error)) from error

    def _open(self) -> tuple[Database, Lookups]:
        if self._opened is None:
            own = self._settings
            database = Database(self._path)
            lookups = Lookups(database, own.extra_domains, own.default_domain, own.postmaster, own.hostname)
            self._dummy = self._dummy or hash_password("nobody has this password")
            self._opened = database, lookups
        return self._opened

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened[0].close()

    @staticmethod
    def _resolve(look: Lookups, address: Address) -> Resolution:
        domain = address.domain or look.default_domain()
        try:
            return resolve(look, address.local, canonical_domain(domain))
        except InvalidName:  # an address literal, or what is no name at all: certainly not ours
            return Remote()

    # -- passwords -------------------------------------------------------------------------------------------------

    async def _authenticate(self, login: str, password: str) -> Account:
        stored = await self._ask(lambda look: _find(look, login))
        if stored is not None:
            name, now = stored.account.name, self._clock.seconds()
            if self._remembered.knows(name, stored.password, password, now):
                return stored.account
        right = await self._check(stored.password if stored is not None else "", password)
        if stored is None or not right:
            raise BadCredentials("the login name or the password is wrong")
        self._remembered.remember(stored.account.name, stored.password, password, self._clock.seconds())
        return stored.account

    def _check(self, hashed: str, password: str) -> Deferred[bool]:
        """One of ``checks_at_once``.  Cancelled before its turn, it is not done; cancelled later, it keeps its turn
        until the thread is done, so that hanging up makes no room for more."""
        turn = self._checks.acquire()
        answer: Deferred[bool] = Deferred(lambda _: turn.cancel())

        def begin(_: object) -> None:
            self._offload.run(self._verify, hashed, password).addBoth(done)

        def done(result: bool | Failure) -> None:
            self._checks.release()
            if not answer.called:
                answer.callback(result)

        turn.addCallbacks(begin, lambda _: None)
        return answer

    def _verify(self, hashed: str, password: str) -> bool:
        """In a thread.  An account that does not exist costs as much as one that does."""
        return verify_password(hashed or self._dummy, password[:LONGEST]) and len(password) <= LONGEST


def _find(look: Lookups, login: str) -> Stored | None:
    """The account a login name means: ``user@domain``, or ``user`` of the default domain."""
    local, at, domain = login.rpartition("@")
    try:
        domain = canonical_domain(domain if at else look.default_domain())
    except InvalidName:
        return None
    return look.stored(f"{canonical_local(local if at else login)}@{domain}")
