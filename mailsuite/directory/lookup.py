"""What the directory knows, read fresh from the file each time.  Names are canonical.  Blocking.

This is the ``Lookup`` that ``directory.expand`` asks, and what ``authenticate`` compares with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from mailsuite.directory.database import Database, Row
from mailsuite.directory.names import canonical_domain
from mailsuite.model import Account, Pop3Rules


class Stored(msgspec.Struct, frozen=True):
    """An account with what its owner logs in with."""

    account: Account
    #: argon2id hash
    password: str
    #: ``directory.scram``'s text, empty if there is none yet
    scram: str = ""
    #: whether one is made when there is none
    keep_scram: bool = True
    #: the secret for APOP as it is, empty for most
    apop: str = ""
    #: nobody logs in; mail still comes
    disabled: bool = False


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
        row = self._database.one(f"SELECT {_STORED} FROM accounts WHERE name = ?", name)  # noqa: S608 - a constant
        return _stored(row) if row else None

    def all_stored(self, domain: str = "") -> Sequence[Stored]:
        """All, or those of one domain, by domain and name."""
        rows = self._database.all(
            f"SELECT {_STORED} FROM accounts WHERE ?1 = '' OR domain = ?1 ORDER BY domain, name",  # noqa: S608
            domain,
        )
        return [_stored(row) for row in rows]

    def accounts(self, domain: str = "") -> Sequence[Account]:
        """All, or those of one domain, by domain and name."""
        return [stored.account for stored in self.all_stored(domain)]

    def pop3_extremes(self) -> Pop3Rules:
        """See ``IDirectory.pop3_extremes``."""
        (row,) = self._database.all(
            "SELECT max(login_delay), min(CASE expire_days WHEN -1 THEN ?1 ELSE expire_days END) FROM accounts", _NEVER
        )
        delay, days = row
        return _rules(delay, -1 if days == _NEVER else days)

    def secret(self, name: str) -> bytes:
        """A random value that this directory keeps; empty if there is none of that name."""
        row = self._database.one("SELECT value FROM secrets WHERE name = ?", name)
        return bytes(row[0]) if row else b""

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


_STORED = "name, quota_bytes, quota_messages, password, scram, keep_scram, apop, disabled, login_delay, expire_days"
#: Days that are more than any others.
_NEVER = 1 << 32


def _stored(row: Row) -> Stored:
    name, octets, messages, password, scram, keep_scram, apop, disabled, delay, days = row
    account = Account(name, octets, messages, _fingerprint(password), _rules(delay, days))
    return Stored(account, password, scram, bool(keep_scram), apop, bool(disabled))


def _rules(delay: int | None, days: int | None) -> Pop3Rules:
    """As SQL has them: NULL is what is not set."""
    return Pop3Rules(
        msgspec.UNSET if delay is None else delay,
        msgspec.UNSET if days is None else days,
    )


def _fingerprint(password: str) -> str:
    """Another one for each password that is set, though it be the same again: each hash has its own salt."""
    return hashlib.sha256(password.encode()).hexdigest()[:16]
