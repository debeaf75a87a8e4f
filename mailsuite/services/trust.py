"""Whether a client's address lies in a trusted network."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Sequence

from mailsuite.config.networks import Network

_THIS_MACHINE = "127.0.0.1"
#: Addresses whose answer is kept.
_KNOWN = 4096


def trusts(networks: Sequence[Network]) -> Callable[[str], bool]:
    """A predicate on IP addresses as text; what is no IP address is trusted by nobody.  The empty one, of a client on a
    Unix socket, is this machine."""

    @functools.lru_cache(_KNOWN)
    def trusted(address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address or _THIS_MACHINE)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in networks)

    return trusted
