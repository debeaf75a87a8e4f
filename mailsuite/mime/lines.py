"""The two forms of a message: LF as it lies in a Maildir, CRLF as it goes over the wire.

A bare CR belongs to its line and is kept in both.
"""

from __future__ import annotations


def to_lf(data: bytes) -> bytes:
    """CRLF becomes LF; free of charge when there is no CR."""
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


def to_crlf(data: bytes) -> bytes:
    """Every line end becomes CRLF, whichever it was."""
    return to_lf(data).replace(b"\n", b"\r\n")


def crlf_size(data: bytes) -> int:
    """``len(to_crlf(data))`` without making it."""
    size = len(data) + data.count(b"\n")
    return size - data.count(b"\r\n") if b"\r" in data else size
