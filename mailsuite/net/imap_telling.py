"""Telling a client what changed in its selected mailbox: with commands, while it idles, and whenever it wants to know.

What NOTIFY asks for (``imap_notices``) is told between two commands or while idling, never within an answer.  Who idles
without it is told at once, in one step if nothing has to be asked of the store: many may be told of one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailsuite.imap import responses
from mailsuite.imap.items import FetchItem
from mailsuite.imap.view import View
from mailsuite.net.imap_contexts import NO_NEWS, News

if TYPE_CHECKING:
    from mailsuite.net.imap_session import Session


async def changes(session: Session, uid: bool, expunges: bool) -> bytes:
    """Untagged responses for what changed; what is to be said of HIGHESTMODSEQ behind them."""
    if not session.selected:
        return b""
    selection = session.selection
    await selection.catch_up()
    view = selection.view
    news = await selection.news(session.clock.seconds()) if selection.contexts.stale else NO_NEWS
    session.core.untagged_all(news.before)
    session.core.untagged_all(view.tell(expunges, uid or session.notices is not None))
    if view.fresh or news is not NO_NEWS:
        await _show_new(session, view, news)
    if session.notices is not None and view.holds_back and not session.notices.wishes.selected.delayed:
        session.owe()  # behind the command
    return view.modseqs.code()


async def _show_new(session: Session, view: View, news: News) -> None:
    """What was asked for of new messages, RFC 5465 §5.2 and §7: in front of the ESEARCH responses if the search asked
    for it, behind them if only NOTIFY did."""
    fresh, wanted = view.fresh, news.wanted(view.fresh)
    noticed: tuple[FetchItem, ...] = view.wishes.fetch if session.notices is not None else ()
    shown = frozenset(session.notices.not_mine(fresh) if session.notices is not None else ())
    for uid in fresh if wanted else ():
        if uid in wanted:
            items = dict.fromkeys((*noticed, *wanted[uid]) if uid in shown else wanted[uid])
            await session.show(tuple(items), [uid])
    session.core.untagged_all(news.behind(view))
    rest = [uid for uid in fresh if uid in shown and uid not in wanted] if noticed else []
    if rest:
        await session.show(noticed, rest)


def say_reached(session: Session, code: bytes) -> None:
    """HIGHESTMODSEQ, where there is any."""
    if code:
        session.core.untagged(responses.ok(b"told so far", code))


# -- unasked ---------------------------------------------------------------------------------------------------------


def woken(session: Session) -> None:
    """Something changed in the selected mailbox: an idling client that reads its answers hears of it at once."""
    if session.notices is None and session.core.idling and not session.closing:
        selection = session.selection
        if not session.choked and selection.take() and not selection.contexts.stale:
            _tell_idler(session, selection.view)
            return
    session.owe()


def _tell_idler(session: Session, view: View) -> None:
    session.core.untagged_all(view.tell(True, False))
    say_reached(session, view.modseqs.code())
    session.end_if_gone()
    session.flush()


async def unasked(session: Session) -> None:
    """All that is due; with no command in hand, or while idling."""
    if session.notices is not None:
        await session.notices.tell()
    else:
        say_reached(session, await changes(session, False, True))


def not_of(uids: Sequence[int], own: set[int]) -> Sequence[int]:
    """Without one's own, which are told of once."""
    rest = [uid for uid in uids if uid not in own]
    own.difference_update(uids)
    return rest
