"""Client addresses: as text without disguise, and what counts as one client.

A listener on ``::`` sees IPv4 clients as ``::ffff:192.0.2.1`` (RFC 4291 §2.5.5.2); everybody else is told 192.0.2.1.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
import struct
from collections.abc import Callable
from typing import TypeAlias

from twisted.internet.interfaces import IAddress, ITransport, IUNIXTransport

_MAPPED = "::ffff:"
#: A peer of which nothing more is known than that it is on this machine.
LOCAL = "local"
#: Networks that are remembered.
_KNOWN = 4096

#: From a client's address as text to what is limited as one client.
NetworkOf: TypeAlias = Callable[[str], str]


def client_address(peer: IAddress | None) -> str:
    """The IP address of a transport's peer; empty if it has none (a UNIX socket)."""
    host = str(getattr(peer, "host", ""))
    return host[len(_MAPPED) :] if host.lower().startswith(_MAPPED) and "." in host else host


def peer_name(peer: IAddress | None) -> str:
    """``192.0.2.1:40000`` or ``[2001:db8::1]:40000``, for the log; ``LOCAL`` for a UNIX socket."""
    address = client_address(peer)
    return with_port(address, getattr(peer, "port", "")) if address else LOCAL


def named_peer(known: str, transport: ITransport) -> str:
    """What is ``known`` of it already, else its ``peer_name``; ``local uid=1000`` at a UNIX socket: whose process it is
    says the kernel (unix(7), SO_PEERCRED)."""
    name = known or peer_name(transport.getPeer())
    if name != LOCAL or not IUNIXTransport.providedBy(transport):
        return name
    handle: socket.socket = transport.getHandle()  # type: ignore[attr-defined]
    _, uid, _ = struct.unpack("3i", handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return f"{LOCAL} uid={uid}"


def with_port(address: str, port: object) -> str:
    """Both in one word."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def client_networks(prefix4: int, prefix6: int) -> NetworkOf:
    """What counts as one client, by the lengths of network prefixes.  What is no address is a client of its own."""

    @functools.lru_cache(_KNOWN)
    def network(address: str) -> str:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return address
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        prefix = prefix4 if parsed.version == 4 else prefix6
        if prefix == parsed.max_prefixlen:
            return str(parsed)
        return str(ipaddress.ip_network((parsed.packed, prefix), strict=False))

    return network


#: An IPv4 address, or the /64 that one customer has for himself (RFC 6177).
network_of = client_networks(32, 64)
