"""IMAP commands that change messages of the selected mailbox: STORE COPY MOVE EXPUNGE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from mailsuite.errors import Expunged, MailError, NotAllowed, NotFound, ReadOnly
from mailsuite.imap import batches, codes, responses
from mailsuite.imap.events import Copy, Expunge, Store, UidBatches
from mailsuite.imap.modseqs import Awareness
from mailsuite.model import FlagOp, Flags
from mailsuite.net import imap_limit
from mailsuite.net.imap_acl import uids_told
from mailsuite.net.imap_limit import Share
from mailsuite.net.imap_selection import AT_ONCE, Selection
from mailsuite.net.imap_session import Session
from mailsuite.query import STAR, Numbers, Uids

_EVERYTHING = Uids(((1, STAR),))


def writable(session: Session) -> Selection:
    """The selected mailbox; ReadOnly after EXAMINE."""
    selection = session.selection
    if selection.view.may.read_only:
        raise ReadOnly("the mailbox is open for reading only")
    return selection


def missed(session: Session, messages: Numbers | Uids) -> bytes:
    """The code that says that some of these are gone, which the client was not told yet: RFC 5530 §3."""
    return codes.EXPUNGEISSUED if session.selection.view.expunge_issued(messages) else b""


async def store(session: Session, event: Store) -> None:
    """RFC 3501 §6.4.6, RFC 7162 §3.1.3."""
    if event.unchanged_since is not None:
        session.become(Awareness.CONDSTORE)
    selection = writable(session)
    share = Share(session.settings.message_limit)
    uids = share.newest(session.resolve(event.messages))
    code = missed(session, event.messages)
    if uids:
        results, late = await selection.mailbox.store(uids, event.op, event.flags, event.unchanged_since)
        selection.view.stored(results, event.op, event.flags, event.silent)
        if late and event.op is not FlagOp.REPLACE:
            late = await _try_again(selection, event, late)
        if late:
            await _show(selection, late)
            code = codes.modified(late if event.uid else selection.view.numbers(late))
    await session.complete(event, b"stored", imap_limit.told(session, share, code), uid=event.uid)


async def _try_again(selection: Selection, event: Store, late: Sequence[int]) -> Sequence[int]:
    """RFC 7162 §3.1.12: what changed in other flags only is changed after all, unless it changes once more meanwhile.
    Those that are left."""
    await selection.catch_up()
    view = selection.view
    fine = view.unaffected(late, event.flags, event.unchanged_since or 0)
    if not fine:
        return late
    results, later = await selection.mailbox.store(fine, event.op, event.flags, view.modseqs.highest)
    view.stored(results, event.op, event.flags, event.silent)
    return sorted(set(late).difference(fine).union(later))


async def _show(selection: Selection, uids: Sequence[int]) -> None:
    """Have the client told how these are now."""
    for start in range(0, len(uids), AT_ONCE):
        rows = await selection.mailbox.fetch(uids[start : start + AT_ONCE], ("flags", "modseq"))
        now = [(row.uid, cast(Flags, row.items[0]), cast(int, row.items[1])) for row in rows]
        selection.view.left_alone(now)


async def copy(session: Session, event: Copy) -> None:
    """COPY and MOVE, RFC 3501 §6.4.7, RFC 6851, RFC 4315 §3 (COPYUID)."""
    selection = writable(session) if event.move else session.selection
    uids = session.resolve(event.messages)
    share = Share(session.settings.message_limit)
    if event.move:
        uids = share.newest(uids)
    else:
        share.all_of(uids)
    gone = missed(session, event.messages)
    if not uids:
        await session.complete(event, b"nothing to do", gone, uid=event.uid)
        return
    try:
        copied = await session.store.copy(selection.mailbox, uids, event.mailbox, event.move)
    except NotFound as error:
        if isinstance(error, Expunged) or await _is_there(session, event.mailbox):
            raise  # it is the selected mailbox that went
        await session.tell(event.uid)
        session.core.no(event.tag, b"no such mailbox, create it first", codes.TRYCREATE)
        return
    session.made(event.mailbox, copied.targets)
    code = codes.copyuid(copied) if await uids_told(session, event.mailbox) else b""
    if len(copied.sources) < len(uids):
        gone = codes.EXPUNGEISSUED
    if event.move:  # RFC 6851 §4.3: before the EXPUNGE responses
        if code:
            session.core.untagged(responses.ok(b"moved", code))
        await session.complete(event, b"done", imap_limit.told(session, share, gone), uid=event.uid)
    else:
        if gone:
            session.core.untagged(responses.no(b"some of the messages no longer exist", gone))
        await session.complete(event, b"copied", code, uid=event.uid)


async def _is_there(session: Session, mailbox: str) -> bool:
    try:
        await session.store.status(mailbox)
    except NotFound:
        return False
    except MailError:  # it is, whatever else is wrong
        pass
    return True


async def expunge(session: Session, event: Expunge) -> None:
    """EXPUNGE and UID EXPUNGE, RFC 3501 §6.4.3, RFC 4315 §2.1; RFC 4314 §4 also where there is nothing to expunge."""
    selection = writable(session)
    if not selection.view.may.expunge:
        raise NotAllowed("that takes the right e")
    await selection.catch_up()
    uids = selection.view.deleted(event.messages)
    share = Share(session.settings.message_limit if event.uid else 0)
    if uids:
        await selection.mailbox.expunge(share.newest(uids))
    await session.complete(event, b"expunged", share.code)


async def uid_batches(session: Session, event: UidBatches) -> None:
    """RFC 10022: of the messages that the client knows of."""
    uids = session.resolve(_EVERYTHING)
    session.core.untagged(batches.response(event.tag, batches.batches(uids, event.size, event.first, event.last)))
    await session.complete(event, b"done", uid=True)
