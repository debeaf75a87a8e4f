"""The addresses of this machine's network interfaces, with their networks, from the Linux kernel (rtnetlink(7))."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import TypeAlias

Interface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface

# linux/rtnetlink.h and linux/if_addr.h
_RTM_NEWADDR, _RTM_GETADDR, _NLMSG_ERROR, _NLMSG_DONE = 20, 22, 2, 3
_NLM_F_REQUEST_DUMP = 0x301
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_IFADDRMSG = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_RTATTR = struct.Struct("=HH")  # length, type


def own_interfaces() -> tuple[Interface, ...]:
    """Each address with its prefix, loopback too, as they are now.  OSError where the kernel does not say."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:  # NETLINK_ROUTE
        kernel.settimeout(5)
        request = _IFADDRMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        kernel.send(_HEADER.pack(_HEADER.size + len(request), _RTM_GETADDR, _NLM_F_REQUEST_DUMP, 1, 0) + request)
        found: list[Interface] = []
        while True:
            for kind, body in _messages(kernel.recv(1 << 16)):
                if kind == _NLMSG_DONE:
                    return tuple(found)
                if kind == _NLMSG_ERROR:
                    raise OSError("the kernel refused to list the network interfaces")
                if kind == _RTM_NEWADDR:
                    found.extend(_interface(body))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(data)
        yield kind, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def _interface(body: bytes) -> Iterator[Interface]:
    family, prefix, _, _, _ = _IFADDRMSG.unpack_from(body)
    attributes: dict[int, bytes] = {}
    rest = body[_IFADDRMSG.size :]
    while len(rest) >= _RTATTR.size:
        length, kind = _RTATTR.unpack_from(rest)
        attributes[kind] = rest[_RTATTR.size : length]
        rest = rest[max((length + 3) & ~3, _RTATTR.size) :]
    # IFA_ADDRESS is the other end on a point-to-point link; IFA_LOCAL is ours where both are given.
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    if packed is not None and family == socket.AF_INET:
        yield ipaddress.IPv4Interface((packed, prefix))
    elif packed is not None and family == socket.AF_INET6:
        yield ipaddress.IPv6Interface((packed, prefix))
