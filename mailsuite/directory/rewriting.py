"""What becomes of addresses in mail that comes in: canonical ones, and host names that nobody is to see (IRewrites).

Rules are asked one after the other, each about what the one before it made.  Senders go through all of them, recipients
in the header too; a recipient in the envelope keeps its host, which mail has to find.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from zope.interface import implementer

from mailsuite.directory.address_map import Exchange
from mailsuite.directory.names import canonical_domain, canonical_local
from mailsuite.interfaces import IRewrites
from mailsuite.mime.rewrite import rewrite
from mailsuite.model import Address, Client


class Rule(Protocol):
    #: How often it is asked about what it made itself.
    most_steps: int

    def exchange(self, address: Address) -> Exchange | None:
        """None if it is not about that address."""


class Masquerade:
    """``domains`` stand for all below them, the first that fits decides; ``!domain`` is left as it is.  ``exceptions``
    are local parts."""

    most_steps = 1

    def __init__(self, domains: Sequence[str], exceptions: Collection[str] = ()) -> None:
        """InvalidName."""
        self._domains = [(entry, canonical_domain(entry.removeprefix("!"))) for entry in domains]
        self._exceptions = frozenset(map(canonical_local, exceptions))

    def exchange(self, address: Address) -> Exchange | None:
        if address.is_null or canonical_local(address.local) in self._exceptions:
            return None
        domain = address.domain.lower()
        for entry, shown in self._domains:
            if domain == shown or domain.endswith("." + shown):
                return Exchange(address if entry.startswith("!") else Address(address.local, shown), entry)
        return None


@implementer(IRewrites)
class Rewriting:
    """``masquerade`` rules follow those for senders and, in the header, for recipients.  ``is_ours`` says whose headers
    are rewritten."""

    def __init__(
        self,
        senders: Sequence[Rule] = (),
        recipients: Sequence[Rule] = (),
        masquerade: Sequence[Rule] = (),
        is_ours: Callable[[Client], bool] = lambda client: True,
    ) -> None:
        self._senders = (*senders, *masquerade)
        self._recipients = tuple(recipients)
        self._shown = (*recipients, *masquerade)
        self.is_ours = is_ours

    def sender(self, address: Address) -> Address:
        return _last(self.of_sender(address), address)

    def recipient(self, address: Address) -> Address:
        return _last(self.of_recipient(address), address)

    def header(self, block: bytes, client: Client) -> bytes:
        if not self.is_ours(client):
            return block
        return rewrite(block, self.sender, lambda address: _last(exchanges(self._shown, address), address))

    def of_sender(self, address: Address) -> list[Exchange]:
        """What happens to it, step by step."""
        return exchanges(self._senders, address)

    def of_recipient(self, address: Address) -> list[Exchange]:
        """The same, in the envelope."""
        return exchanges(self._recipients, address)


def exchanges(rules: Sequence[Rule], address: Address) -> list[Exchange]:
    """Those that ``rules`` make, each of what the one before it made."""
    made: list[Exchange] = []
    for rule in rules:
        seen = {address}
        for _ in range(rule.most_steps):
            if (one := rule.exchange(address)) is None:
                break
            made.append(one)
            address = one.address
            if address in seen:  # it stays, or goes in a circle
                break
            seen.add(address)
    return made


def _last(made: Sequence[Exchange], address: Address) -> Address:
    return made[-1].address if made else address
