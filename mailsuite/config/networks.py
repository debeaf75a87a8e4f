"""Addresses as the configuration writes them: networks, the words ``host`` and ``subnet``, name servers with a port."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import TypeAlias

from mailsuite.config.interfaces import Interface
from mailsuite.errors import InvalidName

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

HOST, SUBNET = "host", "subnet"
NETWORKS_ALLOWED = 'an IP address, a network such as "192.0.2.0/24" or "2001:db8::/32", "host" or "subnet"'

_WITH_PORT = re.compile(r"\[(?P<six>[^\]]*)\]:(?P<port6>\d{1,5})|(?P<four>[^:\[\]]*):(?P<port4>\d{1,5})")


def trusted_networks(words: Sequence[str], interfaces: Sequence[Interface]) -> tuple[Network, ...]:
    """The networks that ``words`` name on a machine with these ``interfaces``.  Raises InvalidName."""
    found: list[Network] = []
    for word in words:
        if word == HOST:
            # All of 127/8 and ::1 is this machine, whatever lo is told.
            found += [ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128")]
            found += [ipaddress.ip_network(interface.ip) for interface in interfaces]
        elif word == SUBNET:
            found += [interface.network for interface in interfaces]
        else:
            found.append(_network(word))
    return tuple(dict.fromkeys(found))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        # "192.0.2.1/24 has host bits set" is worth telling apart from nonsense.
        hint = f" ({error})" if "host bits" in str(error) else ""
        raise InvalidName(f"allowed is {NETWORKS_ALLOWED}{hint}") from None


def nameserver(text: str) -> tuple[str, int]:
    """(IP address, port) of ``192.0.2.1``, ``192.0.2.1:53``, ``2001:db8::1`` or ``[2001:db8::1]:53``.

    Raises InvalidName."""
    found = _WITH_PORT.fullmatch(text)
    host, port = (found["six"] or found["four"] or "", int(found["port6"] or found["port4"])) if found else (text, 53)
    if not is_address(host) or not 0 < port < 65536:
        raise InvalidName('allowed is an IP address, with a port if it is not 53: "192.0.2.1", "[2001:db8::1]:5353"')
    return host, port


def is_address(text: str) -> bool:
    """Whether it is an IP address, IPv4 or IPv6."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
