"""A message at rest, once more as a draft: where it is committed again, for somebody else or later, or changed."""

from __future__ import annotations

from mailsuite.interfaces import IBody, IDelivery, IDraft

#: Octets copied at a time.
_PIECE = 1 << 20


async def copied(body: IBody, delivery: IDelivery, head: bytes = b"", start: int = 0) -> IDraft:
    """A new draft with all of it, ``head`` in place of what is before ``start``; MailError, and no draft is left."""
    draft, offset = delivery.draft(), start
    try:
        await written(draft, head)
        while piece := await body.read_at(offset, _PIECE):
            await written(draft, piece)
            offset += len(piece)
    except BaseException:
        draft.discard()
        raise
    return draft


async def written(draft: IDraft, data: bytes) -> None:
    """Done when the draft takes more."""
    writing = draft.write(data) if data else None
    if writing is not None:
        await writing
