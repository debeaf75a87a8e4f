"""Orders about many messages: some at a time, so that the server does other things too, with progress for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mailsuite.cli.queue_access import QueueAccess, show_progress
from mailsuite.model import Queued, Selection
from mailsuite.net.control import Change, Kick

#: Messages of one request.
AT_ONCE = 1000


def ordered(access: QueueAccess, messages: Sequence[Queued], order: Callable[[Selection], Change]) -> list[str]:
    """Ids of those it was done to.  A thousand and less are one order, done whole or not at all."""
    done: list[str] = []
    for which in _parts(messages):
        done += access.do(order(which))
    return done


def kicked(access: QueueAccess, messages: Sequence[Queued]) -> int:
    """How many of them are due now."""
    return sum(int(access.do(Kick(which))) for which in _parts(messages))


def _parts(messages: Sequence[Queued]) -> Iterator[Selection]:
    ids = [one.envelope.id for one in messages]
    for at in range(0, len(ids), AT_ONCE):
        if at:
            show_progress(f"{at} of {len(ids)} messages")
        yield Selection(ids=tuple(ids[at : at + AT_ONCE]))
    show_progress("")
