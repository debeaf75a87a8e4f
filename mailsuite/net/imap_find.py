"""IMAP commands that find messages in the selected mailbox: SEARCH SORT THREAD."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from mailsuite.imap import codes, responses, threading
from mailsuite.imap import returns as returning
from mailsuite.imap.contexts import Context, lasting
from mailsuite.imap.events import Criteria, Search, SearchRefused, Sort, Thread
from mailsuite.imap.modseqs import Awareness
from mailsuite.imap.returns import ReturnOption, Returns
from mailsuite.net.imap_limit import Share
from mailsuite.net.imap_parts import BadCommand
from mailsuite.net.imap_selection import modseqs_of
from mailsuite.net.imap_session import Session
from mailsuite.query import STAR, All, SortBy, SortKey, Uids

_EVERYTHING = Uids(((1, STAR),))


async def search(session: Session, event: Search) -> None:
    """RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5."""
    _refuse_reuse(session, event)
    _refuse_numbers(session, event)
    share = Share(session.settings.message_limit)
    found = await saving(session, event.returns, _listed(session, event, share))
    await _answer(session, event, found, responses.search)
    keep_updated(session, event.tag, event.criteria, event.returns, found, event.uid, whole=not share.code)
    # RFC 7162 §3.2.10.2: nothing is told as gone while sequence numbers are in use
    await session.complete(event, b"searched", share.code, event.uid, expunges=not event.criteria.numbers)


async def _listed(session: Session, event: Search, share: Share) -> list[int]:
    """What is found; only so many if all are listed (RFC 9738 §3.1), and only those are saved (§3.4)."""
    found = await find(session, event.criteria)
    listed = event.returns is None or ReturnOption.ALL in event.returns.options
    return share.newest(found) if listed else found


async def sort(session: Session, event: Sort) -> None:
    """RFC 5256 §3, RFC 5267 §3."""
    _refuse_reuse(session, event)
    _refuse_numbers(session, event)
    found = await saving(session, event.returns, _sorted(session, event))
    await _answer(session, event, found, responses.sort)
    keep_updated(session, event.tag, event.criteria, event.returns, found, event.uid, event.order)
    await session.complete(event, b"sorted", uid=event.uid, expunges=not event.criteria.numbers)


def _refuse_reuse(session: Session, event: Search | Sort) -> None:
    """RFC 5267 §4.3: the tag names the results that are kept up to date."""
    if event.returns is not None and event.returns.updates and event.tag in session.selection.contexts:
        raise BadCommand("this tag is in use")


def keep_updated(
    session: Session,
    tag: bytes,
    criteria: Criteria,
    returns: Returns | None,
    found: Sequence[int],
    uid: bool,
    order: tuple[SortBy, ...] = (),
    whole: bool = True,
) -> None:
    """Where UPDATE was asked: tell from now on what changes in the results, or say that this is not done."""
    if returns is None or not returns.updates:
        return
    contexts, view = session.selection.contexts, session.selection.view
    if not whole or contexts.full or any(each.key is SortKey.RELEVANCY for each in order):
        session.core.untagged(responses.no(b"no updates of this one", codes.noupdate(tag)))  # RFC 5267 §4.3.1
    else:
        contexts.add(Context(tag, uid, lasting(criteria.query, view), order, found, returns.fetch))


async def _sorted(session: Session, event: Sort) -> list[int]:
    view, mailbox = session.selection.view, session.selection.mailbox
    found = await find(session, event.criteria)
    Share(session.settings.message_limit).all_of(found)  # RFC 9738 §3.3
    by_relevance = any(each.key is SortKey.RELEVANCY for each in event.order)
    scores = await _scores(session, event.criteria, found) if by_relevance else ()
    return view.still_there(await mailbox.sort(found, event.order, dict(zip(found, scores, strict=False))))


async def _scores(session: Session, criteria: Criteria, uids: Sequence[int]) -> Sequence[int]:
    """RFC 6203 §4."""
    selection = session.selection
    asked = selection.view.localize(criteria.query, session.clock.seconds())
    return await selection.mailbox.relevance(asked, uids)


async def thread(session: Session, event: Thread) -> None:
    """RFC 5256 §3."""
    _refuse_numbers(session, event)
    view, mailbox = session.selection.view, session.selection.mailbox
    found = await find(session, event.criteria)
    Share(session.settings.message_limit).all_of(found)  # RFC 9738 §3.3
    forest = await mailbox.thread(found, event.algorithm)
    numbers = None if event.uid else dict(zip(found, view.numbers(found), strict=True))
    named = int if numbers is None else numbers.__getitem__
    with session.in_pieces():
        for piece in threading.thread_pieces(forest, named):
            session.core.untagged(piece)
            await session.breathe()
    await session.complete(event, b"threaded", uid=event.uid, expunges=not event.criteria.numbers)


def _refuse_numbers(session: Session, event: Search | Sort | Thread) -> None:
    """RFC 9586 §3.1: neither as the answer nor among the keys."""
    session.refuse_numbers(not event.uid or event.criteria.numbers)


async def _answer(
    session: Session, event: Search | Sort, found: Sequence[int], plain: Callable[[Sequence[int], int], bytes]
) -> None:
    """Tell what was found, in that order: by an ESEARCH response where RETURN was given."""
    if event.returns is None:
        modseq = await highest_modseq(session, event.criteria, found)
        session.core.untagged(plain(session.selection.view.shown(found, event.uid), modseq))
    elif not event.returns.silent:
        told = returning.told(event.returns, found)
        modseq = await highest_modseq(session, event.criteria, told)
        relevancy = ReturnOption.RELEVANCY in event.returns.options
        scores = await _scores(session, event.criteria, told) if relevancy else ()
        items = returning.items(event.returns, session.selection.view.shown(found, event.uid), modseq, scores)
        session.core.untagged(returning.esearch(event.tag, event.uid, items))


def refused(session: Session, event: SearchRefused) -> None:
    """RFC 5182 §2.1: a SEARCH with SAVE that ends in NO saves the empty list."""
    session.selection.view.saved = ()
    session.core.no(event.tag, event.text, event.code)


async def find(session: Session, criteria: Criteria) -> list[int]:
    """UIDs of those messages that the client knows of, ascending."""
    selection = session.selection
    if criteria.modseq:
        session.become(Awareness.CONDSTORE)
    await selection.catch_up()  # what vanished is not found
    asked = selection.view.localize(criteria.query, session.clock.seconds())
    everything = session.resolve(_EVERYTHING)
    found = everything if isinstance(asked, All) else await selection.mailbox.search(asked, everything, session.so_far)
    return selection.view.still_there(found)


async def saving(session: Session, returns: Returns | None, finding: Coroutine[Any, Any, list[int]]) -> list[int]:
    """What is found; with SAVE it is what ``$`` is from now on, or nothing if it fails (RFC 5182 §2.1)."""
    if returns is None or not returns.saves:
        return await finding
    view = session.selection.view
    try:
        found = await finding
    except BaseException:
        view.saved = ()
        raise
    view.saved = returning.saved(returns, found)
    return found


async def highest_modseq(session: Session, criteria: Criteria, uids: Sequence[int]) -> int:
    """Of these where the client searched for MODSEQ (RFC 7162 §3.1.5); else 0."""
    if not criteria.modseq:
        return 0
    selection = session.selection
    modseqs = await modseqs_of(selection.mailbox, sorted(set(uids)))
    return max((selection.view.modseqs.show(uid, modseq) for uid, modseq in modseqs.items()), default=0)
