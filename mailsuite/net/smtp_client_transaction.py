"""From an envelope to what one transaction with one host says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailsuite.model import Envelope, Recipient
from mailsuite.net.smtp_client_message import Outgoing
from mailsuite.smtp.client_events import By, Transaction
from mailsuite.smtp.client_fit import limit


def transaction(envelope: Envelope, recipients: Sequence[Recipient], outgoing: Outgoing, now: float) -> Transaction:
    """All ``recipients`` have the same return path; ``now`` in epoch seconds."""
    return Transaction(
        recipients[0].return_path or envelope.sender,
        tuple(recipients),
        outgoing.size,
        outgoing.eight_bit,
        envelope.smtputf8,
        utf8_header=envelope.smtputf8 and outgoing.eight_bit_header,
        envid=envelope.envid,
        ret=envelope.ret,
        require_tls=envelope.require_tls,
        priority=envelope.priority,
        by=_by(envelope, now),
    )


def _by(envelope: Envelope, now: float) -> By | None:
    """RFC 2852 §4.1.4: the time that is left."""
    wanted = envelope.deliver_by
    return None if wanted is None else By(int(wanted.deadline - now), wanted.returned, wanted.traced)


def as_many_as(recipients: Sequence[Recipient], extensions: Mapping[str, str], otherwise: int) -> Sequence[Recipient]:
    """The first recipients, as many as one transaction takes: those with one return path; RFC 9422 §4, RCPTMAX and
    RCPTDOMAINMAX."""
    if len(recipients) == 1:
        return recipients
    most = min(limit(extensions, "RCPTMAX", otherwise), otherwise)
    domains = limit(extensions, "RCPTDOMAINMAX", most)
    seen: set[str] = set()
    for count, recipient in enumerate(recipients[:most]):
        seen.add(recipient.address.domain)
        if len(seen) > domains or recipient.return_path != recipients[0].return_path:
            return recipients[:count]
    return recipients[:most]
