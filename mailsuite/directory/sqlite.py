"""IDirectory on a SQLite file.

What ``mailsuite user add`` did a moment ago counts: where an address leads is remembered only as long as the file does
not change (``directory.answers``), everything else is read afresh in the pool.  Questions go through one lane and one
connection; checking passwords does not, but only so many at once, because each costs time and memory on purpose.
Trusts the file: who can write it can let anybody in.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailsuite.directory.answers import Answers
from mailsuite.directory.database import Database
from mailsuite.directory.expand import resolve
from mailsuite.directory.lookup import Lookups, Stored
from mailsuite.directory.names import canonical_domain, canonical_local
from mailsuite.directory.passwords import LONGEST, Remembered, hash_password, verify_password
from mailsuite.directory.prepare import prepared_or_same
from mailsuite.directory.scram import fake_keys, make_keys, parse_keys
from mailsuite.directory.srs import Srs
from mailsuite.errors import BadCredentials, Corrupt, InvalidName, MailError, NotAllowed, NotFound, Temporary
from mailsuite.interfaces import IDirectory, IOffload
from mailsuite.model import Account, Address, Forward, Pop3Rules, Remote, Resolution, ScramKeys, Unknown

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
    #: return paths of forwarded mail that lead back through here; None where none are made
    srs: Srs | None = None


#: Used where nothing else is said.
DEFAULTS = DirectorySettings()


@implementer(IDirectory)
class SQLiteDirectory:
    """The directory in ``path``, opened at the first question."""

    log = Logger()

    def __init__(
        self,
        path: str,
        offload: IOffload,
        clock: IReactorTime,
        settings: DirectorySettings = DEFAULTS,
        now: Callable[[], float] = time.time,
    ) -> None:
        """``now`` gives epoch seconds by the clock that dates files."""
        self._path = path
        self._offload = offload
        self._clock = clock
        self._settings = settings
        self._remembered = Remembered(settings.remember)
        self._checks = DeferredSemaphore(settings.checks_at_once)
        self._opened: tuple[Database, Lookups] | None = None
        self._dummy = ""
        self._answers = Answers[Resolution](path, now)
        self._accounts = Answers[Account](path, now)
        self._extremes = Answers[Pop3Rules](path, now)
        #: Accounts whose SCRAM keys are being made.
        self._making: set[str] = set()

    def open(self) -> Deferred[None]:
        """Open the file now, to learn at the start that it can be read.  Fails with Temporary."""
        return self._ask(lambda look: None)

    def close(self) -> Deferred[None]:
        """Let the file go; a later question would open it again."""
        return self._offload.run_in(_LANE, self._close)

    def default_domain(self) -> Deferred[str]:
        """That of logins and addresses without one; empty while there is none."""
        return self._ask(lambda look: look.default_domain())

    def resolve(self, address: Address) -> Deferred[Resolution]:
        srs = self._settings.srs
        if srs is not None and srs.is_ours(address):
            return succeed(_led_back(srs, address, self._clock.seconds()))
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

    def authenticate_apop(self, login: str, timestamp: str, digest: str) -> Deferred[Account]:
        return self._ask(lambda look: _check_apop(_find(look, login), timestamp, digest))

    def scram_keys(self, login: str) -> Deferred[ScramKeys]:
        return self._ask(lambda look: _scram_keys(look, login))

    def find(self, login: str) -> Deferred[Account]:
        def find(look: Lookups) -> Account:
            stored = _find(look, login)
            if stored is None or stored.disabled:
                raise NotFound(f"there is no account {login}")
            return stored.account

        return self._ask(find)

    def account(self, name: str) -> Deferred[Account]:
        known = self._accounts.get(name)
        if known is not None:
            return succeed(known)
        state = self._accounts.state()

        def find(look: Lookups) -> Account:
            stored = look.stored(name)
            if stored is None:
                raise NotFound(f"there is no account {name}")
            if stored.disabled:
                raise NotAllowed(f"the account {name} is disabled")
            return stored.account

        def keep(account: Account) -> Account:
            self._accounts.keep(name, account, state)
            return account

        return self._ask(find).addCallback(keep)

    def pop3_extremes(self) -> Deferred[Pop3Rules]:
        known = self._extremes.get("")
        if known is not None:
            return succeed(known)
        state = self._extremes.state()

        def keep(rules: Pop3Rules) -> Pop3Rules:
            self._extremes.keep("", rules, state)
            return rules

        return self._ask(Lookups.pop3_extremes).addCallback(keep)

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

    async def _authenticate(self, login: str, sent: str) -> Account:
        password = prepared_or_same(sent)
        stored = await self._ask(lambda look: _find(look, login))
        if stored is not None and not stored.disabled:
            name, now = stored.account.name, self._clock.seconds()
            if self._remembered.knows(name, stored.password, password, now):
                return stored.account
        right = await self._check(stored.password if stored is not None else "", password)
        if not right and password != sent:  # set before passwords were prepared
            right = await self._check(stored.password if stored is not None else "", sent)
        if stored is None or not right or stored.disabled:
            raise BadCredentials(_WRONG)
        self._remembered.remember(stored.account.name, stored.password, password, self._clock.seconds())
        self._add_scram(stored, password)
        return stored.account

    def _add_scram(self, stored: Stored, password: str) -> None:
        """Make the keys that an account may have and has not yet, now that its password is known; nobody waits."""
        name = stored.account.name
        if stored.scram or not stored.keep_scram or name in self._making:
            return
        self._making.add(name)
        made = self._offload.run(make_keys, password)
        made.addCallback(lambda keys: self._offload.run_in(_LANE, self._write_scram, stored, keys))
        made.addErrback(self._not_added, name)
        made.addBoth(lambda _: self._making.discard(name))

    def _write_scram(self, stored: Stored, keys: str) -> None:
        """In a thread; nothing if the password was changed meanwhile."""
        database, _ = self._opened or self._open()
        database.do(
            "UPDATE accounts SET scram = ? WHERE name = ? AND password = ? AND scram = '' AND keep_scram",
            *(keys, stored.account.name, stored.password),
        )

    def _not_added(self, failure: Failure, name: str) -> None:
        if failure.check(MailError):
            self.log.warn("no SCRAM keys for {account} yet: {error}", account=name, error=failure.value)
        else:
            self.log.failure("cannot make SCRAM keys for {account}", failure, account=name)

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


#: Whatever is wrong; who guesses learns nothing from it.
_WRONG = "the login name or the password is wrong"


def _led_back(srs: Srs, address: Address, now: float) -> Resolution:
    try:
        return Forward((), (srs.reverse(address.local, int(now // 86_400)),))
    except InvalidName:
        return Unknown()


def _find(look: Lookups, login: str) -> Stored | None:
    """The account a login name means: ``user@domain``, or ``user`` of the default domain."""
    name = _canonical(look, login)
    return look.stored(name) if name else None


def _canonical(look: Lookups, login: str) -> str:
    """The name of the account if there is one; empty for what no account can be called."""
    prepared = prepared_or_same(login)
    local, at, domain = prepared.rpartition("@")
    try:
        domain = canonical_domain(domain if at else look.default_domain())
    except InvalidName:
        return ""
    return f"{canonical_local(local if at else prepared)}@{domain}"


def _check_apop(stored: Stored | None, timestamp: str, digest: str) -> Account:
    """RFC 1939 §7."""
    secret = stored.apop if stored is not None and not stored.disabled else ""
    wanted = hashlib.md5(f"{timestamp}{secret}".encode(), usedforsecurity=False).hexdigest()
    right = hmac.compare_digest(wanted.encode(), digest.encode("utf-8", "surrogatepass"))
    if stored is None or not secret or not right:
        raise BadCredentials(_WRONG)
    return stored.account


def _scram_keys(look: Lookups, login: str) -> ScramKeys:
    name = _canonical(look, login)
    stored = look.stored(name) if name else None
    if stored is not None and stored.scram and not stored.disabled:
        return parse_keys(stored.scram, stored.account)
    return fake_keys(look.secret("fake salts"), name or login)
