"""FETCH of messages themselves: small ones by the group, large ones in pieces.

One job in a thread reads as many small messages as make a piece of the answer; while that goes out the next is read.
A large message goes from its file straight onto the wire, and so does one of which so much is asked that it becomes
large: sections may overlap.  Between pieces the transport must have room again, and other connections get a turn.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from mailsuite.errors import Expunged, MailError, TooBig
from mailsuite.imap.rows import Plan
from mailsuite.model import Fetched
from mailsuite.net import imap_columns
from mailsuite.net import imap_sections as sections
from mailsuite.net.imap_ahead import Ahead
from mailsuite.net.imap_session import Session

#: Octets of the small messages that are read in one job, first and at most: what a client takes doubles, so one that
#: does not read costs little, and one that does waits for few jobs.
FIRST_OCTETS, TOGETHER_OCTETS = 256 * 1024, 768 * 1024
#: How many messages are asked for first and at most.
FIRST, TOGETHER = 32, 512
#: Octets that the sections of one message may be in memory.
AT_HAND = 2 * 1024 * 1024


class _Group(msgspec.Struct, frozen=True):
    """What the index has of messages, and the octets of the first of them or why there are none."""

    found: Fetched
    texts: Sequence[bytes | MailError]


class Bodies:
    """The answer to a FETCH with sections of these messages."""

    def __init__(self, session: Session, plan: Plan, uids: Sequence[int]) -> None:
        self._session = session
        self._plan = plan
        self._uids = uids
        self._at = 0
        self._sent = 0
        self._count, self._octets = FIRST, FIRST_OCTETS

    async def send(self) -> int:
        """How many messages were there."""
        if len(self._uids) == 1:
            await self._send_one()
            return self._sent
        ahead = Ahead(self._read)
        try:
            while (group := await ahead.next()) is not None:
                await self._answer(group)
                if group.found.uids[len(group.texts) - 1 :] != [self._uids[-1]]:
                    await self._session.breathe()
        finally:
            ahead.close()
        return self._sent

    async def _send_one(self) -> None:
        selection = self._session.selection
        found = await imap_columns.fetch(self._session, self._plan, self._plan.wanted, self._uids)
        if found.uids:
            text = await self._session.following.octets(selection.mailbox, selection.view, found.uids[0])
            await self._answer(_Group(found, (text,)))

    async def _read(self) -> _Group | None:
        """The next of them."""
        batch = self._uids[self._at : self._at + self._count]
        if not batch:
            return None
        found = await imap_columns.fetch(self._session, self._plan, self._plan.wanted, batch)
        texts = await self._session.selection.mailbox.octets(found.uids, self._octets) if found.uids else ()
        self._at += len(batch) if len(texts) == len(found.uids) else bisect_left(batch, found.uids[len(texts)])
        self._octets = min(2 * self._octets, TOGETHER_OCTETS)
        self._count = min(max(_as_large_as(texts, self._octets), FIRST), TOGETHER)
        return _Group(found, texts)

    async def _answer(self, group: _Group) -> None:
        session, plan, found = self._session, self._plan, group.found
        uids = found.uids[: len(group.texts)]
        view = session.selection.view
        if plan.whole and len(uids) > 1 and all(isinstance(text, bytes) for text in group.texts):
            self._answer_together(uids, group)
            return
        rows = zip(view.numbers(uids), imap_columns.flags(view, plan, uids), found, group.texts, strict=False)
        made, several, clock = 0, max(len(plan.sections), 1), session.clock
        begun = clock.seconds()
        for number, flags, message, text in rows:
            if isinstance(text, bytes) and len(text) * several <= AT_HAND:
                made += len(text) * several
                if (several > 1 and made > TOGETHER_OCTETS) or clock.seconds() - begun > sections.TURN:
                    made = 0
                    await session.breathe()
                    begun = clock.seconds()
                contents = [sections.of_text(session.selection, message.uid, text, each) for each in plan.sections]
                session.core.untagged_all(plan.row(number, message.uid, flags, message.items, contents))
                self._sent += 1
            elif isinstance(text, bytes | TooBig):
                if message.uid != uids[0]:
                    await session.breathe()
                self._sent += await self._send_large(number, flags, message.uid, message.items)
            elif not isinstance(text, Expunged):
                raise text

    def _answer_together(self, uids: Sequence[int], group: _Group) -> None:
        """All of them as they are: their octets go from what was read to the socket, and are copied nowhere between."""
        session, plan = self._session, self._plan
        view = session.selection.view
        columns = [column[: len(uids)] for column in group.found.columns]
        flags = imap_columns.flags(view, plan, uids)
        session.send(plan.pieces(view.numbers(uids), uids, flags, (*columns, group.texts)))
        self._sent += len(uids)

    async def _send_large(self, number: int, flags: bytes, uid: int, values: Sequence[object]) -> int:
        selection, plan = self._session.selection, self._plan
        try:
            body = await selection.mailbox.body(uid)
        except Expunged:
            return 0
        try:
            stream = sections.Stream(self._session, body)
            spans = await stream.locate(selection.scanned, uid, plan.sections)
            head = msgspec.structs.replace(
                plan, items=tuple(i for i in plan.items if i not in plan.sections), sections=()
            )
            row = b"".join(head.row(number, uid, flags, values, ()))
            await stream.send(row.removesuffix(b")\r\n"), plan.sections, spans, first=not head.items)
        finally:
            body.close()
        return 1


def _as_large_as(texts: Sequence[bytes | MailError], octets: int) -> int:
    """How many like these have so many octets, and some more: what is asked for and does not fit was asked in vain."""
    together = sum(len(text) for text in texts if isinstance(text, bytes))
    return len(texts) * octets * 5 // (4 * together) if together else FIRST
