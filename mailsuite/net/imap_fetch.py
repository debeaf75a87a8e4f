"""FETCH, RFC 3501 §6.4.5: rows in batches, messages in pieces, nothing far ahead of what the client reads.

Flags are the view's.  What the index knows is asked for ``ROWS`` messages at a time; while they go out the next are
read.  After each batch the transport must have room again, and other connections get a turn, so an answer of any size
costs two batches in memory and delays nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from mailsuite.imap import codes, rows
from mailsuite.imap.events import Fetch
from mailsuite.imap.items import Attribute, FetchItem, SectionKind
from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.rows import Plan
from mailsuite.model import Fetched
from mailsuite.net import imap_columns, imap_limit, imap_resync
from mailsuite.net import imap_sections as sections
from mailsuite.net.imap_ahead import Ahead
from mailsuite.net.imap_bodies import Bodies
from mailsuite.net.imap_limit import Share
from mailsuite.net.imap_messages import missed
from mailsuite.net.imap_parts import BadCommand
from mailsuite.net.imap_session import Session

#: Messages asked of the index in one call: flags alone, columns, headers, previews.
FLAG_ROWS = 5000
ROWS = 1000
HEADER_ROWS = 250
PREVIEW_ROWS = 64

_FROM_HEADER = (SectionKind.HEADER, SectionKind.FIELDS, SectionKind.FIELDS_NOT)


async def fetch(session: Session, event: Fetch) -> None:
    """FETCH and UID FETCH."""
    if event.vanished and session.awareness is not Awareness.QRESYNC:
        raise BadCommand("ENABLE QRESYNC first")  # RFC 7162 §3.2.6
    if Attribute.MODSEQ in event.items:
        session.become(Awareness.CONDSTORE)
    view = session.selection.view
    uids = session.resolve(event.messages)
    share = Share(session.settings.message_limit)
    if event.partial is not None:
        share.refuse_window(event.partial)
        uids = list(event.partial.cut(uids))
    if event.vanished:
        await imap_resync.tell_vanished(session, event.messages.ranges, event.changed_since)
    if event.changed_since:
        uids = await imap_resync.changed_since(session.selection, uids, event.changed_since)
    uids = share.newest(uids)
    gone = missed(session, event.messages)
    if await _answer(session, rows.plan(event.items, view.may.keep_seen, view.uid_only), uids):
        gone = codes.EXPUNGEISSUED  # RFC 5530 §3
    await session.complete(event, b"fetched", imap_limit.told(session, share, gone), event.uid)


async def show(session: Session, items: tuple[FetchItem, ...], uids: list[int]) -> None:
    """These messages unasked (RFC 5465 §5.2); reading them so is not reading by a person."""
    await _answer(session, rows.plan(items, False, session.uid_only), uids)


async def _answer(session: Session, plan: Plan, uids: list[int]) -> int:
    """How many of them were not there."""
    if plan.only_flags:
        await _send_flags(session, plan, uids)
        return 0
    if any(section.part or section.kind not in _FROM_HEADER for section in plan.sections):
        return len(uids) - await Bodies(session, plan, uids).send()
    return len(uids) - await _send_columns(session, plan, uids)


def _batches(uids: list[int], size: int) -> Iterator[list[int]]:
    return (uids[start : start + size] for start in range(0, len(uids), size))


async def _send_flags(session: Session, plan: Plan, uids: list[int]) -> None:
    for batch in _batches(uids, FLAG_ROWS):
        session.core.untagged(session.selection.view.flag_rows(batch, plan.uid))
        if batch[-1] != uids[-1]:
            await session.breathe()


async def _send_columns(session: Session, plan: Plan, uids: list[int]) -> int:
    """What needs no more of a message than its header; how many were there."""
    items = (*plan.wanted, *map(sections.header_item, plan.sections))
    left = _batches(uids, _rows_at_once(plan))

    async def read() -> Fetched | None:
        batch = next(left, None)
        return await imap_columns.fetch(session, plan, items, batch) if batch else None

    ahead = Ahead(read)
    sent = 0
    try:
        while (found := await ahead.next()) is not None:
            _show(session, plan, found)
            sent += len(found)
            if found.uids and found.uids[-1] != uids[-1]:
                await session.breathe()
    finally:
        ahead.close()
    return sent


def _rows_at_once(plan: Plan) -> int:
    if Attribute.PREVIEW in plan.items:
        return PREVIEW_ROWS
    return HEADER_ROWS if plan.sections else ROWS


def _show(session: Session, plan: Plan, found: Fetched) -> None:
    view = session.selection.view
    numbers, flags = view.numbers(found.uids), imap_columns.flags(view, plan, found.uids)
    stored, headers = found.columns[: len(plan.wanted)], found.columns[len(plan.wanted) :]
    cut = [
        [sections.of_header(cast(bytes, block), section) for block in column]
        if section.kind is SectionKind.FIELDS_NOT
        else column
        for section, column in zip(plan.sections, headers, strict=True)
    ]
    session.core.untagged(plan.rows(numbers, found.uids, flags, (*stored, *cut)))
