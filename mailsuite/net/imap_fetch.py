"""FETCH, RFC 3501 §6.4.5: rows in batches, messages in pieces, nothing ahead of what the client reads.

What the index knows is asked for up to ``ROWS`` messages at a time; small messages are read ``TOGETHER`` at once, large
ones in pieces of ``PIECE`` octets straight onto the wire.  After each of these the transport must have room again, and
other connections get a turn, so an answer of any size costs one of them in memory and delays nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
from twisted.internet.defer import Deferred, succeed

from mailsuite.errors import Expunged, MailError
from mailsuite.imap import codes, rows
from mailsuite.imap.events import Fetch
from mailsuite.imap.items import Attribute, SectionKind
from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.rows import Plan
from mailsuite.imap.view import View
from mailsuite.model import SEEN, Fetched, FlagOp
from mailsuite.net import imap_resync
from mailsuite.net import imap_sections as sections
from mailsuite.net.imap_sections import PIECE
from mailsuite.net.imap_session import BadCommand, Session

#: Messages asked of the index in one call: flags alone, with headers, with bodies.
FLAG_ROWS = 5000
ROWS = 500
HEADER_ROWS = 100
BODY_ROWS = 64
#: Small messages read at the same time: how many at most, and octets of all.
TOGETHER = 16
TOGETHER_OCTETS = 1 << 20

_MODSEQ = "modseq"
_FROM_HEADER = (SectionKind.HEADER, SectionKind.FIELDS, SectionKind.FIELDS_NOT)


class _Sources(msgspec.Struct, frozen=True):
    """Where a plan's sections come from."""

    header: bool
    body: bool

    @property
    def rows(self) -> int:
        if self.body:
            return BODY_ROWS
        return HEADER_ROWS if self.header else ROWS


async def fetch(session: Session, event: Fetch) -> None:
    """FETCH and UID FETCH."""
    if event.vanished and session.awareness is not Awareness.QRESYNC:
        raise BadCommand("ENABLE QRESYNC first")  # RFC 7162 §3.2.6
    if Attribute.MODSEQ in event.items:
        session.become(Awareness.CONDSTORE)
    view = session.selection.view
    uids = session.resolve(event.messages)
    if event.vanished:
        await imap_resync.tell_vanished(session, event.messages.ranges, event.changed_since)
    if event.changed_since:
        uids = await imap_resync.changed_since(session.selection, uids, event.changed_since)
    plan = rows.plan(event.items, view.read_only)
    missing = 0
    if plan.only_flags:
        for batch in _batches(uids, FLAG_ROWS):
            await _turn(session, batch, uids)
            session.core.untagged(view.flag_rows(batch, plan.uid))
    else:
        sources = _sources(plan)
        for batch in _batches(uids, sources.rows):
            await _turn(session, batch, uids)
            missing += len(batch) - await _fetch_batch(session, plan, sources, batch)
    await session.complete(event, b"fetched", codes.EXPUNGEISSUED if missing else b"", event.uid)  # RFC 5530 §3


async def _turn(session: Session, batch: Sequence[int], uids: Sequence[int]) -> None:
    """Between batches: others first, and the client must have read."""
    if batch[0] != uids[0]:
        await session.breathe()


def _batches(uids: list[int], size: int) -> Iterator[list[int]]:
    return (uids[start : start + size] for start in range(0, len(uids), size))


def _sources(plan: Plan) -> _Sources:
    body = any(section.part or section.kind not in _FROM_HEADER for section in plan.sections)
    return _Sources(header=bool(plan.sections) and not body, body=body)


async def _fetch_batch(session: Session, plan: Plan, sources: _Sources, batch: list[int]) -> int:
    """Answer for these messages; how many of them were there."""
    if plan.sets_seen:
        await _mark_seen(session, plan, batch)
    extra = ("size",) if sources.body else ("header",) if sources.header else ()
    items = (*plan.wanted, *extra)
    if _MODSEQ in items:
        found: Sequence[Fetched] = await imap_resync.fetch_modseqs(
            session.selection, batch, items, items.index(_MODSEQ)
        )
    else:
        found = await session.selection.mailbox.fetch(batch, items)
    if sources.body:
        return await _send_bodies(session, plan, found)
    uids = [message.uid for message in found]
    view = session.selection.view
    numbers, flags = view.numbers(uids), _flags(view, plan, uids)
    if sources.header:
        for number, message, shown in zip(numbers, found, flags, strict=True):
            header = cast(bytes, message.items[-1])
            contents = [sections.of_header(header, section) for section in plan.sections]
            session.core.untagged(plan.row(number, message.uid, shown, message.items[:-1], contents))
    elif found:
        session.core.untagged(plan.rows(numbers, uids, flags, [message.items for message in found]))
    return len(found)


