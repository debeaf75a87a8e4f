"""The header with which a proxy says for whom it connects: PROXY protocol, versions 1 and 2.

Source: doc/proxy-protocol.txt of haproxy (2020/03/05), sections 2.1 and 2.2.  Promises: any cut of the input gives the
same result; nothing behind the header is looked at; at most ``LONGEST`` octets are kept; what is not such a header is a
``ProxyError``, at the first octet that shows it.  Of what a proxy adds (TLVs) only what is worth a word in the log is
read.  Whom to believe is the caller's business.  A CRC32C in the header is not checked: TCP has its own.
"""

from __future__ import annotations

import ipaddress
import re
import struct

import msgspec

from mailsuite.wire.signals import NEED_DATA, Signal

#: Octets that a header may have; version 1 bounds itself to 107.
LONGEST = 16 + 4096
_LONGEST_LINE = 107

_WORD = b"PROXY "
_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_PORT = rb"(0|[1-9][0-9]{0,4})"
_LINE = re.compile(
    rb"PROXY (?:(TCP[46]) ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) " + _PORT + b" " + _PORT + rb"|UNKNOWN(?: .*)?)",
    re.DOTALL,
)

#: Section 2.2: version and command.
_LOCAL, _PROXY = 0x20, 0x21
_FAMILIES, _TRANSPORTS = range(4), range(3)
_STREAM = 1
#: Family -> how its addresses and ports are packed.
_PACKED = {1: struct.Struct("!4s4sHH"), 2: struct.Struct("!16s16sHH")}
_AUTHORITY, _SSL, _SSL_VERSION, _SSL_CIPHER = 0x02, 0x20, 0x21, 0x23
_LONGEST_WORD = 255


class ProxyError(Exception):
    """Not a PROXY header; the text says why."""


class Endpoint(msgspec.Struct, frozen=True):
    """``address`` is an IP address as text, empty where the proxy names none; then the connection's own counts."""

    address: str = ""
    port: int = 0


class Proxied(msgspec.Struct, frozen=True):
    """What a header says.  ``tls`` and ``name`` (of SNI) are the proxy's words on TLS in front of it, for the log."""

    source: Endpoint = Endpoint()
    destination: Endpoint = Endpoint()
    tls: str = ""
    name: str = ""


class HeaderReader:
    """Takes octets until the header is whole."""

    def __init__(self) -> None:
        self._data = b""

    def receive(self, data: bytes) -> None:
        """Octets of the connection."""
        self._data += data

    @property
    def rest(self) -> bytes:
        """What came behind the header, once it was read."""
        return self._data

    def read(self) -> Proxied | Signal:
        """The header, once, or NEED_DATA.  Raises ProxyError."""
        data = self._data
        if data[:12] == _SIGNATURE[: len(data)]:
            return self._read_binary()
        if data[:6] == _WORD[: len(data)]:
            return self._read_line()
        raise ProxyError("no PROXY header")

    def _read_line(self) -> Proxied | Signal:
        """Section 2.1."""
        end = self._data.find(b"\r\n", 0, _LONGEST_LINE)
        if end < 0:
            if len(self._data) >= _LONGEST_LINE:
                raise ProxyError("the line has no end")
            return NEED_DATA
        line, self._data = self._data[:end], self._data[end + 2 :]
        found = _LINE.fullmatch(line)
        if found is None:
            raise ProxyError("the line is malformed")
        if not found[1]:
            return Proxied()
        version = int(found[1][3:])
        return Proxied(_from_text(version, found[2], found[4]), _from_text(version, found[3], found[5]))

    def _read_binary(self) -> Proxied | Signal:
        """Section 2.2."""
        if len(self._data) < 16:
            return NEED_DATA
        command, kind, length = struct.unpack_from("!BBH", self._data, 12)
        family, transport = kind >> 4, kind & 15
        if command not in (_LOCAL, _PROXY):
            raise ProxyError("an unknown version or command")
        if family not in _FAMILIES or transport not in _TRANSPORTS:
            raise ProxyError("an unknown address family or protocol")
        if 16 + length > LONGEST:
            raise ProxyError("the header is too long")
        if len(self._data) < 16 + length:
            return NEED_DATA
        block, self._data = self._data[16 : 16 + length], self._data[16 + length :]
        packed = _PACKED.get(family)
        if command == _LOCAL or packed is None or transport != _STREAM:
            return Proxied()  # the receiver uses the connection's own addresses
        if length < packed.size:
            raise ProxyError("the addresses are cut short")
        source, destination, source_port, destination_port = packed.unpack_from(block)
        tls, name = _about_tls(block[packed.size :])
        return Proxied(_endpoint(source, source_port), _endpoint(destination, destination_port), tls, name)


def _from_text(version: int, address: bytes, port: bytes) -> Endpoint:
    try:
        parsed = ipaddress.ip_address(address.decode("ascii"))
    except ValueError:
        raise ProxyError("not an IP address") from None
    if parsed.version != version or int(port) > 65535:
        raise ProxyError("an address of the wrong kind, or no port")
    return _endpoint(parsed.packed, int(port))


def _endpoint(packed: bytes, port: int) -> Endpoint:
    """An IPv4 address that comes as ``::ffff:192.0.2.1`` (RFC 4291 §2.5.5.2) is 192.0.2.1."""
    parsed = ipaddress.ip_address(packed)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return Endpoint(str(mapped or parsed), port)


def _about_tls(block: bytes) -> tuple[str, str]:
    """(version and cipher, name asked for) of the TLS in front of the proxy, as far as it tells; section 2.2.6."""
    vectors = _vectors(block)
    inner = _vectors(vectors.get(_SSL, b"")[5:])
    tls = " ".join(filter(None, (_word(inner.get(_SSL_VERSION, b"")), _word(inner.get(_SSL_CIPHER, b"")))))
    return tls, _word(vectors.get(_AUTHORITY, b""))


def _vectors(block: bytes) -> dict[int, bytes]:
    """Type, length, value; what is cut short is left out."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(block):
        kind, length = struct.unpack_from("!BH", block, at)
        found[kind] = block[at + 3 : at + 3 + length]
        at += 3 + length
    return found


def _word(octets: bytes) -> str:
    """For the log: printable, and not long."""
    text = octets[:_LONGEST_WORD].decode("ascii", "replace")
    return "".join(char if char.isprintable() else "?" for char in text)
