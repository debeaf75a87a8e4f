"""The single checks of a session, one class each; ``policy.ordered`` asks them in order.

A check overrides the points where it has something to say and answers at once, or with a Deferred where it must ask
somebody.  Checks know the session only by their arguments and keep no state of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from twisted.internet.defer import Deferred

from mailsuite.model import (
    Accept,
    Address,
    Client,
    Envelope,
    Forward,
    Later,
    Local,
    Refuse,
    Remote,
    Resolution,
    Status,
    Unknown,
    Verdict,
)

Answer: TypeAlias = Verdict | Deferred[Verdict]
ACCEPT = Accept()

_NO_SUCH_USER = Refuse(Status(5, 1, 1), "No such user here; check the address")
_RELAY_DENIED = Refuse(Status(5, 7, 1), "Relaying is not permitted: log in, or send to the recipient's own server")
_TOO_BIG = Refuse(Status(5, 3, 4), "The message is too big; send less at once")
_LOOP = Refuse(Status(5, 4, 6), "Routing loop: the message has been through too many servers")
_FULL = Later(Status(4, 2, 2), "The mailbox is full; try again later, or reach its owner by other means")

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)


class Check:
    """Nothing against anything: what a check does not override.  ``name``: what it looks at, in a word; empty if it is
    to look at nothing."""

    name = ""

    def at_connect(self, client: Client) -> Answer:
        return ACCEPT

    def at_greeting(self, client: Client) -> Answer:
        return ACCEPT

    def at_sender(self, client: Client, sender: Address, size: int) -> Answer:
        return ACCEPT

    def at_recipient(
        self, client: Client, sender: Address, recipient: Address, resolution: Resolution, size: int
    ) -> Answer:
        return ACCEPT

    def at_message(self, client: Client, envelope: Envelope, header: bytes, size: int) -> Answer:
        return ACCEPT


class RelayRights(Check):
    """Mail for other domains only from trusted networks and from whoever has logged in; unknown users here never.

    An alias that leads elsewhere is the administrator's own choice and asks for no rights; nor do the domains that this
    server ``takes`` for others.
    """

    name = "relay"

    def __init__(self, takes: Callable[[str], bool] = lambda domain: False) -> None:
        self._takes = takes

    def at_recipient(
        self, client: Client, sender: Address, recipient: Address, resolution: Resolution, size: int
    ) -> Answer:
        match resolution:
            case Unknown():
                return _NO_SUCH_USER
            case Remote() if not client.trusted and not client.account and not self._takes(recipient.domain):
                return _RELAY_DENIED
        return ACCEPT


class Size(Check):
    """Messages of at most ``limit`` octets, as declared and as they came."""

    name = "size"

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def at_sender(self, client: Client, sender: Address, size: int) -> Answer:
        return _TOO_BIG if size > self._limit else ACCEPT

    def at_message(self, client: Client, envelope: Envelope, header: bytes, size: int) -> Answer:
        return _TOO_BIG if size > self._limit else ACCEPT


class Loop(Check):
    """A message with ``hops`` Received fields goes round in circles (RFC 5321 §6.3: at least 100)."""

    name = "loop"

    def __init__(self, hops: int) -> None:
        self._hops = hops

    def at_message(self, client: Client, envelope: Envelope, header: bytes, size: int) -> Answer:
        if header.lower().count(b"received") < self._hops:  # tens of times cheaper than to look for fields
            return ACCEPT
        return _LOOP if len(_RECEIVED.findall(header)) >= self._hops else ACCEPT


#: Whether an account (canonical name) has room for that many octets more.
Room: TypeAlias = Callable[[str, int], bool | Deferred[bool]]


class Quota(Check):
    """Full mailboxes refuse at RCPT, where the sender learns whose it is.  Only when every account that an address
    leads to is full: a list with one full mailbox still takes mail."""

    name = "quota"

    def __init__(self, room: Room) -> None:
        self._room = room

    def at_recipient(
        self, client: Client, sender: Address, recipient: Address, resolution: Resolution, size: int
    ) -> Answer:
        match resolution:
            case Local(account=account):
                accounts: tuple[str, ...] = (account,)
            case Forward(accounts=found, addresses=()):
                accounts = tuple(local.account for local in found)
            case _:
                return ACCEPT
        return self._ask(accounts, size)

    def _ask(self, accounts: tuple[str, ...], size: int) -> Answer:
        for n, account in enumerate(accounts):
            room = self._room(account, size)
            if isinstance(room, Deferred):
                return Deferred.fromCoroutine(self._go_on(room, accounts[n + 1 :], size))
            if room:
                return ACCEPT
        return _FULL

    async def _go_on(self, room: Deferred[bool], others: tuple[str, ...], size: int) -> Verdict:
        if await room:
            return ACCEPT
        answer = self._ask(others, size)
        return await answer if isinstance(answer, Deferred) else answer
