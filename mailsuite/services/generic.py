"""Mail for other servers under addresses that mean something there (ICourier around another one).

Postfix's smtp_generic_maps: envelope and header, senders and recipients, each time a message is sent; what lies in the
queue stays as it is, and outcomes name the addresses that are known here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.directory.address_map import AddressMap
from mailsuite.errors import MailError
from mailsuite.interfaces import IBody, ICourier
from mailsuite.mime.rewrite import rewrite
from mailsuite.model import Address, Delayed, Envelope, Hop, Outcome, Recipient, Status
from mailsuite.net.reheaded import MAX_READ, ReheadedBody
from mailsuite.net.smtp_client import Courier
from mailsuite.services.rewriting import Table


@implementer(ICourier)
class GenericCourier:
    """``table`` gives the addresses, ``beyond`` carries."""

    def __init__(self, table: Table, beyond: Courier) -> None:
        self._table = table
        self._beyond = beyond

    def deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Deferred[Sequence[Outcome]]:
        return Deferred.fromCoroutine(self._deliver(hop, envelope, recipients, body))

    def close(self) -> None:
        """End every connection at once."""
        self._beyond.close()

    async def _deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Sequence[Outcome]:
        try:
            known = self._table()
            table = await known if isinstance(known, Deferred) else known
            shown = await _with_header(body, table)
        except MailError as error:
            return [Delayed(one.address, Status(4, 3, 0), str(error), hop.host) for one in recipients]
        sender, theirs = _exchanged(table, envelope.sender), [_recipient(table, one) for one in recipients]
        own = msgspec.structs.replace(envelope, sender=sender)
        outcomes = await self._beyond.deliver(hop, own, theirs, shown)
        return [
            msgspec.structs.replace(outcome, recipient=one.address)
            for one, outcome in zip(recipients, outcomes, strict=True)
        ]


def _exchanged(table: AddressMap, address: Address) -> Address:
    found = table.exchange(address)
    return address if found is None else found.address


def _recipient(table: AddressMap, recipient: Recipient) -> Recipient:
    path = recipient.return_path and _exchanged(table, recipient.return_path)
    return msgspec.structs.replace(recipient, address=_exchanged(table, recipient.address), return_path=path)


async def _with_header(body: IBody, table: AddressMap) -> IBody:
    """Closing ``body`` closes it, too.  A header that is longer than bodies show stays as it is."""
    old = await body.header()

    def change(address: Address) -> Address:
        return _exchanged(table, address)

    new = old if len(old) >= MAX_READ else rewrite(old, change, change)
    return body if new is old else ReheadedBody(body, len(old), new)
