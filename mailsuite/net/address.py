"""Client addresses: as text without disguise, and what counts as one client.

A listener on ``::`` sees IPv4 clients as ``::ffff:192.0.2.1`` (RFC 4291 §2.5.5.2); everybody else is told 192.0.2.1.
"""

from __future__ import annotations

import ipaddress

from twisted.internet.interfaces import IAddress

_MAPPED = "::ffff:"


def client_address(peer: IAddress | None) -> str:
    """The IP address of a transport's peer; empty if it has none (a UNIX socket)."""
    host = str(getattr(peer, "host", ""))
    return host[len(_MAPPED) :] if host.lower().startswith(_MAPPED) and "." in host else host


def network_of(address: str) -> str:
    """What is limited as one client: an IPv4 address, or the /64 that one customer has for himself (RFC 6177)."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
