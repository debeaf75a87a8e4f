"""Orders about many messages: some at a time, so that the server does other things too, with progress for a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailsuite.cli.queue_access import QueueAccess, show_progress
from mailsuite.model import Queued, Selection
from mailsuite.net.control import Change

#: Messages of one request.
AT_ONCE = 1000


def ordered(access: QueueAccess, messages: Sequence[Queued], order: Callable[[Selection], Change]) -> list[str]:
    """Ids of those it was done to.  A thousand and less are one order, done whole or not at all."""
    ids = [one.envelope.id for one in messages]
    done: list[str] = []
    for at in range(0, len(ids), AT_ONCE):
        if at:
            show_progress(f"{at} of {len(ids)} messages")
        done += access.do(order(Selection(ids=tuple(ids[at : at + AT_ONCE]))))
    show_progress("")
    return done
