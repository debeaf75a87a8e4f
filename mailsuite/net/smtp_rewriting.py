"""A message that comes in, with addresses exchanged for others (IRewrites): its recipients, and its header.

Shared by all that takes mail in.  Refusals and policy about senders go by what the client said; where the message goes,
by what that became.
"""

from __future__ import annotations

import msgspec
from twisted.internet.defer import Deferred

from mailsuite.interfaces import IDelivery, IDirectory, IDraft, IRewrites
from mailsuite.model import Address, Client, Envelope, Forward, Recipient, Remote, Resolution
from mailsuite.net.copying import copied
from mailsuite.net.smtp_transaction import original_of


def rewritten(rewrites: IRewrites, recipient: Recipient) -> Recipient:
    """The same where nothing changes; else notices go on naming the address that the sender knows (RFC 3461 §4.2)."""
    address = rewrites.recipient(recipient.address)
    if address is recipient.address or address == recipient.address:
        return recipient
    original = recipient.original or original_of(recipient.address)
    return msgspec.structs.replace(recipient, address=address, original=original)


def rewritten_envelope(rewrites: IRewrites, envelope: Envelope) -> Envelope:
    """The same where nothing changes."""
    sender = rewrites.sender(envelope.sender)
    recipients = tuple(rewritten(rewrites, one) for one in envelope.recipients)
    if sender == envelope.sender and recipients == envelope.recipients:
        return envelope
    return msgspec.structs.replace(envelope, sender=sender, recipients=recipients)


def resolved(directory: IDirectory, given: Address, address: Address) -> Deferred[Resolution]:
    """Where mail for ``given`` leads, which became ``address``."""
    if address is given or address == given:
        return directory.resolve(address)
    return Deferred.fromCoroutine(_resolved(directory, given, address))


async def _resolved(directory: IDirectory, given: Address, address: Address) -> Resolution:
    """An address of ours that became one elsewhere is an alias for it, which asks nobody for the right to relay."""
    found: Resolution = await directory.resolve(address)
    if isinstance(found, Remote) and not isinstance(await directory.resolve(given), Remote):
        return Forward((), (address,))
    return found


def rewritten_header(block: bytes, draft: IDraft, rewrites: IRewrites, client: Client) -> bytes:
    """What ``block``, the draft's header, becomes; the same object where nothing changes, and where the whole header is
    longer than drafts show."""
    changed = rewrites.header(block, client)
    is_whole = changed is block or block.endswith(b"\r\n\r\n") or len(block) == draft.size or block == b"\r\n"
    return changed if is_whole else block


async def with_header(draft: IDraft, delivery: IDelivery, old: bytes, new: bytes) -> IDraft:
    """A new draft with ``new`` where ``old`` was; ``draft`` is discarded.  MailError, and no new one is left."""
    body = await draft.body()
    try:
        return await copied(body, delivery, new, len(old))
    finally:
        body.close()
        draft.discard()
