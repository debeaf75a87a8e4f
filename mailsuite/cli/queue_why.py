"""Why a message is still here, and what happens next: in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mailsuite.cli.queue_table import size, span
from mailsuite.mime.dsn_words import reason
from mailsuite.model import Pending, Queued, Status
from mailsuite.printable import printable
from mailsuite.queue.unwritten import AGAIN


def why(one: Queued, now: float) -> Iterator[str]:
    """Lines about a message."""
    envelope = one.envelope
    sender = printable(str(envelope.sender)) or "<>"
    yield f"{envelope.id}: from {sender}, {_octets(one.size)}, arrived {span(now - envelope.arrived)} ago"
    for entry in one.pending:
        yield f"  {printable(str(entry.recipient.address))}"
        yield from (f"    {line}" for line in _about(entry, one))
    if not one.pending:
        yield "  nobody waits any more: it was sent or returned"
    if one.unwritten:
        yield from (f"  {line}" for line in _unwritten(one))
        return
    yield f"  {_next(one, now)}"
    yield from _wishes(one, now)


def _unwritten(one: Queued) -> Iterator[str]:
    yield f"What came of its last attempt cannot be written down: {printable(one.unwritten)}"
    yield f"That is tried every {AGAIN:.0f} s. Make room, or mend the disk; until then nothing else happens to it."
    yield "If the server is killed before, the next start repeats the attempt, and who was served is served twice."
    rest = ", and who still waits gets nothing" if one.pending else ""
    yield f"`mailsuite queue drop {one.envelope.id}` removes it{rest}."


def _octets(count: int) -> str:
    return f"{count} octets" if count < 10_000 else size(count)


def _about(entry: Pending, one: Queued) -> Iterator[str]:
    if entry.last_text and not entry.last_status:
        yield f"kept on hold: {printable(entry.last_text)}"
        return
    if not entry.attempts:
        yield "not tried yet" if not one.attempts else "not tried yet: its destination has as much as it takes"
        return
    times = "once" if entry.attempts == 1 else f"{entry.attempts} times"
    yield f"tried {times}: {reason(Status.parse(entry.last_status), entry.last_host)}"
    yield printable(f"{entry.last_status} {entry.last_text}")


def _next(one: Queued, now: float) -> str:
    if not one.pending:
        return "It is being removed."
    if one.returned:
        return "It is about to be returned to its sender."
    given_up = f"and is given up at {_moment(one.expires)}"
    if one.trying:
        then = "and is held after that" if one.held else given_up
        return f"It is being tried now, for {span(now - one.trying)} so far, {then}."
    if one.held:
        return f"It is held: nothing happens before `mailsuite queue release {one.envelope.id}`."
    if one.envelope.release > now:
        return f"It is scheduled: not sent before {_moment(one.envelope.release)}."
    if one.due <= now:
        return f"It is due now, waits for its turn at {printable(one.lane) or 'its destination'}, {given_up}."
    return f"It is tried again in {span(one.due - now)}, at {_moment(one.due)}, {given_up}."


def _wishes(one: Queued, now: float) -> Iterator[str]:
    if one.via:
        yield f"  It goes by {printable(one.via)}, as somebody ordered (`mailsuite queue reroute`)."
    if one.envelope.require_tls and not one.envelope.sender.is_null:
        yield "  It is only sent over verified TLS (REQUIRETLS)."
    if one.envelope.priority:
        yield f"  Its priority is {one.envelope.priority} (-9 to 9)."
    if one.told:
        yield f"  The sender was told of the delay {span(now - one.told)} ago."
    elif one.notice > now and not _is_kept(one):
        yield f"  The sender is told of the delay in {span(one.notice - now)}."


def _is_kept(one: Queued) -> bool:
    """By a rule, which nobody is told of."""
    return one.held and all(entry.last_text and not entry.last_status for entry in one.pending)


def _moment(seconds: float) -> str:
    """In the time of this machine."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
