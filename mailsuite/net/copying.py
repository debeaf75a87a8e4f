"""A message at rest, once more as a draft: where it is committed again, for somebody else or later."""

from __future__ import annotations

from mailsuite.interfaces import IBody, IDelivery, IDraft

#: Octets copied at a time.
_PIECE = 1 << 20


async def copied(body: IBody, delivery: IDelivery) -> IDraft:
    """A new draft with all of it; MailError, and no draft is left."""
    draft, offset = delivery.draft(), 0
    try:
        while piece := await body.read_at(offset, _PIECE):
            written = draft.write(piece)
            if written is not None:
                await written
            offset += len(piece)
    except BaseException:
        draft.discard()
        raise
    return draft
