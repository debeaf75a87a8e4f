"""Orders about many messages: some at a time, so that the server does other things too, with progress for a person; and
what is said when some of it could not be done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from mailsuite.cli.queue_access import AT_ONCE, QueueAccess, show_progress
from mailsuite.errors import MailError, Temporary
from mailsuite.model import Order, Ordered, Queued, Selection

#: Ids that are named one by one; more are only counted.
NAMED = 20
#: Reasons that are told; of more the most frequent ones.
REASONS = 5


class Result(msgspec.Struct, frozen=True):
    """Ids of those it was ``done`` to, why not to others, and those that were ``gone`` by then."""

    done: Sequence[str]
    failed: dict[str, str]
    gone: Sequence[str]

    def complain(self, what: str) -> None:
        """Raises Temporary if there is reason to: ``not held: m1, m2 (no space left)``."""
        if self.failed:
            raise Temporary(f"{len(self.failed)} not {what}: {'; '.join(self._reasons())}")

    def _reasons(self) -> Iterator[str]:
        by_reason: dict[str, list[str]] = {}
        for id, why in self.failed.items():
            by_reason.setdefault(why, []).append(id)
        most = sorted(by_reason.items(), key=lambda reason: -len(reason[1]))
        for why, ids in most[:REASONS]:
            more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
            yield f"{', '.join(ids[:NAMED])}{more} ({why})"
        if most[REASONS:]:
            yield f"{sum(len(ids) for _, ids in most[REASONS:])} for other reasons (--json has all)"


def ordered(access: QueueAccess, messages: Sequence[Queued], order: Order) -> Result:
    """Have it done to these."""
    done: list[str] = []
    failed: dict[str, str] = {}
    ids = [one.envelope.id for one in messages]
    for at in range(0, len(ids), AT_ONCE):
        if at:
            show_progress(f"{at} of {len(ids)} messages")
        try:
            some: Ordered = access.order(Selection(ids=tuple(ids[at : at + AT_ONCE])), order)
        except MailError as error:
            if not at:
                raise
            failed |= dict.fromkeys(ids[at:], f"as far as is known: {error}")
            break
        done += some.done
        failed |= some.failed
    show_progress("")
    known = {*done, *failed}
    return Result(done, failed, [id for id in ids if id not in known])
