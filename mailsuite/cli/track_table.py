"""The life of a message as lines for a person."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator

from mailsuite.cli.queue_table import size
from mailsuite.happenings import (
    Accepted,
    Checked,
    Connected,
    Happening,
    Moved,
    Notified,
    Placed,
    Read,
    Refused,
    Removed,
    Rewritten,
    Routed,
    Steered,
    Tried,
    Waiting,
)
from mailsuite.printable import printable
from mailsuite.routing.transports import DISCARDED
from mailsuite.track.life import Life

_NARROWEST = 60
_INDENT = " " * 22


def lines_of(one: Life, width: int) -> Iterator[str]:
    """One a happening, and more where words are long, under the day."""
    yield one.id
    today = ""
    for what in one.happenings:
        kind, words = _told(what)
        day, at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(what.at)).split()
        if day != today:
            yield f"  {day}"
            today = day
        yield from textwrap.wrap(
            printable(words),
            max(width, _NARROWEST),
            initial_indent=f"  {at}  {kind:<10}",
            subsequent_indent=_INDENT,
            break_on_hyphens=False,
        )


def _told(what: Happening) -> tuple[str, str]:
    match what:
        case Connected() | Checked() | Accepted() | Refused() | Rewritten():
            return _arrival(what)
        case Placed(place=place, uid=uid):
            return "delivered", f"into {place}, UID {uid}"
        case Waiting(recipients=recipients):
            return "queued", "for " + ", ".join(f"<{one}>" for one in recipients)
        case Routed(domain=domain, hops=hops):
            return "routed", f"{domain}: {', '.join(hops)}"
        case Tried(recipient=recipient, result="delivered", host=DISCARDED.host):
            return "discarded", f"<{recipient}>: by the transport table; nobody is told"
        case Tried(recipient=recipient, result=result, host=host, words=words):
            return _RESULTS.get(result, result), f"<{recipient}>{f' by {host}' if host else ''}: {words}"
        case Steered():
            return "ordered", _steered(what)
        case Notified(notice=notice, to=to):
            return "notice", f"to <{to}>: {notice}"
        case Read(place=place, how=how):
            return "read", f"{how}, {place}"
        case Moved(target=target, targets=targets, kept=kept):
            return "copied" if kept else "moved", f"to {target}, UID {targets[0]}"
        case Removed(place=place, how=how):
            return "removed", f"{how}, {place}"


def _steered(what: Steered) -> str:
    if what.order == "reroute":
        return f"to go by {what.words or 'the usual way'}"
    return f"{what.order}{f': {what.words}' if what.words else ''}"


def _arrival(what: Connected | Checked | Accepted | Refused | Rewritten) -> tuple[str, str]:
    match what:
        case Connected():
            return "connected", _facts(what)
        case Checked(checks=checks, results=results):
            return "checked", "; ".join((f"{', '.join(checks)}: nothing against it", *results))
        case Accepted():
            return "accepted", _accepted(what)
        case Refused(sender=sender, recipient=recipient, client=client, words=words):
            to = f" to <{recipient}>" if recipient else ""
            by = "" if what.since else f", client {client}"
            return "refused", f"from <{sender}>{to}{by}: {words}"
        case Rewritten(given=given, to=to):
            return "rewritten", f"<{given}> becomes <{to}>"


_RESULTS = {"delivered": "sent"}


def _accepted(what: Accepted) -> str:
    to = ", ".join(f"<{one}>" for one in what.recipients)
    by = "" if what.since else f", {_facts(what)}"
    id = f", Message-ID {what.message_id}" if what.message_id else ""
    return f"from <{what.sender}> to {to}, {size(what.size)} octets{by}{id}"


def _facts(what: Connected | Accepted) -> str:
    """Who brought it."""
    facts = [f"client {what.client}", what.service]
    facts += [f"helo {what.helo}"] if what.helo else []
    facts += [what.tls] if what.tls else []
    facts += [f"logged in as {what.account}"] if what.account else []
    facts += ["of a trusted network"] if what.trusted else []
    return ", ".join(filter(None, facts))
