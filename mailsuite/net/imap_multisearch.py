"""The IMAP command ESEARCH: a search in several mailboxes, RFC 7377.

A mailbox that is not selected is looked at as it is when its turn comes; between two others have their turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.errors import NotAllowed, NotFound, TooMany
from mailsuite.imap import returns as returning
from mailsuite.imap import sources
from mailsuite.imap.events import MultiSearch
from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.returns import ReturnOption
from mailsuite.imap.sources import SourceKind
from mailsuite.imap.view import View
from mailsuite.interfaces import IMailbox
from mailsuite.net import imap_find
from mailsuite.net.imap_parts import BadCommand
from mailsuite.net.imap_selection import modseqs_of
from mailsuite.net.imap_session import Session
from mailsuite.query import STAR, Query, Uids

#: Mailboxes of one command (RFC 7377 §2.4).
MAX_MAILBOXES = 5000
_EVERYTHING = Uids(((1, STAR),))


async def multisearch(session: Session, event: MultiSearch) -> None:
    """RFC 7377 §2."""
    session.refuse_numbers(event.criteria.numbers)  # RFC 9586 §3.1
    selected = any(source.kind is SourceKind.SELECTED for source in event.sources)
    if selected and not session.selected:
        raise BadCommand("select a mailbox first")
    if event.returns.updates:
        if not selected:  # RFC 7377 §2.2
            raise BadCommand("UPDATE is for the selected mailbox")
        if event.tag in session.selection.contexts:
            raise BadCommand("this tag is in use")
    if event.criteria.modseq:
        session.become(Awareness.CONDSTORE)
    others = [source for source in event.sources if source.kind is not SourceKind.SELECTED]
    names = sources.named(others, await session.store.list(), session.settings.other_users) if others else []
    if len(names) > MAX_MAILBOXES:
        raise TooMany(f"at most {MAX_MAILBOXES} mailboxes at a time")
    found = await _search_selected(session, event) if selected else []
    for name in names:
        if not (selected and name == session.selection.mailbox.name):
            await _search(session, event, name)
            await session.breathe()
    if selected:
        imap_find.keep_updated(session, event.tag, event.criteria, event.returns, found, True)
    await session.complete(event, b"searched", uid=True, expunges=not event.criteria.numbers)


async def _search_selected(session: Session, event: MultiSearch) -> Sequence[int]:
    selection = session.selection
    finding = imap_find.find(session, event.criteria)
    found = await imap_find.saving(session, event.returns, finding)
    asked = selection.view.localize(event.criteria.query, session.clock.seconds())
    await _tell(session, event, selection.mailbox, selection.view.uidvalidity, asked, found)
    return found


async def _search(session: Session, event: MultiSearch, name: str) -> None:
    """In a mailbox that is not selected; one that is gone or not allowed meanwhile is passed over."""
    try:
        mailbox = await session.store.open(name)
        view = View(await mailbox.snapshot(False), read_only=True)
    except (NotFound, NotAllowed):
        return
    asked = view.localize(event.criteria.query, session.clock.seconds())
    found = await mailbox.search(asked, view.resolve(_EVERYTHING))
    await _tell(session, event, mailbox, view.uidvalidity, asked, found)


async def _tell(
    session: Session, event: MultiSearch, mailbox: IMailbox, uidvalidity: int, asked: Query, found: Sequence[int]
) -> None:
    """§2.1: nothing where nothing was found."""
    if not found or event.returns.silent:
        return
    told = returning.told(event.returns, found)
    modseqs = await modseqs_of(mailbox, sorted(set(told))) if event.criteria.modseq else {}
    scores = await mailbox.relevance(asked, told) if ReturnOption.RELEVANCY in event.returns.options else ()
    items = returning.items(event.returns, found, max(modseqs.values(), default=0), scores)
    where = b"MAILBOX %b UIDVALIDITY %d" % (session.written(mailbox.name), uidvalidity)
    session.core.untagged(returning.esearch(event.tag, True, items, where))
