"""Builds delivery status notifications: RFC 3464 in a multipart/report (RFC 6522), with the header of the message they
are about (text/rfc822-headers).

The first sentence says what is wrong, in plain words; what the other server said follows it.  Pure: ids and times are
arguments.  Whatever a remote server said, no line of it can become a field or a boundary of ours.  Lines are CRLF; the
result is 7-bit unless the returned header is not.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from mailsuite.mime.header import first
from mailsuite.model import Address, Envelope, Failed, Status

#: Octets of the original header that are returned.
HEADER_LIMIT = 64 * 1024
#: Characters of somebody's words that are quoted on one line; RFC 5322 §2.1.1 allows 998 octets.
WORDS_LIMIT = 900

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]+@[!-;=?-~]+>")

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
    (4, 2): "the connection to their mail server broke again and again",
    (4, 3): "their mail server could not be found because the DNS did not answer",
    (4, 4): "their mail server could not be found",
    (4, 6): "the mail would go round in circles",
    (4, 7): "their mail server did not take it for too long",
    (6, 3): "the message contains text that their mail server cannot take",
    (6, 7): "their mail server does not take international addresses",
}
_REFUSED_BY_POLICY = "their mail server refused it for reasons of security or policy"
_NOT_TAKEN = "their mail server did not take it"


class Notice(msgspec.Struct, frozen=True):
    """What a notification is about.  ``id`` is the notification's own; ``written`` is now, epoch seconds."""

    id: str
    hostname: str
    written: float
    #: The envelope of the message that failed, all of its recipients.
    envelope: Envelope
    failures: tuple[Failed, ...]
    #: The header of that message, CRLF.
    header: bytes


def build(notice: Notice) -> bytes:
    """The whole notification, addressed to the envelope's sender."""
    header = _returned(notice.header)
    boundary = _boundary(notice.id, header)
    text, encoding = _encoded(_explanation(notice))
    charset = b"us-ascii" if encoding == b"7bit" else b"utf-8"
    header_encoding = b"7bit" if header.isascii() else b"8bit"
    parts = (
        b"Content-Type: text/plain; charset=%b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (charset, encoding, text),
        b"Content-Type: message/delivery-status\r\n\r\n" + _status_part(notice).encode(),
        b"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (header_encoding, header),
    )
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return _top(notice, boundary) + body + b"--%b--\r\n" % boundary


def _top(notice: Notice, boundary: bytes) -> bytes:
    fields = [
        f"From: Mail Delivery System <postmaster@{notice.hostname}>",
        f"To: <{_line(str(notice.envelope.sender))}>",
        "Subject: Your message could not be delivered",
        f"Date: {_date(notice.written)}",
        f"Message-ID: <{notice.id}@{notice.hostname}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 §3.1.7, so that nobody's robot answers
        "MIME-Version: 1.0",
    ]
    original = _MESSAGE_ID.search(first(notice.header, b"message-id"))
    if original is not None and len(original[0]) < WORDS_LIMIT:
        fields += [f"In-Reply-To: {original[0].decode()}", f"References: {original[0].decode()}"]
    fields += [
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary.decode()}"',
        "\r\n",
    ]
    return "\r\n".join(fields).encode()


# -- for people --------------------------------------------------------------------------------------------------------


def _explanation(notice: Notice) -> str:
    failures = notice.failures
    if len(failures) == 1:
        only = failures[0]
        lines = [f"Your message to {_line(str(only.recipient))} could not be delivered:", f"{_reason(only.status)}."]
    else:
        lines = [f"Your message could not be delivered to {len(failures)} of its recipients."]
    days = (notice.written - notice.envelope.arrived) / 86400
    if days >= 1:
        lines.append(f"It was tried again and again for {days:.0f} days.")
    lines += ["It will not be tried again.", ""]
    for failure in failures:
        lines += [
            f"<{_line(str(failure.recipient))}>",
            f"    {_reason(failure.status)}",
            f"    {_line(failure.text)}",
            "",
        ]
    lines += [f"This notice was written by the mail server {notice.hostname}.", f"Queue id: {notice.envelope.id}"]
    return "\r\n".join(lines) + "\r\n"


def _reason(status: Status) -> str:
    if status.subject == 7:
        return _REFUSED_BY_POLICY
    return _REASONS.get((status.subject, status.detail), _NOT_TAKEN)


# -- for programs ------------------------------------------------------------------------------------------------------


def _status_part(notice: Notice) -> str:
    """RFC 3464 §2.2 and §2.3."""
    envelope = notice.envelope
    lines = [f"Reporting-MTA: dns; {notice.hostname}"]
    if envelope.envid:
        lines.insert(0, f"Original-Envelope-Id: {_line(envelope.envid)}")
    lines += [f"Arrival-Date: {_date(envelope.arrived)}", f"X-Mailsuite-Queue-Id: {envelope.id}"]
    originals = {recipient.address: recipient.original for recipient in envelope.recipients}
    for failure in notice.failures:
        lines += ["", *_recipient_fields(failure, originals.get(failure.recipient, ""), notice.written)]
    return "\r\n".join(lines) + "\r\n"


def _recipient_fields(failure: Failed, original: str, written: float) -> Sequence[str]:
    fields = [f"Original-Recipient: {_ascii(original)}"] if original else []
    fields += [f"Final-Recipient: {_typed(failure.recipient)}", "Action: failed", f"Status: {failure.status}"]
    if failure.host:
        fields.append(f"Remote-MTA: dns; {_ascii(failure.host)}")
    if failure.reply:
        fields.append(f"Diagnostic-Code: smtp; {_ascii(failure.reply)}")
    else:
        fields.append(f"Diagnostic-Code: x-mailsuite; {_ascii(failure.text)}")
    return [*fields, f"Last-Attempt-Date: {_date(written)}"]


def _typed(address: Address) -> str:
    """RFC 3464 §2.3.2; RFC 6533 §3 for an address that is not ASCII."""
    text = _line(str(address))
    if text.isascii():
        return f"rfc822; {text}"
    return "utf-8; " + "".join(c if "!" <= c <= "~" and c not in "\\+=" else f"\\x{{{ord(c):X}}}" for c in text)


# -- octets ------------------------------------------------------------------------------------------------------------


def _line(text: str) -> str:
    """Somebody's words on one line of bounded length."""
    return _CONTROLS.sub(" ", text).strip()[:WORDS_LIMIT]


def _ascii(text: str) -> str:
    return _line(text).encode("ascii", "replace").decode()


def _date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC))


def _encoded(text: str) -> tuple[bytes, bytes]:
    """The octets of a text and their Content-Transfer-Encoding."""
    if text.isascii():
        return text.encode(), b"7bit"
    return binascii.b2a_qp(text.encode(), istext=True), b"quoted-printable"


def _returned(header: bytes) -> bytes:
    """As much of the header as is returned, whole lines, ending in CRLF."""
    if len(header) > HEADER_LIMIT:
        header = header[: header.rfind(b"\r\n", 0, HEADER_LIMIT) + 2]
    header = header.rstrip(b"\r\n")
    return header + b"\r\n" if header else b""


def _boundary(id: str, header: bytes) -> bytes:
    """One that does not occur in the only part whose lines are not ours."""
    boundary = f"report-{id}".encode()
    while boundary in header:
        boundary += b"-"
    return boundary
