"""The part of a notification that people read: the first sentence says what is wrong and what happens next."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime

from mailsuite.mime.notice import Notice, line
from mailsuite.model import Delivered, Outcome, Status

_COLUMNS = 76

#: Subject and detail of a status (RFC 3463), in the words of somebody who sent a message.
_REASONS: dict[tuple[int, int], str] = {
    (1, 1): "there is no such mailbox",
    (1, 2): "the domain after the @ does not exist or takes no mail",
    (1, 3): "it is not a valid address",
    (1, 10): "the domain after the @ takes no mail",
    (2, 1): "the mailbox is disabled",
    (2, 2): "the mailbox is full",
    (3, 4): "the message is too large",
    (4, 1): "their mail server could not be reached",
    (4, 2): "the connection to their mail server broke",
    (4, 3): "their mail server could not be found because the DNS did not answer",
    (4, 4): "their mail server could not be found",
    (4, 6): "the mail would go round in circles",
    (4, 7): "it could not be delivered in the time that was asked for",
    (6, 3): "the message contains text that their mail server cannot take",
    (6, 7): "their mail server does not take international addresses",
    (7, 8): "this mail server was not let in where it hands mail on",
    (7, 10): "it was to be sent over protected connections only, and none could be made to their mail server",
    (7, 30): "it was to be sent over protected connections only, which their mail server does not promise",
}
_REFUSED_BY_POLICY = "their mail server refused it for reasons of security or policy"
_NOT_TAKEN = "their mail server did not take it"
#: Where no other server was asked.
_REFUSED_HERE = "this mail server refuses it for reasons of security or policy"
_NOT_SENT_ON = "this mail server does not send it on"
_NOT_SENT_ON_YET = "this mail server cannot send it on now"


def subject(notice: Notice) -> str:
    """Of the worst that is told."""
    if notice.failed:
        return "A notice could not be delivered" if _is_second(notice) else "Your message could not be delivered"
    if notice.delayed:
        return "Your message has not been delivered yet"
    return "Your message was delivered" if notice.delivered[0].final else "Your message was handed on"


def explanation(notice: Notice) -> str:
    """Lines with CRLF."""
    lines: list[str] = []
    for sentence in _sentences(notice):
        lines += textwrap.wrap(sentence, _COLUMNS, break_long_words=False, break_on_hyphens=False)
    lines.append("")
    for outcome in notice.outcomes:
        lines += [_whom(notice, outcome), *(f"    {words}" for words in _told(outcome)), ""]
    lines += [f"This notice was written by the mail server {notice.hostname}.", f"Queue id: {notice.envelope.id}"]
    return "\r\n".join(lines) + "\r\n"


def _sentences(notice: Notice) -> list[str]:
    sentences = []
    if notice.failed:
        sentences += _failed(notice)
    if notice.delayed:
        sentences += _delayed(notice)
    if notice.delivered:
        sentences += _delivered(notice)
    return sentences


def _failed(notice: Notice) -> list[str]:
    what = "A notice that was sent on its way here" if _is_second(notice) else "Your message"
    if len(notice.failed) == 1:
        only = notice.failed[0]
        told = (
            f"{what} to {notice.written_to(only.recipient)} could not be delivered: {reason(only.status, only.host)}."
        )
    else:
        told = f"{what} could not be delivered to {len(notice.failed)} of its recipients."
    days = (notice.written - notice.envelope.arrived) / 86400
    tried = [f"It was tried again and again for {days:.0f} days."] if days >= 1 else []
    return [told, *tried, "It will not be tried again."]


def _delayed(notice: Notice) -> list[str]:
    until = datetime.fromtimestamp(int(notice.retry_until), UTC)
    next_ = f"it will be tried again until {until:%A, %d %B %Y, %H:%M} UTC, and you need not send it again."
    if len(notice.delayed) == 1:
        only = notice.delayed[0]
        who = notice.written_to(only.recipient)
        return [f"Your message to {who} has not been delivered yet, because {reason(only.status, only.host)}; {next_}"]
    return [f"Your message has not been delivered yet to {len(notice.delayed)} of its recipients; {next_}"]


def _delivered(notice: Notice) -> list[str]:
    final = [one for one in notice.delivered if one.final and not one.expanded]
    expanded = [one for one in notice.delivered if one.expanded]
    relayed = [one for one in notice.delivered if not one.final]
    sentences = []
    if final:
        sentences.append(f"Your message to {_who(notice, final)} was delivered.")
    if expanded:
        sentences.append(
            f"Your message to {_who(notice, expanded)} was sent on to everybody for whom that address stands."
        )
    if relayed:
        sentences.append(
            f"Your message to {_who(notice, relayed)} was handed on to another mail server, which will not tell you "
            "when it is delivered."
        )
    return sentences


def _who(notice: Notice, outcomes: list[Delivered]) -> str:
    return notice.written_to(outcomes[0].recipient) if len(outcomes) == 1 else f"{len(outcomes)} of its recipients"


def _whom(notice: Notice, outcome: Outcome) -> str:
    """Where it went, and what the sender had written if that is another address."""
    address, written = line(str(outcome.recipient)), notice.written_to(outcome.recipient)
    return f"<{address}>" + (f" (addressed to {written})" if written.lower() != address.lower() else "")


def _told(outcome: Outcome) -> list[str]:
    if not isinstance(outcome, Delivered):
        return [reason(outcome.status, outcome.host), line(outcome.text)]
    if outcome.expanded:
        return ["sent on to several addresses"]
    if outcome.final:
        return ["delivered to the mailbox"]
    return [f"handed on to {line(outcome.host)}", *([line(outcome.reply)] if outcome.reply else [])]


def reason(status: Status, host: str) -> str:
    """A clause, in plain words; ``host`` is the other server that decided, empty if it was this one."""
    plain = _REASONS.get((status.subject, status.detail))
    if plain:
        return plain
    if host:
        return _REFUSED_BY_POLICY if status.subject == 7 else _NOT_TAKEN
    if status.subject == 7:
        return _REFUSED_HERE
    return _NOT_SENT_ON if status.klass == 5 else _NOT_SENT_ON_YET


def _is_second(notice: Notice) -> bool:
    """A notice about a notice goes to the postmaster."""
    return notice.envelope.sender.is_null
