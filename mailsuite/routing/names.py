"""Domains as DNS wants them, and address literals.  Pure."""

from __future__ import annotations

import ipaddress

import idna

from mailsuite.errors import InvalidName

#: Octets of a domain name in text, RFC 1035 §2.3.4.
NAME_LIMIT = 253


def ascii_domain(domain: str) -> str:
    """The A-label form, lower case, without a final dot (RFC 5890; RFC 6531 §3.2).  InvalidName if it has none.

    Names that are ASCII already are taken as they are: DNS knows more of them than IDNA allows."""
    name = domain.lower().removesuffix(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, transitional=False).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise InvalidName(f"{domain} is not a valid domain name: {error}") from error
    labels = name.split(".")
    if not name or len(name) > NAME_LIMIT or not all(0 < len(label) <= 63 for label in labels):
        raise InvalidName(f"{domain!r} is not a valid domain name")
    return name


def literal_address(domain: str) -> str | None:
    """The IP address in an address literal, RFC 5321 §4.1.3: ``[192.0.2.1]``, ``[IPv6:2001:db8::1]``; None for a
    name.  InvalidName for brackets around anything else."""
    if not domain.startswith("["):
        return None
    inner = domain[1:-1] if domain.endswith("]") else ""
    try:
        if inner.lower().startswith("ipv6:"):
            return str(ipaddress.IPv6Address(inner[5:]))
        return str(ipaddress.IPv4Address(inner))
    except ValueError:
        raise InvalidName(f"{domain} is not an address literal this server can send to") from None


def is_address(host: str) -> bool:
    """Whether a host is given by its IP address rather than by name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
