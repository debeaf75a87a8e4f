"""The queue as a table for a person: fits a terminal of 80 columns, and is still one line a recipient in a pipe.

The id is never cut, since it is there to be copied.  What a server said last stands on lines of its own below; where
the addresses do not fit they are cut in the middle, so that the domain stays.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from mailsuite.model import Pending, Queued
from mailsuite.printable import printable

_HEADS = ("id", "size", "arrived", "due", "sender", "recipient")
_GAP, _INDENT = "  ", "    "
#: Columns below which an address says nothing any more; a narrower terminal breaks the lines itself.
_NARROWEST = 12


class _Row(msgspec.Struct, frozen=True, gc=False):
    cells: tuple[str, ...]
    #: What is to be said below this row: what went wrong last.
    below: tuple[str, ...]


def table(messages: Sequence[Queued], now: float, width: int) -> Iterator[str]:
    """Its lines; ``now`` in epoch seconds, ``width`` in columns (0: no limit)."""
    rows = [row for one in messages for row in _rows(one, now)]
    widths = _widths(rows, width)
    yield _line(_HEADS, widths)
    for row in rows:
        yield _line(row.cells, widths)
        for words in row.below:
            yield from _below(words, width)


def _rows(one: Queued, now: float) -> Iterator[_Row]:
    """One a recipient; what is the same for all stands on the first."""
    arrived = f"{span(now - one.envelope.arrived)} ago"
    common = (one.envelope.id, size(one.size), arrived, _due(one, now), printable(str(one.envelope.sender)) or "<>")
    waiting = [(str(entry.recipient.address), _said(entry)) for entry in one.pending] or [(_those(one), "")]
    for index, (recipient, said) in enumerate(waiting):
        last = index + 1 == len(waiting)
        error = said if last or waiting[index + 1][1] != said else ""
        cells = (*(common if index == 0 else ("",) * len(common)), printable(recipient))
        yield _Row(cells, (error, unwritten(one)) if last else (error,))


def _due(one: Queued, now: float) -> str:
    if one.unwritten or not one.pending:
        return "not written" if one.unwritten else "done"
    if one.trying:
        return "trying"
    due = "held" if one.held else "now" if one.due <= now else f"in {span(one.due - now)}"
    if one.envelope.release > now and not one.held:  # RFC 4865
        due = f"scheduled, {due}"
    return due


def _those(one: Queued) -> str:
    """The recipients of a message for which nobody waits any more."""
    names = [str(recipient.address) for recipient in one.envelope.recipients]
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else "".join(names)


def unwritten(one: Queued) -> str:
    """That what came of it is not on disk, if that is so."""
    if not one.pending:
        return "sent or returned, " + (
            f"result not written: {printable(one.unwritten)}" if one.unwritten else "being removed"
        )
    return f"tried, result not written: {printable(one.unwritten)}" if one.unwritten else ""


def _said(entry: Pending) -> str:
    return printable(entry.last_text)


def _below(words: str, width: int) -> Sequence[str]:
    if not words:
        return ()
    if not width:
        return (_INDENT + words,)
    return textwrap.wrap(words, max(width, 40), initial_indent=_INDENT, subsequent_indent=_INDENT)


def _widths(rows: Sequence[_Row], width: int) -> list[int]:
    """Columns of each cell; only the two addresses give way."""
    widths = [max(map(len, cells)) for cells in zip(_HEADS, *(row.cells for row in rows), strict=True)]
    if not width:
        return widths
    room = width - sum(widths[:-2]) - len(_GAP) * (len(widths) - 1)
    sender, recipient = widths[-2:]
    if sender + recipient > room:
        half = max(_NARROWEST, room // 2)
        sender = min(sender, max(half, room - recipient))
        recipient = min(recipient, max(half, room - sender))
    return [*widths[:-2], sender, recipient]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(_cut(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cut(text: str, width: int) -> str:
    """``some..ample.org``: both ends of what is too long."""
    if len(text) <= width:
        return text
    head = (width - 2) // 2
    return f"{text[:head]}..{text[len(text) - (width - 2 - head) :]}"


def size(octets: int) -> str:
    """``950``, ``12K``, ``3M``: octets in at most five characters."""
    for unit in ("", "K", "M"):
        if octets < 10_000:
            return f"{octets}{unit}"
        octets //= 1024
    return f"{octets}G"


def span(seconds: float) -> str:
    """``4 min``: a time as exact as it matters."""
    for unit, length, below in (("s", 1, 90), ("min", 60, 5400), ("h", 3600, 48 * 3600)):
        if seconds < below:
            return f"{max(0, seconds) / length:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
