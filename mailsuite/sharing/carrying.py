"""Copies messages from one account to another: read, written into drafts, appended as one.

All or none, in one append; a move appends before it expunges, so a crash between leaves a message twice and never
loses one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from mailsuite.errors import Expunged, TooMany
from mailsuite.interfaces import IBody, IDraft, IMailbox, IMailStore
from mailsuite.model import Copied, Flags
from mailsuite.sharing.permission import permitted

#: Messages in one command between accounts.
MAX_CARRIED = 1000
_PIECE = 1 << 18

_Letter = tuple[IDraft, Flags, float]


async def carry(
    source: IMailbox, uids: Sequence[int], store: IMailStore, target: str, rights: str, drafts: Callable[[], IDraft]
) -> Copied:
    """Into the mailbox that ``store`` calls ``target``, with the flags that ``rights`` allow there."""
    if len(uids) > MAX_CARRIED:
        raise TooMany(f"at most {MAX_CARRIED} messages go from one account to another at a time")
    letters: list[_Letter] = []
    sources: list[int] = []
    try:
        for row in await source.fetch(uids, ("flags", "date")):
            flags, date = cast(Flags, row.items[0]), cast(float, row.items[1])
            draft = drafts()
            letters.append((draft, permitted(flags, rights), date))
            if await _written(source, row.uid, draft):
                sources.append(row.uid)
            else:
                letters.pop()
                draft.discard()
        if not letters:
            return Copied(0, (), ())
        appended = await store.append(target, letters)
    finally:
        for draft, _, _ in letters:
            draft.discard()
    return Copied(appended[0].uidvalidity, tuple(sources), tuple(each.uid for each in appended))


async def _written(source: IMailbox, uid: int, draft: IDraft) -> bool:
    """False for a message that is gone."""
    try:
        body: IBody = await source.body(uid)
    except Expunged:
        return False
    try:
        for offset in range(0, body.size, _PIECE):
            written = draft.write(await body.read_at(offset, _PIECE))
            if written is not None:
                await written
    except Expunged:
        return False
    finally:
        body.close()
    return True
