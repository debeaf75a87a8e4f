"""Builds delivery status notifications: RFC 3464 in a multipart/report (RFC 6522), for international mail in the types
of RFC 6533, with the header of the message they are about or the whole of it.

Three parts: words for a person (``dsn_words``), fields for a program (``dsn_fields``), the message.  Pure: ids and
times are arguments; a message that is returned whole is not held here but goes between the two halves of a ``Form``.
Whatever a remote server said, no line of it can become a field or a boundary of ours.  Lines are CRLF.
"""

from __future__ import annotations

import binascii
import re

import msgspec

from mailsuite.mime.dsn_fields import date, status_part
from mailsuite.mime.dsn_words import explanation, subject
from mailsuite.mime.header import first
from mailsuite.mime.notice import Notice, line
from mailsuite.mime.tls_required import is_waived

#: Octets of the original header that are returned.
HEADER_LIMIT = 64 * 1024
#: Characters of a Message-ID that is referred to; RFC 5322 §2.1.1 allows 998 octets a line.
ID_LIMIT = 900

_MESSAGE_ID = re.compile(rb"<[!-;=?A-~]+@[!-;=?-~]+>")


class Form(msgspec.Struct, frozen=True):
    """A notification: with ``Notice.whole`` the octets of the message go between the two."""

    before: bytes
    after: bytes


def build(notice: Notice) -> Form:
    """The notification, addressed to ``notice.to``."""
    header = b"" if notice.whole else _returned(notice.header)
    boundary = _boundary(notice.id, header)
    parts = (_text_part(notice), _status(notice), _message_type(notice) + header)
    body = b"\r\n".join(b"--%b\r\n%b" % (boundary, part) for part in parts)
    return Form(_top(notice, boundary) + body, b"\r\n--%b--\r\n" % boundary)


def _top(notice: Notice, boundary: bytes) -> bytes:
    fields = [
        f"From: Mail Delivery System <postmaster@{notice.hostname}>",
        f"To: <{line(str(notice.to))}>",
        f"Subject: {subject(notice)}",
        f"Date: {date(notice.written)}",
        f"Message-ID: <{notice.id}@{notice.hostname}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 §3.1.7, so that nobody's robot answers
        "MIME-Version: 1.0",
    ]
    if is_waived(notice.header) and not notice.envelope.require_tls:  # RFC 8689 §6: what its sender wanted of the way
        fields.append("TLS-Required: No")
    original = _MESSAGE_ID.search(first(notice.header, b"message-id"))
    if original is not None and len(original[0]) < ID_LIMIT:
        fields += [f"In-Reply-To: {original[0].decode()}", f"References: {original[0].decode()}"]
    fields += [
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary.decode()}"',
        "\r\n",
    ]
    return "\r\n".join(fields).encode()


def _text_part(notice: Notice) -> bytes:
    text = explanation(notice)
    if text.isascii():
        return _head("text/plain; charset=us-ascii", "7bit") + text.encode()
    return _head("text/plain; charset=utf-8", "quoted-printable") + binascii.b2a_qp(text.encode(), istext=True)


def _status(notice: Notice) -> bytes:
    """RFC 3464 §2; RFC 6533 §4.1 where the message was an international one."""
    fields = status_part(notice)
    if fields.isascii():
        return b"Content-Type: message/delivery-status\r\n\r\n" + fields.encode()
    return _head("message/global-delivery-status", "8bit") + fields.encode()


def _message_type(notice: Notice) -> bytes:
    """The MIME header over what is returned: RFC 6522 §3, RFC 6533 §4.2 and §4.3."""
    international = notice.envelope.smtputf8 and not notice.header.isascii()
    if notice.whole:
        return _head("message/global" if international else "message/rfc822", "8bit" if notice.eight_bit else "7bit")
    encoding = "7bit" if notice.header.isascii() else "8bit"
    return _head("message/global-headers" if international else "text/rfc822-headers", encoding)


def _head(kind: str, encoding: str) -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()


def _returned(header: bytes) -> bytes:
    """As much of the header as is returned, whole lines."""
    if len(header) > HEADER_LIMIT:
        header = header[: header.rfind(b"\r\n", 0, HEADER_LIMIT) + 2]
    header = header.rstrip(b"\r\n")
    return header + b"\r\n" if header else b""


def _boundary(id: str, header: bytes) -> bytes:
    """One that does not occur in the header; in a message that is older than the id it could only by chance."""
    boundary = f"report-{id}".encode()
    while boundary in header:
        boundary += b"-"
    return boundary