def _flags(view: View, plan: Plan, uids: Sequence[int]) -> list[bytes]:
    return [view.rendered_flags(uid) if plan.flags else b"" for uid in uids]


async def _mark_seen(session: Session, plan: Plan, batch: list[int]) -> None:
    """RFC 3501 §6.4.5: reading sets \\Seen.  A disk that takes no flag is no reason not to read."""
    view = session.selection.view
    unseen = [uid for uid in batch if SEEN not in view.flags_of(uid)]
    if not unseen:
        return
    flags = frozenset((SEEN,))
    try:
        results, _ = await session.selection.mailbox.store(unseen, FlagOp.ADD, flags, None)
    except MailError as error:
        session.log.warn("cannot mark as seen for {account}: {error}", account=session.account, error=error)
        return
    view.stored(results, FlagOp.ADD, flags, plan.flags)


# -- bodies ------------------------------------------------------------------------------------------------------------


async def _send_bodies(session: Session, plan: Plan, found: Sequence[Fetched]) -> int:
    """Rows with sections of the messages themselves; how many of them were there.  The last item is the size.

    While one group goes out, the next is read."""
    groups = list(_groups(found))
    sent = 0
    ahead = _read_ahead(session, groups, 0)
    try:
        for place, group in enumerate(groups):
            texts = await ahead
            ahead = _read_ahead(session, groups, place + 1)
            if place:
                await session.breathe()
            if _is_large(group):
                sent += await _send_large(session, plan, group[0])
            else:
                sent += _send_small(session, plan, group, texts)
    finally:
        ahead.addErrback(lambda _: None)  # nobody waits for it any more
        ahead.cancel()
    return sent


def _read_ahead(session: Session, groups: list[list[Fetched]], place: int) -> Deferred[dict[int, bytes]]:
    """The texts of a group of small messages; nothing of others."""
    if place >= len(groups) or _is_large(groups[place]):
        return succeed({})
    uids = [message.uid for message in groups[place]]
    return Deferred.fromCoroutine(sections.read_together(session.selection.mailbox, uids))


def _is_large(group: list[Fetched]) -> bool:
    return _size(group[0]) > PIECE


def _size(message: Fetched) -> int:
    return cast(int, message.items[-1])


def _groups(found: Sequence[Fetched]) -> Iterator[list[Fetched]]:
    """Messages to be read at the same time: large ones alone."""
    group: list[Fetched] = []
    octets = 0
    for message in found:
        size = _size(message)
        full = len(group) == TOGETHER or octets + size > TOGETHER_OCTETS
        if group and (full or size > PIECE or _is_large(group)):
            yield group
            group, octets = [], 0
        group.append(message)
        octets += size
    if group:
        yield group


def _send_small(session: Session, plan: Plan, group: list[Fetched], texts: dict[int, bytes]) -> int:
    selection = session.selection
    view = selection.view
    there = [message for message in group if message.uid in texts]
    uids = [message.uid for message in there]
    for message, number, flags in zip(there, view.numbers(uids), _flags(view, plan, uids), strict=True):
        text = texts[message.uid]
        contents = [sections.of_text(selection, message.uid, text, section) for section in plan.sections]
        session.core.untagged(plan.row(number, message.uid, flags, message.items[:-1], contents))
    return len(there)


async def _send_large(session: Session, plan: Plan, message: Fetched) -> int:
    selection = session.selection
    try:
        body = await selection.mailbox.body(message.uid)
    except Expunged:
        return 0
    try:
        stream = sections.Stream(session, body)
        spans = await stream.locate(selection, message.uid, plan.sections)
        head = msgspec.structs.replace(plan, items=tuple(i for i in plan.items if i not in plan.sections), sections=())
        (flags,) = _flags(selection.view, plan, [message.uid])
        (number,) = selection.view.numbers([message.uid])
        row = head.row(number, message.uid, flags, message.items[:-1], ())
        await stream.send(row.removesuffix(b")\r\n"), plan.sections, spans, first=not head.items)
    finally:
        body.close()
    return 1
