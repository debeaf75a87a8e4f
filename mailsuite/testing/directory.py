"""IDirectory in memory: domains, accounts, aliases and passwords as dicts that a test fills.

Aliases are followed by the product's own ``directory.expand``.  ``fail(error)`` makes the next call fail; ``hold``
keeps back every answer until ``release``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailsuite.directory.expand import resolve
from mailsuite.errors import BadCredentials, NotFound
from mailsuite.interfaces import IDirectory
from mailsuite.model import Account, Address, Resolution

_T = TypeVar("_T")


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
        return self._answer(lambda: self._authenticate(login.lower(), password))

    def account(self, name: str) -> Deferred[Account]:
        return self._answer(lambda: self._account(name))

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

    def _authenticate(self, login: str, password: str) -> Account:
        name = login if "@" in login else f"{login}@{self.domains[0]}"
        if self.passwords.get(name) != password:
            raise BadCredentials("the login name or the password is wrong")
        return self.accounts[name]

    def _account(self, name: str) -> Account:
        if name not in self.accounts:
            raise NotFound(f"there is no account {name}")
        return self.accounts[name]

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
