"""Domains as tables name them: ``example.org``, and with those below it ``.example.org``.  Pure."""

from __future__ import annotations


def is_in(domain: str, pattern: str) -> bool:
    """Both in lower case."""
    return domain == pattern.removeprefix(".") or (pattern.startswith(".") and domain.endswith(pattern))
