"""Whose addresses a user may send from: those of the account, and aliases that lead to it (RFC 6409 §6.1).

Asked of clients that have logged in.  The null sender is everybody's: read receipts have it (RFC 8098 §3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from twisted.internet.defer import Deferred

from mailsuite.mime import addresses
from mailsuite.mime.header import all_values
from mailsuite.model import Address, Client, Envelope, Forward, Local, Refuse, Resolution, Status, Verdict
from mailsuite.policy.checks import ACCEPT, Answer, Check

#: Where mail for an address goes (``IDirectory.resolve``).
Resolve: TypeAlias = Callable[[Address], Deferred[Resolution]]
#: Addresses of a From field that are looked up; RFC 5322 has no limit, people have one.
MOST_AUTHORS = 20

_NOT_YOURS = Status(5, 7, 1)


class OwnAddresses(Check):
    """``resolve`` is the directory's; ``free`` are accounts that may use any address; ``authors``: the From field is
    looked at, too."""

    name = "sender"

    def __init__(self, resolve: Resolve, free: Iterable[str] = (), authors: bool = False) -> None:
        self._resolve = resolve
        self._free = frozenset(name.lower() for name in free)
        self._authors = authors

    def at_sender(self, client: Client, sender: Address, size: int) -> Answer:
        if self._may(client, sender):
            return ACCEPT
        return Deferred.fromCoroutine(self._ask(client.account, [sender], "send from"))

    def at_message(self, client: Client, envelope: Envelope, header: bytes, size: int) -> Answer:
        if not self._authors or not client.account or client.account in self._free:
            return ACCEPT
        authors = [author for author in _authors(header) if not self._may(client, author)]
        if len(authors) > MOST_AUTHORS:
            return Refuse(_NOT_YOURS, f"More than {MOST_AUTHORS} addresses in the From field")
        return Deferred.fromCoroutine(self._ask(client.account, authors, "write From")) if authors else ACCEPT

    def _may(self, client: Client, address: Address) -> bool:
        """What is clear without the directory."""
        account = client.account
        return not account or account in self._free or address.is_null or str(address).lower() == account

    async def _ask(self, account: str, wanted: Iterable[Address], what: str) -> Verdict:
        for address in wanted:
            if not _leads_to(await self._resolve(address), account):
                return Refuse(
                    _NOT_YOURS, f"You are logged in as {account} and cannot {what} <{address}>; use an address of yours"
                )
        return ACCEPT


def _leads_to(resolution: Resolution, account: str) -> bool:
    match resolution:
        case Local(account=found):
            return found == account
        case Forward(accounts=accounts):
            return any(local.account == account for local in accounts)
    return False


def _authors(header: bytes) -> list[Address]:
    found: list[addresses.Mailbox] = []
    for value in all_values(header, b"from"):
        for entry in addresses.parse(value):
            found.extend(entry.members if isinstance(entry, addresses.Group) else (entry,))
    return [Address(_text(mailbox.local), _text(mailbox.domain).lower()) for mailbox in found]


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
