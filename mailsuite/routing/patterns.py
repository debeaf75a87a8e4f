"""Domains and senders as tables name them: ``example.org``, with those below it ``.example.org``; ``user@example.org``,
``@example.org`` and ``<>``.  Pure.

What is compared is in lower case, domains as A-labels, as they stand in envelopes.
"""

from __future__ import annotations

from mailsuite.errors import InvalidName
from mailsuite.model import Address
from mailsuite.routing.names import ascii_domain

NULL_SENDER = "<>"


def domain_pattern(text: str) -> str:
    """As it is compared; InvalidName."""
    if text.startswith("["):  # RFC 5321 §4.1.3: an address literal
        return text.lower()
    return "." * text.startswith(".") + ascii_domain(text.removeprefix("."))


def sender_pattern(text: str) -> str:
    """As it is compared; InvalidName."""
    if text == NULL_SENDER:
        return text
    local, at, domain = text.rpartition("@")
    if not at:
        raise InvalidName(f"{text!r} is no sender: user@example.org, @example.org, or <>")
    return f"{local.lower()}@{domain_pattern(domain)}"


def is_in(domain: str, pattern: str) -> bool:
    """``domain`` in lower case."""
    return domain == pattern.removeprefix(".") or (pattern.startswith(".") and domain.endswith(pattern))


def is_from(sender: Address, pattern: str) -> bool:
    if pattern == NULL_SENDER:
        return sender.is_null
    return ("@" + sender.domain if pattern.startswith("@") else str(sender).lower()) == pattern
