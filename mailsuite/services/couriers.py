"""One courier for each way of speaking to a next hop (ICourier), and the one that keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailsuite.interfaces import IBody, ICourier
from mailsuite.model import Delivered, Envelope, Hop, Outcome, Recipient
from mailsuite.net.smtp_client import Courier
from mailsuite.routing.transports import DISCARD
from mailsuite.services.generic import GenericCourier

#: They have ``close()`` in common.
Carrying: TypeAlias = Courier | GenericCourier


@implementer(ICourier)
class Couriers:
    """``by_transport`` has one under the empty name.  A login for one host is never shown to another."""

    def __init__(self, by_transport: Mapping[str, Carrying]) -> None:
        self._by_transport = by_transport

    def deliver(
        self, hop: Hop, envelope: Envelope, recipients: Sequence[Recipient], body: IBody
    ) -> Deferred[Sequence[Outcome]]:
        if hop.transport == DISCARD:
            return succeed([Delivered(one.address, hop.host, "discarded", dsn=True) for one in recipients])
        return self._by_transport[hop.transport].deliver(hop, envelope, recipients, body)

    def close(self) -> None:
        """End every connection at once."""
        for courier in self._by_transport.values():
            courier.close()
