"""IMAP commands that find messages in the selected mailbox: SEARCH."""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.imap import responses
from mailsuite.imap import returns as returning
from mailsuite.imap.events import Criteria, Search, SearchRefused
from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.returns import Returns
from mailsuite.net.imap_selection import modseqs_of
from mailsuite.net.imap_session import Session
from mailsuite.query import STAR, Uids

_EVERYTHING = Uids(((1, STAR),))


async def search(session: Session, event: Search) -> None:
    """RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5."""
    if event.returns is not None and event.returns.saves:
        found = await _to_save(session, event.criteria, event.returns)
    else:
        found = await find(session, event.criteria)
    if event.returns is None:
        modseq = await highest_modseq(session, event.criteria, found)
        session.core.untagged(responses.search(shown(session, found, event.uid), modseq))
    elif not event.returns.silent:
        told = returning.told(event.returns, found)
        modseq = await highest_modseq(session, event.criteria, sorted(set(told)))
        items = returning.items(event.returns, shown(session, found, event.uid), modseq)
        session.core.untagged(returning.esearch(event.tag, event.uid, items))
    # RFC 7162 §3.2.10.2: nothing is told as gone while sequence numbers are in use
    await session.complete(event, b"searched", uid=event.uid, expunges=not event.criteria.numbers)


def refused(session: Session, event: SearchRefused) -> None:
    """RFC 5182 §2.1: a SEARCH with SAVE that ends in NO saves the empty list."""
    session.selection.view.saved = ()
    session.core.no(event.tag, event.text, event.code)


async def find(session: Session, criteria: Criteria) -> list[int]:
    """UIDs of those messages that the client knows of, ascending."""
    selection = session.selection
    if criteria.modseq:
        session.become(Awareness.CONDSTORE)
    asked = selection.view.localize(criteria.query, session.clock.seconds())
    found = await selection.mailbox.search(asked, session.resolve(_EVERYTHING))
    return [uid for uid in found if selection.view.holds(uid)]


async def _to_save(session: Session, criteria: Criteria, returns: Returns) -> list[int]:
    """The same, and what ``$`` is from now on; nothing if that fails."""
    view = session.selection.view
    try:
        found = await find(session, criteria)
    except BaseException:
        view.saved = ()
        raise
    view.saved = returning.saved(returns, found)
    return found


async def highest_modseq(session: Session, criteria: Criteria, uids: Sequence[int]) -> int:
    """Of these, ascending, where the client searched for MODSEQ (RFC 7162 §3.1.5); else 0."""
    if not criteria.modseq:
        return 0
    selection = session.selection
    modseqs = await modseqs_of(selection.mailbox, uids)
    return max((selection.view.modseqs.show(uid, modseq) for uid, modseq in modseqs.items()), default=0)


def shown(session: Session, uids: Sequence[int], uid: bool) -> Sequence[int]:
    """What the answer names of ascending UIDs: themselves, or sequence numbers."""
    return uids if uid else session.selection.view.numbers(uids)
