"""What the queue is made of: totals, and where most of it is going."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from mailsuite.cli.queue_table import size, span
from mailsuite.model import Queued
from mailsuite.printable import printable


def stats(messages: Sequence[Queued], now: float, most: int) -> dict[str, object]:
    """Counts; times in seconds, ``domains`` and ``errors`` the ``most`` frequent ones."""
    waiting: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for one in messages:
        waiting.update({entry.recipient.address.domain for entry in one.pending})
        errors.update({f"{entry.last_status} {entry.last_text}".lstrip() for entry in one.pending if entry.last_text})
    return {
        "messages": len(messages),
        "recipients": sum(len(one.pending) for one in messages),
        "octets": sum(one.size for one in messages),
        "new": sum(not one.attempts for one in messages),
        "trying": sum(bool(one.trying) and not one.unwritten for one in messages),
        "due": sum(one.due <= now and not (one.held or one.unwritten or one.trying) for one in messages),
        "held": sum(one.held for one in messages),
        "scheduled": sum(one.envelope.release > now for one in messages),
        "unwritten": sum(bool(one.unwritten) for one in messages),
        "oldest": max((now - one.envelope.arrived for one in messages), default=0.0),
        "domains": [{"domain": name, "messages": count} for name, count in waiting.most_common(most)],
        "errors": [{"error": name, "messages": count} for name, count in errors.most_common(most)],
    }


def stats_lines(messages: Sequence[Queued], now: float, most: int, width: int) -> Iterator[str]:
    """The same for a person; ``width`` in columns (0: no limit)."""
    found = stats(messages, now, most)
    octets = sum(one.size for one in messages)
    yield f"messages     {found['messages']} ({size(octets)}) for {found['recipients']} recipients"
    yield f"not tried    {found['new']}"
    yield f"being tried  {found['trying']}"
    yield f"due now      {found['due']}"
    yield f"held         {found['held']}"
    yield f"scheduled    {found['scheduled']}"
    yield f"not written  {found['unwritten']}"
    yield f"oldest       {span(float(str(found['oldest'])))}"
    for title, key, rows in (("domain", "domain", found["domains"]), ("last error", "error", found["errors"])):
        if isinstance(rows, list) and rows:
            yield ""
            yield f"messages     {title}"
            for row in rows:
                yield from _in_columns(f"{row['messages']:<12} ", printable(row[key]), width)


def _in_columns(head: str, text: str, width: int) -> Sequence[str]:
    if not width:
        return (head + text,)
    return textwrap.wrap(text, max(width, 40), initial_indent=head, subsequent_indent=" " * len(head))
