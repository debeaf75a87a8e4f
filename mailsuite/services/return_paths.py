"""Which return path mail for other servers leaves with, where that is not its sender's address.

What is forwarded gets one of our own (``directory.srs``), unless its sender is at home here; what certain senders send
gets one for each recipient (VERP), so that even a bounce that names nobody tells who it was: from
``list-owner@us.test`` to ``ann@b.test`` it is ``list-owner+ann=b.test@us.test``, which is ``list-owner`` with a detail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

import msgspec
from twisted.internet.defer import Deferred

from mailsuite.directory.srs import Srs
from mailsuite.model import Address, Destination, Envelope, Recipient, Remote, Resolution, ToRemote

#: Octets of a local part beyond which the sender's own address is better.
_LONGEST = 256
_DAY = 86_400

#: Who gets the message, with the return path for each.
Choose: TypeAlias = Callable[[Envelope, Sequence[Destination]], Sequence[Destination] | Deferred[Sequence[Destination]]]


def senders_own(envelope: Envelope, destinations: Sequence[Destination]) -> Sequence[Destination]:
    """The sender's address, for everybody."""
    return destinations


class ReturnPaths:
    """``resolve`` tells who is at home here (``IDirectory``); ``verp`` are senders, in lower case; ``seconds`` since
    the epoch.  Of the two, VERP goes first: those senders are ours."""

    def __init__(
        self,
        resolve: Callable[[Address], Deferred[Resolution]],
        seconds: Callable[[], float],
        srs: Srs | None = None,
        verp: Collection[str] = (),
    ) -> None:
        self._resolve = resolve
        self._seconds = seconds
        self._srs = srs
        self._verp = frozenset(verp)

    def choose(
        self, envelope: Envelope, destinations: Sequence[Destination]
    ) -> Sequence[Destination] | Deferred[Sequence[Destination]]:
        """Fails with ``Temporary``."""
        sender = envelope.sender
        if sender.is_null:
            return destinations
        if self._verp and str(sender).lower() in self._verp:
            return [_verp(sender, to) if isinstance(to, ToRemote) else to for to in destinations]
        if self._srs is not None and any(isinstance(to, ToRemote) and to.forwarded for to in destinations):
            return Deferred.fromCoroutine(self._rewritten(self._srs, sender, destinations))
        return destinations

    async def _rewritten(self, srs: Srs, sender: Address, destinations: Sequence[Destination]) -> Sequence[Destination]:
        # Anybody there will do, but for postmaster, who is at home at our host name, too.
        if not isinstance(await self._resolve(Address("mailer-daemon", sender.domain)), Remote):
            return destinations
        path = srs.forward(sender, int(self._seconds() // _DAY))
        if path == sender:
            return destinations
        return [_by(path, to) if isinstance(to, ToRemote) and to.forwarded else to for to in destinations]


def _verp(sender: Address, to: ToRemote) -> ToRemote:
    recipient = to.recipient.address
    local = f"{sender.local}+{recipient.local}={recipient.domain}"
    return _by(Address(local, sender.domain), to) if len(local.encode()) <= _LONGEST else to


def _by(path: Address, to: ToRemote) -> ToRemote:
    recipient: Recipient = msgspec.structs.replace(to.recipient, return_path=path)
    return msgspec.structs.replace(to, recipient=recipient)
