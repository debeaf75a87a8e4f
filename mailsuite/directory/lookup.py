"""What the directory knows, read fresh from the file each time.  Names are canonical.  Blocking.

This is the ``Lookup`` that ``directory.expand`` asks, and what ``authenticate`` compares with.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mailsuite.directory.database import Database
from mailsuite.directory.names import canonical_domain
from mailsuite.model import Account


class Stored(msgspec.Struct, frozen=True):
    """An account with its password's hash."""

    account: Account
    password: str


class Alias(msgspec.Struct, frozen=True):
    """``source`` is ``name@domain``, or ``@domain`` for a catch-all."""

    source: str
    targets: tuple[str, ...]


class Lookups:
    """Questions to a directory.  ``extra_domains`` are local besides those in the file; ``postmaster`` stands in where
    a domain names none; ``default_domain`` is that of a login without one; ``hostname`` this server's own name."""

    def __init__(
        self,
        database: Database,
        extra_domains: Sequence[str] = (),
        default_domain: str = "",
        postmaster: str = "",
        hostname: str = "",
    ) -> None:
        self._database = database
        self._extra = dict.fromkeys(canonical_domain(domain) for domain in extra_domains)
        self._default = canonical_domain(default_domain) if default_domain else ""
        self._postmaster = postmaster
        self._host = canonical_domain(hostname) if hostname else ""

    # -- domains ---------------------------------------------------------------------------------------------------

    def is_local(self, domain: str) -> bool:
        return domain in self._extra or self._database.one("SELECT 1 FROM domains WHERE name = ?", domain) is not None

    def is_host(self, domain: str) -> bool:
        return domain == self._host

    def default_domain(self) -> str:
        """The one that was set, else the first that was added, else empty."""
        if self._default:
            return self._default
        row = self._database.one("SELECT name FROM domains ORDER BY added LIMIT 1")
        return str(row[0]) if row else next(iter(self._extra), "")

    def domains(self) -> Sequence[str]:
        """Those of the file in the order they were added, then the extra ones."""
        rows = self._database.all("SELECT name FROM domains ORDER BY added")
        return list(dict.fromkeys([*(row[0] for row in rows), *self._extra]))

    # -- accounts --------------------------------------------------------------------------------------------------

    def has_account(self, name: str) -> bool:
        return self._database.one("SELECT 1 FROM accounts WHERE name = ?", name) is not None

    def stored(self, name: str) -> Stored | None:
        """The account of that name, or None."""
        row = self._database.one(
            "SELECT name, quota_bytes, quota_messages, password FROM accounts WHERE name = ?", name
        )
        return Stored(Account(row[0], row[1], row[2]), row[3]) if row else None

    def accounts(self, domain: str = "") -> Sequence[Account]:
        """All, or those of one domain, by domain and name."""
        rows = self._database.all(
            "SELECT name, quota_bytes, quota_messages FROM accounts WHERE ?1 = '' OR domain = ?1 ORDER BY domain, name",
            domain,
        )
        return [Account(*row) for row in rows]

    # -- aliases ---------------------------------------------------------------------------------------------------

    def targets_of(self, source: str) -> Sequence[str]:
        """Where an alias leads, in order; empty if there is none."""
        rows = self._database.all("SELECT target FROM aliases WHERE source = ? ORDER BY position", source)
        return [row[0] for row in rows]

    def aliases(self, domain: str = "") -> Sequence[Alias]:
        """All, or those of one domain, by domain and source."""
        targets: dict[str, list[str]] = {}
        for source, target in self._database.all(
            "SELECT source, target FROM aliases WHERE ?1 = '' OR domain = ?1 ORDER BY domain, source, position", domain
        ):
            targets.setdefault(source, []).append(target)
        return [Alias(source, tuple(names)) for source, names in targets.items()]

    def postmaster_of(self, domain: str) -> str:
        """Who stands in for a domain's missing postmaster: the one that was set, the catch-all (empty: no stand-in is
        needed), the domain's first account, the default domain's."""
        if self._postmaster or self.targets_of(f"@{domain}"):
            return self._postmaster
        for candidate in (domain, self.default_domain()):
            row = self._database.one("SELECT name FROM accounts WHERE domain = ? ORDER BY added LIMIT 1", candidate)
            if row:
                return str(row[0])
        return ""
