"""Changes to domains, accounts and aliases: what the command line writes with.  Blocking.

Promises: names are checked and made canonical before anything is touched; a refused change changes nothing; a change
is on disk when the call returns, and a running server goes by it from its next look-up on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import msgspec

from mailsuite.directory.database import Database
from mailsuite.directory.expand import resolve
from mailsuite.directory.lookup import Alias, Lookups, Stored
from mailsuite.directory.names import account_name, alias_source, canonical_domain, mail_address
from mailsuite.directory.passwords import hash_password, prepare_password, require_strong, verify_password
from mailsuite.directory.prepare import prepared_or_same
from mailsuite.directory.scram import make_keys
from mailsuite.errors import Exists, MailError, NotAllowed, NotFound
from mailsuite.model import Account, Pop3Rules, Unknown

#: Targets of one alias.
_MOST_TARGETS = 1000


class _Undone(Exception):
    """Takes back what a transaction has done."""


class Records:
    """The directory, open for changes; ``look`` reads it."""

    def __init__(self, database: Database, look: Lookups) -> None:
        self._database = database
        self.look = look

    # -- domains ---------------------------------------------------------------------------------------------------

    def add_domain(self, domain: str) -> str:
        """Receive mail for it; gives its canonical name.  Raises InvalidName, Exists."""
        name = canonical_domain(domain)
        with self._database.change():
            if self.look.is_local(name):
                raise Exists(f"the domain {name} exists already")
            self._database.do("INSERT INTO domains SELECT ?, coalesce(max(added), 0) + 1 FROM domains", name)
        return name

    def remove_domain(self, domain: str) -> str:
        """Raises InvalidName, NotFound, and NotAllowed while it has accounts or aliases."""
        name = canonical_domain(domain)
        with self._database.change():
            if users := len(self.look.accounts(name)):
                raise NotAllowed(f"{name} still has {users} account(s); remove them first")
            if aliases := len(self.look.aliases(name)):
                raise NotAllowed(f"{name} still has {aliases} alias(es); remove them first")
            if not self._database.do("DELETE FROM domains WHERE name = ?", name):
                raise NotFound(f"there is no domain {name}")
        return name

    # -- accounts --------------------------------------------------------------------------------------------------

    def add_account(
        self,
        text: str,
        password: str,
        quota_bytes: int = 0,
        quota_messages: int = 0,
        *,
        weak: bool = False,
        keep_scram: bool = True,
    ) -> str:
        """Gives the canonical name; ``weak`` takes any password (a demo), ``keep_scram`` is whether keys for SCRAM are
        kept beside its hash.  Raises InvalidName, NotFound (the domain), Exists."""
        name = account_name(text)
        prepared = prepare_password(password)
        if not weak:
            require_strong(prepared, name)
        hashed, scram = hash_password(prepared), make_keys(prepared) if keep_scram else ""
        with self._database.change():
            domain = self._require_domain(name)
            if self.look.has_account(name):
                raise Exists(f"the account {name} exists already")
            self._database.do(
                "INSERT INTO accounts (name, domain, added, password, quota_bytes, quota_messages, scram, keep_scram)"
                " SELECT ?, ?, coalesce(max(added), 0) + 1, ?, ?, ?, ?, ? FROM accounts",
                *(name, domain, hashed, quota_bytes, quota_messages, scram, keep_scram),
            )
        return name

    def set_password(self, text: str, password: str) -> str:
        """Hash and SCRAM keys change together; the APOP secret is another and stays.  Gives the canonical name.
        Raises InvalidName, NotFound."""
        name = account_name(text)
        prepared = prepare_password(password)
        require_strong(prepared, name)
        hashed, scram = hash_password(prepared), make_keys(prepared) if self.stored(name).keep_scram else ""
        with self._database.change():
            self._update(name, "password = ?, scram = CASE keep_scram WHEN 1 THEN ? ELSE '' END", hashed, scram)
        return name

    def keep_scram(self, text: str, wanted: bool) -> str:
        """Whether keys for SCRAM are kept.  Without, those that are there are deleted; with, they are made at the next
        login with the password.  Gives the canonical name.  Raises InvalidName, NotFound."""
        name = account_name(text)
        with self._database.change():
            self._update(name, "keep_scram = ?1, scram = CASE ?1 WHEN 1 THEN scram ELSE '' END", wanted)
        return name

    def set_apop_secret(self, text: str, secret: str) -> str:
        """Keep a secret for APOP as it is (RFC 1939 §7), empty for none.  Gives the canonical name.  Raises
        InvalidName, NotFound, and NotAllowed if it is the account's password, which must not lie here readable."""
        name = account_name(text)
        if secret:
            require_strong(secret, name)
            if verify_password(self.stored(name).password, prepared_or_same(secret)):
                raise NotAllowed("take another secret than the password: it is kept readable")
        with self._database.change():
            self._update(name, "apop = ?", secret)
        return name

    def disable(self, text: str, disabled: bool) -> str:
        """Let nobody log in, or again whoever has the password; mail comes in either case.  Gives the canonical name.
        Raises InvalidName, NotFound."""
        name = account_name(text)
        with self._database.change():
            self._update(name, "disabled = ?", disabled)
        return name

    def set_pop3(self, text: str, rules: Pop3Rules) -> str:
        """These in place of those that the account had.  Gives the canonical name.  Raises InvalidName, NotFound."""
        name = account_name(text)
        values = (None if each is msgspec.UNSET else each for each in (rules.login_delay, rules.expire_days))
        with self._database.change():
            self._update(name, "login_delay = ?, expire_days = ?", *values)
        return name

    def stored(self, text: str) -> Stored:
        """The account with what its owner logs in with.  Raises InvalidName, NotFound."""
        name = account_name(text)
        stored = self.look.stored(name)
        if stored is None:
            raise NotFound(f"there is no account {name}")
        return stored

    def _update(self, name: str, what: str, *values: object) -> None:
        """``what`` is SQL of this module.  Raises NotFound."""
        if not self._database.do(f"UPDATE accounts SET {what} WHERE name = ?{len(values) + 1}", *values, name):  # noqa: S608
            raise NotFound(f"there is no account {name}")

    def set_quota(self, text: str, octets: int | None, messages: int | None) -> Account:
        """New limits, 0 for none; None leaves one as it is.  Raises InvalidName, NotFound."""
        name = account_name(text)
        with self._database.change():
            if not self._database.do(
                "UPDATE accounts SET quota_bytes = coalesce(?, quota_bytes),"
                " quota_messages = coalesce(?, quota_messages) WHERE name = ?",
                *(octets, messages, name),
            ):
                raise NotFound(f"there is no account {name}")
            stored = self.look.stored(name)
        return stored.account if stored else Account(name)

    def remove_account(self, text: str) -> str:
        """Its mail stays on disk.  Raises InvalidName, NotFound."""
        name = account_name(text)
        with self._database.change():
            if not self._database.do("DELETE FROM accounts WHERE name = ?", name):
                raise NotFound(f"there is no account {name}")
        return name

    # -- aliases ---------------------------------------------------------------------------------------------------

    def add_alias(self, text: str, target_texts: Sequence[str]) -> Alias:
        """Lead ``text`` to these too.  Raises InvalidName, NotFound (the domain, a target here), Exists, NotAllowed."""
        source = alias_source(text)
        fresh = [mail_address(target) for target in target_texts]
        with self._database.change():
            self._require_domain(source)
            known = list(self.look.targets_of(source))
            for index, target in enumerate(fresh):
                if target in known or target in fresh[:index]:
                    raise Exists(f"the alias {source} leads to {target} already")
                self._require_end(target)
            if len(known) + len(fresh) > _MOST_TARGETS:
                raise NotAllowed(f"the alias {source} would lead to more than {_MOST_TARGETS} addresses")
            self._write_alias(source, fresh, len(known))
            self._require_way_out(source)
        return Alias(source, (*known, *fresh))

    def remove_alias(self, text: str, target_texts: Sequence[str] = ()) -> str:
        """The whole alias, or only these targets of it.  Raises InvalidName, NotFound."""
        source = alias_source(text)
        gone = [mail_address(target) for target in target_texts]
        with self._database.change():
            known = self.look.targets_of(source)
            if not known:
                raise NotFound(f"there is no alias {source}")
            for target in gone:
                if target not in known:
                    raise NotFound(f"the alias {source} does not lead to {target}")
            self._database.do("DELETE FROM aliases WHERE source = ?", source)
            self._write_alias(source, [target for target in known if gone and target not in gone], 0)
        return source

    def import_aliases(self, wanted: Sequence[Alias], only_try: bool = False) -> Mapping[str, str]:
        """Lead each of these (canonical) sources to exactly its targets.  All of them, or none where one cannot be:
        then it gives why, by source.  ``only_try``: none in any case."""
        faults: dict[str, str] = {}
        with contextlib.suppress(_Undone), self._database.change():
            for one in wanted:
                self._database.do("DELETE FROM aliases WHERE source = ?", one.source)
                self._write_alias(one.source, one.targets, 0)
            for one in wanted:  # they may lead to one another
                try:
                    self._require_domain(one.source)
                    for target in one.targets:
                        self._require_end(target)
                    self._require_way_out(one.source)
                except MailError as error:
                    faults[one.source] = str(error)
            if faults or only_try:
                raise _Undone
        return faults

    def _write_alias(self, source: str, targets: Sequence[str], position: int) -> None:
        domain = source.rpartition("@")[2]
        for offset, target in enumerate(targets):
            self._database.do("INSERT INTO aliases VALUES (?, ?, ?, ?)", source, position + offset, domain, target)

    def _require_domain(self, name: str) -> str:
        domain = name.rpartition("@")[2]
        if not self.look.is_local(domain):
            raise NotFound(f"there is no domain {domain} here; `mailsuite domain add {domain}` adds it")
        return domain

    def _require_end(self, target: str) -> None:
        """An alias to a name that does not exist here is a slip of the pen."""
        local, _, domain = target.rpartition("@")
        names = (target, f"{local.partition('+')[0]}@{domain}", f"@{domain}")
        if not self.look.is_local(domain) or any(self._is_known(name) for name in names):
            return
        raise NotFound(f"there is no account or alias {target} to lead to")

    def _require_way_out(self, source: str) -> None:
        """Aliases that lead to each other only would lose every sender's mail with 550."""
        local, _, domain = source.rpartition("@")
        if resolve(self.look, local, domain) == Unknown():
            raise NotAllowed(f"the alias {source} would lead round in a circle, to nobody")

    def _is_known(self, name: str) -> bool:
        return self.look.has_account(name) or bool(self.look.targets_of(name))
