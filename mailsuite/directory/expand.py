"""Follows an address to its ends: accounts here and addresses elsewhere.  Pure; the look-ups are an argument.

Order: an alias of exactly that name, an account of that name, the same two without the ``+detail``, a stand-in for
postmaster, the domain's catch-all.  An alias that names itself, directly or round a loop, means the account of that
name, so ``alice -> alice, bob`` keeps a copy; where there is no such account the loop is simply cut.
``postmaster`` at this server's own name is that of the default domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mailsuite.directory.names import canonical_local, split_address
from mailsuite.errors import Temporary
from mailsuite.model import Forward, Local, Remote, Resolution, Unknown

#: Aliases in a row that lead to aliases, and ends of one address; past them the directory needs mending.
MOST_STEPS, MOST_ENDS = 32, 5000


class Lookup(Protocol):
    """What the expansion asks.  Names are canonical."""

    def is_local(self, domain: str) -> bool: ...

    def is_host(self, domain: str) -> bool:
        """Whether it is this server's own name."""
        ...

    def default_domain(self) -> str:
        """The domain of an address without one; empty if there is none."""
        ...

    def has_account(self, name: str) -> bool: ...

    def targets_of(self, source: str) -> Sequence[str]:
        """Where an alias leads, in order; empty if there is no such alias."""
        ...

    def postmaster_of(self, domain: str) -> str:
        """Who stands in for a missing postmaster: an address, or empty."""
        ...


def resolve(lookup: Lookup, local: str, domain: str) -> Resolution:
    """Where mail for ``local`` at a canonical domain goes.  Raises Temporary when an alias exceeds the bounds."""
    name = f"{canonical_local(local)}@{domain}"
    if not lookup.is_local(domain) and not _host_postmaster(lookup, name):
        return Remote()
    ends = _Ends(lookup)
    ends.follow(name, local.partition("+")[2], 0)
    accounts = tuple(Local(account, detail) for account, detail in ends.accounts.items())
    if accounts and not ends.aliased:
        return accounts[0]
    if not accounts and not ends.addresses:
        return Unknown()
    return Forward(accounts, tuple(split_address(address) for address in ends.addresses))


def _host_postmaster(lookup: Lookup, name: str) -> str:
    """RFC 5321 §4.5.1: postmaster at a server's own name is taken too, though nobody else there is: the address that
    stands for it, or empty if ``name`` is something else."""
    local, _, domain = name.rpartition("@")
    if local.partition("+")[0] != "postmaster" or not lookup.is_host(domain):
        return ""
    default = lookup.default_domain()
    return f"postmaster@{default}" if default != domain and lookup.is_local(default) else ""


class _Ends:
    """The ends of one address, collected depth first.  Dicts keep the order and drop repeats."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._open: set[str] = set()
        self._done: set[str] = set()
        self.accounts: dict[str, str] = {}
        self.addresses: dict[str, None] = {}

    @property
    def aliased(self) -> bool:
        """Whether any alias was followed."""
        return bool(self._done)

    def follow(self, name: str, detail: str, steps: int) -> None:
        """Add the ends of ``name``; ``detail`` is what the address before it had behind its plus sign."""
        local, _, domain = name.rpartition("@")
        if not self._lookup.is_local(domain):
            self._follow_elsewhere(name, steps)
            return
        plain, plus, own = local.partition("+")
        if self._follow_known(name, "" if plus else detail, steps):
            return
        if plus and plain:
            name = f"{plain}@{domain}"
            if self._follow_known(name, detail or own, steps):
                return
        self._follow_fallback(name, detail or own, steps)

    def _follow_elsewhere(self, name: str, steps: int) -> None:
        stand_in = _host_postmaster(self._lookup, name)
        if not stand_in:
            self._add(self.addresses, name, None)
        elif name not in self._open and name not in self._done:
            self._follow_alias(name, (stand_in,), "", steps)

    def _follow_known(self, name: str, detail: str, steps: int) -> bool:
        """Whether there is an alias or an account of that name."""
        if name in self._done:
            return True
        looping = name in self._open
        targets = () if looping else self._lookup.targets_of(name)
        if targets:
            self._follow_alias(name, targets, detail, steps)
        elif self._lookup.has_account(name):
            self._add(self.accounts, name, detail)
        else:
            return looping
        return True

    def _follow_fallback(self, name: str, detail: str, steps: int) -> None:
        """Nobody of that name: RFC 5321 §4.5.1 wants a postmaster all the same; then the catch-all."""
        local, _, domain = name.rpartition("@")
        stand_in = self._lookup.postmaster_of(domain) if local == "postmaster" else ""
        if stand_in:
            self._follow_alias(name, (stand_in,), detail, steps)
            return
        catch_all = f"@{domain}"
        if catch_all not in self._open and catch_all not in self._done:
            self._follow_alias(catch_all, self._lookup.targets_of(catch_all), detail, steps)

    def _follow_alias(self, source: str, targets: Sequence[str], detail: str, steps: int) -> None:
        if steps > MOST_STEPS:
            raise Temporary("an alias leads through too many others")
        self._open.add(source)
        for target in targets:
            self.follow(target, detail, steps + 1)
        self._open.remove(source)
        self._done.add(source)

    def _add(self, ends: dict[str, str] | dict[str, None], name: str, detail: str | None) -> None:
        if len(self.accounts) + len(self.addresses) >= MOST_ENDS:
            raise Temporary("an alias leads to too many addresses")
        ends.setdefault(name, detail)  # type: ignore[arg-type]
