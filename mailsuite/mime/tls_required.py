"""The header field TLS-Required, RFC 8689 §3: a sender who would rather have a message read by others than lost."""

from __future__ import annotations

from mailsuite.mime.header import all_values


def is_waived(header: bytes) -> bool:
    """It says ``No``, once, as the field may stand there only once."""
    return [value.lower() for value in all_values(header, b"tls-required")] == [b"no"]
