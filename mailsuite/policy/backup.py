"""Domains of others whose mail this server takes in for them: a backup MX, or the gate before an inner server.

With a list of who has mail there, everybody else is refused at RCPT.  Without one this server would take any mail and
then have to tell forged senders that nobody wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import idna
from twisted.internet.defer import Deferred

from mailsuite.errors import InvalidName
from mailsuite.model import Address, Client, Refuse, Remote, Resolution, Status, Verdict
from mailsuite.policy.checks import ACCEPT, Answer, Check

#: Addresses (``user@domain``, ``@domain`` for everybody there), lower case.
Recipients: TypeAlias = frozenset[str]
#: A list as it is now.
List: TypeAlias = Callable[[], Recipients | Deferred[Recipients]]

_UNKNOWN = Refuse(Status(5, 1, 1), "No such user there; check the address")


def parse_recipients(text: str) -> Recipients:
    """One address a line; what follows it on its line means nothing, so that a table of Postfix will do.  InvalidName
    for a line without one."""
    return frozenset(name for name, _ in _entries(text))


def line_of(text: str, recipient: Address) -> int:
    """The line that has it that there is such a recipient; 0 if there is none.  InvalidName as above."""
    found = dict(reversed(list(_entries(text))))  # of two the first
    return next((found[name] for name in _names(recipient) if name in found), 0)


def _entries(text: str) -> Iterator[tuple[str, int]]:
    """Each with its line."""
    for number, line in enumerate(text.splitlines(), 1):
        word = line.partition("#")[0].split()[:1]
        if not word:
            continue
        if "@" not in word[0] or word[0].endswith("@"):
            raise InvalidName(f"line {number}: {word[0]!r} is not an address: user@example.org, or @example.org")
        yield _known(word[0], number), number


def _known(text: str, line: int) -> str:
    """As it is looked up: lower case, the domain as A-labels."""
    local, _, domain = text.lower().rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise InvalidName(f"line {line}: {text!r} is not an address: {error}") from None
    return f"{local}@{domain}"


def everybody() -> Recipients:
    """The list of those who have none is not asked."""
    return frozenset()


class Backup(Check):
    """``lists`` has the list of each domain, ``everybody`` where there is none; a domain ``.example.org`` is meant with
    those below it."""

    def __init__(self, lists: Sequence[tuple[str, List]]) -> None:
        self._lists = dict(lists)
        self.name = "backup" if lists else ""

    @property
    def lists(self) -> Sequence[List]:
        """Each of them once."""
        return list(dict.fromkeys(self._lists.values()))

    def takes(self, domain: str) -> bool:
        """Whether mail for it is taken from anybody."""
        return self._list_of(domain) is not None

    def at_recipient(
        self, client: Client, sender: Address, recipient: Address, resolution: Resolution, size: int
    ) -> Answer:
        if not isinstance(resolution, Remote):
            return ACCEPT
        wanted = self._list_of(recipient.domain)
        if wanted is None or wanted is everybody or recipient.local.lower() == "postmaster":  # RFC 5321 §4.5.1
            return ACCEPT
        known = wanted()
        if isinstance(known, Deferred):
            return known.addCallback(_verdict, recipient)
        return _verdict(known, recipient)

    def _list_of(self, domain: str) -> List | None:
        name = domain.lower()
        found = self._lists.get(name) or self._lists.get("." + name)
        while found is None and "." in name:
            name = name.partition(".")[2]
            found = self._lists.get("." + name)
        return found


def _verdict(known: Recipients, recipient: Address) -> Verdict:
    return ACCEPT if any(name in known for name in _names(recipient)) else _UNKNOWN


def _names(recipient: Address) -> tuple[str, ...]:
    """What of a list the recipient goes by, what is most his own first."""
    local, domain = recipient.local.lower(), recipient.domain.lower()
    return (f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}", f"@{domain}")
