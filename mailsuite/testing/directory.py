"""IDirectory in memory: domains, accounts, aliases and passwords as dicts that a test fills.

Aliases are followed by the product's own ``directory.expand``.  ``fail(error)`` makes the next call fail; ``hold``
keeps back every answer until ``release``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.directory.expand import resolve
from mailsuite.directory.names import canonical_domain, canonical_local
from mailsuite.directory.prepare import prepared_or_same
from mailsuite.directory.scram import fake_keys, keys_of
from mailsuite.errors import BadCredentials, InvalidName, NotAllowed, NotFound
from mailsuite.interfaces import IDirectory
from mailsuite.model import Account, Address, Pop3Rules, Resolution, ScramKeys

_T = TypeVar("_T")
_WRONG = "the login name or the password is wrong"
#: What every account's SCRAM keys are salted with, so that exchanges can be written down.
SALT, ITERATIONS = b"salted like soup", 4096


@implementer(IDirectory)
class MemoryDirectory:
    """``domains`` are ours, the first is the default; ``accounts`` maps ``user@domain`` to passwords; ``aliases`` maps
    ``name@domain`` (``@domain``: catch-all) to addresses; ``hostname`` is the server's own name."""

    def __init__(
        self,
        domains: Sequence[str] = (),
        accounts: dict[str, str] | None = None,
        aliases: dict[str, Sequence[str]] | None = None,
        hostname: str = "",
    ) -> None:
        self.domains = list(domains)
        self.hostname = hostname
        self.passwords = dict(accounts or {})
        self.accounts = {name: Account(name) for name in self.passwords}
        self.aliases: dict[str, Sequence[str]] = dict(aliases or {})
        #: Accounts that keep a secret for APOP, that keep no SCRAM keys, that nobody may log in to.
        self.apop_secrets: dict[str, str] = {}
        self.without_scram: set[str] = set()
        self.disabled: set[str] = set()
        #: Every address that was resolved and every login that was tried.
        self.asked: list[Address] = []
        self.logins: list[str] = []
        self._errors: list[Exception] = []
        self._held: list[Deferred[None]] | None = None

    def add(self, name: str, password: str = "secret", quota_bytes: int = 0, quota_messages: int = 0) -> Account:
        """A new account; its domain becomes ours."""
        domain = name.rpartition("@")[2]
        if domain not in self.domains:
            self.domains.append(domain)
        self.passwords[name] = password
        self.accounts[name] = Account(name, quota_bytes, quota_messages)
        return self.accounts[name]

    def set_password(self, name: str, password: str) -> None:
        """Whoever is logged in is so with another password from now on."""
        self.passwords[name] = password
        self.accounts[name] = msgspec.structs.replace(self.accounts[name], fingerprint=f"after {self.accounts[name]}")

    def remove(self, name: str) -> None:
        del self.passwords[name], self.accounts[name]

    def fail(self, *errors: Exception) -> None:
        self._errors.extend(errors)

    def hold(self) -> None:
        self._held = self._held or []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for waiting in held:
            if not waiting.called:
                waiting.callback(None)

    # -- IDirectory ------------------------------------------------------------------------------------------------

    def resolve(self, address: Address) -> Deferred[Resolution]:
        self.asked.append(address)
        return self._answer(lambda: resolve(self, address.local, address.domain or self.domains[0]))

    def authenticate(self, login: str, password: str) -> Deferred[Account]:
        self.logins.append(login)
        return self._answer(lambda: self._authenticate(self._name(login), password))

    def authenticate_apop(self, login: str, timestamp: str, digest: str) -> Deferred[Account]:
        self.logins.append(login)
        return self._answer(lambda: self._authenticate_apop(self._name(login), timestamp, digest))

    def scram_keys(self, login: str) -> Deferred[ScramKeys]:
        self.logins.append(login)
        return self._answer(lambda: self._scram_keys(self._name(login)))

    def find(self, login: str) -> Deferred[Account]:
        return self._answer(lambda: self._find(self._name(login)))

    def account(self, name: str) -> Deferred[Account]:
        return self._answer(lambda: self._account(name))

    def pop3_extremes(self) -> Deferred[Pop3Rules]:
        return self._answer(self._pop3_extremes)

    # -- directory.expand.Lookup -----------------------------------------------------------------------------------

    def is_local(self, domain: str) -> bool:
        return domain in self.domains

    def is_host(self, domain: str) -> bool:
        return domain == self.hostname

    def default_domain(self) -> str:
        return self.domains[0] if self.domains else ""

    def has_account(self, name: str) -> bool:
        return name in self.accounts

    def targets_of(self, source: str) -> Sequence[str]:
        return self.aliases.get(source, ())

    def postmaster_of(self, domain: str) -> str:
        """The first account of the domain."""
        return next((name for name in self.accounts if name.endswith(f"@{domain}")), "")

    # -- inside ----------------------------------------------------------------------------------------------------

    def _name(self, login: str) -> str:
        prepared = prepared_or_same(login)
        local, at, domain = prepared.rpartition("@")
        try:
            return f"{canonical_local(local if at else prepared)}@{canonical_domain(domain) if at else self.domains[0]}"
        except InvalidName:
            return ""

    def _authenticate(self, name: str, password: str) -> Account:
        if name in self.disabled or self.passwords.get(name) != prepared_or_same(password):
            raise BadCredentials(_WRONG)
        return self.accounts[name]

    def _authenticate_apop(self, name: str, timestamp: str, digest: str) -> Account:
        secret = self.apop_secrets.get(name, "")
        right = hashlib.md5(f"{timestamp}{secret}".encode(), usedforsecurity=False).hexdigest() == digest
        if name in self.disabled or not secret or not right:
            raise BadCredentials(_WRONG)
        return self.accounts[name]

    def _scram_keys(self, name: str) -> ScramKeys:
        if name not in self.passwords or name in self.without_scram or name in self.disabled:
            return msgspec.structs.replace(fake_keys(b"of a double", name), iterations=ITERATIONS)
        return keys_of(self.accounts[name], self.passwords[name], SALT, ITERATIONS)

    def _find(self, name: str) -> Account:
        if name not in self.accounts or name in self.disabled:
            raise NotFound(f"there is no account {name}")
        return self.accounts[name]

    def _account(self, name: str) -> Account:
        if name not in self.accounts:
            raise NotFound(f"there is no account {name}")
        if name in self.disabled:
            raise NotAllowed(f"the account {name} is disabled")
        return self.accounts[name]

    def _pop3_extremes(self) -> Pop3Rules:
        own = [account.pop3 for account in self.accounts.values()]
        delays = [rules.login_delay for rules in own if rules.login_delay is not msgspec.UNSET]
        days = [rules.expire_days for rules in own if rules.expire_days is not msgspec.UNSET]
        shortest = min((each for each in days if each >= 0), default=-1)
        return Pop3Rules(max(delays) if delays else msgspec.UNSET, shortest if days else msgspec.UNSET)

    def _answer(self, work: Callable[[], _T]) -> Deferred[_T]:
        if self._errors:
            return fail(self._errors.pop(0))
        try:
            result = work()
        except Exception as error:
            answer: Deferred[_T] = fail(error)
        else:
            answer = succeed(result)
        if self._held is None:
            return answer
        waiting: Deferred[None] = Deferred()
        self._held.append(waiting)
        return waiting.addCallback(lambda _: answer)
