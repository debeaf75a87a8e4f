"""What is added to a message on its submission, and only there: RFC 6409 §8.2 (Date) and §8.3 (Message-ID)."""

from __future__ import annotations

from mailsuite.mime.header import first
from mailsuite.smtp.received import date


def missing_fields(header: bytes, id: str, hostname: str, now: float) -> bytes:
    """The fields that the header (CRLF) should have and has not; ``now`` in seconds since the epoch."""
    fields = []
    if not first(header, b"date"):
        fields.append(f"Date: {date(now)}\r\n")
    if not first(header, b"message-id"):
        fields.append(f"Message-ID: <{id}@{hostname}>\r\n")
    return "".join(fields).encode("ascii")
