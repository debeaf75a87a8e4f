"""The part of a notification that programs read: message/delivery-status, RFC 3464 §2, with RFC 6533's addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from mailsuite.mime.notice import Notice, ascii_line, line
from mailsuite.mime.orcpt import is_utf8, plain, unitext
from mailsuite.model import Address, Delayed, Delivered, Failed, Outcome


def status_part(notice: Notice) -> str:
    """The fields of the message and of each recipient; ASCII unless the message was an international one."""
    envelope = notice.envelope
    fields = [f"Reporting-MTA: dns; {notice.hostname}"]
    if envelope.envid:
        fields.insert(0, f"Original-Envelope-Id: {ascii_line(envelope.envid)}")
    fields += [f"Arrival-Date: {date(envelope.arrived)}", f"X-Mailsuite-Queue-Id: {envelope.id}"]
    originals = {recipient.address: recipient.original for recipient in envelope.recipients}
    for outcome in notice.outcomes:
        fields += ["", *_recipient_fields(notice, outcome, originals.get(outcome.recipient, ""))]
    return "\r\n".join(fields) + "\r\n"


def _recipient_fields(notice: Notice, outcome: Outcome, original: str) -> Sequence[str]:
    """RFC 3464 §2.3."""
    international = notice.envelope.smtputf8
    fields = [f"Original-Recipient: {_original(original, international)}"] if original else []
    fields += [
        f"Final-Recipient: {_final(outcome.recipient, international)}",
        f"Action: {_action(outcome)}",
        f"Status: {'2.0.0' if isinstance(outcome, Delivered) else outcome.status}",
    ]
    if outcome.host and not (isinstance(outcome, Delivered) and outcome.final):
        fields.append(f"Remote-MTA: dns; {ascii_line(outcome.host)}")
    fields += _diagnostic(outcome)
    fields.append(f"Last-Attempt-Date: {date(notice.written)}")
    if isinstance(outcome, Delayed) and notice.retry_until:
        fields.append(f"Will-Retry-Until: {date(notice.retry_until)}")
    return fields


def _action(outcome: Outcome) -> str:
    """RFC 3464 §2.3.3."""
    if isinstance(outcome, Delivered):
        return "expanded" if outcome.expanded else "delivered" if outcome.final else "relayed"
    return "failed" if isinstance(outcome, Failed) else "delayed"


def _diagnostic(outcome: Outcome) -> list[str]:
    """RFC 3464 §2.3.6: the other side's own words, or ours."""
    reply = "" if isinstance(outcome, Delayed) else outcome.reply
    if reply:
        return [f"Diagnostic-Code: smtp; {ascii_line(reply)}"]
    return [] if isinstance(outcome, Delivered) else [f"Diagnostic-Code: x-mailsuite; {ascii_line(outcome.text)}"]


def _final(address: Address, international: bool) -> str:
    """RFC 3464 §2.3.2; RFC 6533 §3 for an address that is not ASCII."""
    text = line(str(address))
    if text.isascii():
        return f"rfc822; {text}"
    return f"utf-8; {text if international else unitext(text)}"


def _original(typed: str, international: bool) -> str:
    """What came as ORCPT, ``type;address``; RFC 6533 §3 and §4.1 where its type is utf-8."""
    if not is_utf8(typed):
        return ascii_line(typed)
    kind, address = typed.partition(";")[0], line(plain(line(typed)))
    return f"{kind};{address if international else unitext(address)}"


def date(seconds: float) -> str:
    """RFC 5322 §3.3, in UTC."""
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC))
