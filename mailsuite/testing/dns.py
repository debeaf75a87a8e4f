"""DNS for tests: one description of zones, answered from memory (``FakeDNS``) or over UDP and TCP (``DNSServer``).

A zone is a dict from names to what they hold: ``{"b.test": {"MX": ["10 mx.b.test"], "A": ["127.0.0.2"]}}``, values in
master-file text without final dots; or to a ``Trouble``.  Names that are not in it do not exist; a name above one that
is exists and is empty (RFC 8020).  The dict may change while it is being served.
"""

from __future__ import annotations

import contextlib
import enum
import socket
import socketserver
import struct
import threading
from collections.abc import Mapping, Sequence
from typing import Self, TypeAlias

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from twisted.internet.defer import Deferred, execute, fail, succeed
from zope.interface import implementer

from mailsuite.errors import NotFound, Temporary
from mailsuite.interfaces import IResolver
from mailsuite.model import Mx, Tlsa

#: Seconds for which answers may be remembered.
TTL = 60
#: The same of absence, where it is shorter (RFC 2308 §5).
NEGATIVE_TTL = 40
CNAME_LIMIT = 8


class Trouble(enum.Enum):
    """A name that cannot be looked up."""

    SERVFAIL = "servfail"
    REFUSED = "refused"
    SILENCE = "no answer"
    GARBAGE = "not a DNS message"
    ONLY_TCP = "truncated over UDP, SERVFAIL over TCP"


Records: TypeAlias = Mapping[str, Sequence[str]]
Zones: TypeAlias = Mapping[str, Records | Trouble]


def find(zones: Zones, name: str, kind: str) -> tuple[list[tuple[str, str, Sequence[str]]], bool]:
    """The (name, type, values) sets that answer a question, CNAMEs first, and whether the last name exists.

    Temporary if one of the names is trouble."""
    found: list[tuple[str, str, Sequence[str]]] = []
    for _ in range(CNAME_LIMIT):
        held = zones.get(name)
        if isinstance(held, Trouble):
            raise Temporary(f"{name}: {held.value}")
        if held is None:
            return found, any(other.endswith("." + name) for other in zones)
        if "CNAME" in held and kind != "CNAME":
            found.append((name, "CNAME", held["CNAME"]))
            name = held["CNAME"][0].lower().rstrip(".")
            continue
        if held.get(kind):
            found.append((name, kind, held[kind]))
        return found, True
    raise Temporary(f"{name}: CNAMEs in a circle")


def canonical(zones: Zones, name: str, kind: str) -> str:
    """Where CNAMEs lead; Temporary if one of the names is trouble."""
    aliases = [values[0] for _, held, values in find(zones, name, kind)[0] if held == "CNAME" != kind]
    return aliases[-1].lower().rstrip(".") if aliases else name


def is_signed(zones: Zones, name: str, kind: str, signed: Sequence[str]) -> bool:
    """Whether each name on the way to an answer is in one of these zones; Temporary if one of them is trouble."""
    names = {name, canonical(zones, name, kind), *(owner for owner, _, _ in find(zones, name, kind)[0])}
    return all(any(one == zone or one.endswith("." + zone) for zone in signed) for one in names)


@implementer(IResolver)
class FakeDNS:
    """IResolver from zones in memory.  ``asked`` lists the questions in order, as (type, name); names in and below
    ``signed`` count as DNSSEC."""

    def __init__(self, zones: Zones, signed: Sequence[str] = ()) -> None:
        self.zones = zones
        self.signed = signed
        self.asked: list[tuple[str, str]] = []

    def mx(self, domain: str) -> Deferred[tuple[Mx, ...]]:
        def value(text: str) -> Mx:
            preference, exchange = text.split()
            return Mx(int(preference), exchange.lower().rstrip("."))

        return self._answer(domain, ("MX",), value)

    def addresses(self, host: str) -> Deferred[tuple[str, ...]]:
        return self._answer(host, ("AAAA", "A"), str)

    def txt(self, name: str) -> Deferred[tuple[bytes, ...]]:
        return self._answer(name, ("TXT",), str.encode)

    def tlsa(self, name: str) -> Deferred[tuple[Tlsa, ...]]:
        def value(text: str) -> Tlsa:
            usage, selector, matching, data = text.split()
            return Tlsa(int(usage), int(selector), int(matching), bytes.fromhex(data))

        return self._answer(name, ("TLSA",), value)

    def canonical(self, name: str, kind: str) -> Deferred[str]:
        name = name.lower().rstrip(".")
        return self._answer(name, (kind,), str).addCallback(lambda _: canonical(self.zones, name, kind))

    def is_secure(self, name: str, kind: str) -> Deferred[bool]:
        return execute(is_signed, self.zones, name.lower().rstrip("."), kind, self.signed)

    def _answer(self, name: str, kinds: Sequence[str], value: object) -> Deferred[tuple]:  # type: ignore[type-arg]
        name = name.lower().rstrip(".")
        values: list[object] = []
        for kind in kinds:
            self.asked.append((kind, name))
            try:
                found, exists = find(self.zones, name, kind)
            except Temporary as error:
                return fail(error)
            if not exists:
                return fail(NotFound(f"{name} does not exist"))
            values += [value(text) for _, held, texts in found if held == kind for text in texts]  # type: ignore[operator]
        return succeed(tuple(values))


class NameServer:
    """An authoritative server for ``zones``, without its sockets.

    ``asked`` lists the questions in order, as (transport, type, name).  Answers about names in and below ``signed`` say
    that their signatures were checked (AD), as those of a validating resolver do; absence has an SOA with
    ``NEGATIVE_TTL``."""

    def __init__(self, zones: Zones, signed: Sequence[str] = ()) -> None:
        self.zones = zones
        self.signed = signed
        self.asked: list[tuple[str, str, str]] = []

    def answer(self, octets: bytes, transport: str) -> bytes:
        """The answer's octets; empty for silence."""
        query = dns.message.from_wire(octets)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((transport, kind, name))
        held = self.zones.get(name)
        if isinstance(held, Trouble):
            return _trouble(held, query, transport)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        try:
            found, exists = find(self.zones, name, kind)
            if is_signed(self.zones, name, kind, self.signed):
                response.flags |= dns.flags.AD
        except Temporary:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()
        if not exists:
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.answer.extend(_rrset(*one) for one in found)
        if not any(held == kind for _, held, _ in found):
            response.authority.append(_rrset(".", "SOA", [f"ns. root. 1 3600 600 86400 {NEGATIVE_TTL}"]))
        return _to_wire(response, 65535 if transport == "TCP" else max(query.payload, 512))


class DNSServer(NameServer):
    """One on loopback, in threads of its own: ``with DNSServer(zones) as server: server.port``."""

    def __init__(self, zones: Zones, address: str = "127.0.0.1", signed: Sequence[str] = ()) -> None:
        super().__init__(zones, signed)
        self.address = address
        self._tcp, self._udp = self._listen()
        #: The port of both UDP and TCP.
        self.port: int = self._udp.server_address[1]

    def __enter__(self) -> Self:
        for server in (self._tcp, self._udp):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._tcp, self._udp):
            server.shutdown()
            server.server_close()

    def _listen(self) -> tuple[socketserver.BaseServer, socketserver.UDPServer]:
        outer = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                octets, sock = self.request
                answer = outer.answer(octets, "UDP")
                if answer:
                    sock.sendto(answer, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            timeout = 10

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    while size := self.rfile.read(2):
                        answer = outer.answer(self.rfile.read(struct.unpack("!H", size)[0]), "TCP")
                        if answer:
                            self.wfile.write(struct.pack("!H", len(answer)) + answer)

        class TcpServer(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            address_family = socket.AF_INET6 if ":" in self.address else socket.AF_INET

        for _ in range(50):  # both need the same port
            udp = socketserver.UDPServer((self.address, 0), Udp)
            try:
                return TcpServer(udp.server_address, Tcp), udp
            except OSError:
                udp.server_close()
        raise RuntimeError("no port is free for both UDP and TCP")


def _trouble(trouble: Trouble, query: dns.message.Message, transport: str) -> bytes:
    if trouble is Trouble.SILENCE:
        return b""
    if trouble is Trouble.GARBAGE:
        return query.id.to_bytes(2, "big") + b"\xff" * 20
    response = dns.message.make_response(query)
    if trouble is Trouble.ONLY_TCP and transport == "UDP":
        response.flags |= dns.flags.TC
    else:
        response.set_rcode(dns.rcode.REFUSED if trouble is Trouble.REFUSED else dns.rcode.SERVFAIL)
    return response.to_wire()


def _rrset(name: str, kind: str, values: Sequence[str]) -> dns.rrset.RRset:
    texts = [_master_text(kind, value) for value in values]
    return dns.rrset.from_text(dns.name.from_text(name), TTL, dns.rdataclass.IN, kind, *texts)


def _master_text(kind: str, value: str) -> str:
    if kind == "TXT":
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value + "." if kind in ("MX", "CNAME", "NS", "PTR") and not value.endswith(".") else value


def _to_wire(response: dns.message.Message, limit: int) -> bytes:
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        response.answer.clear()
        response.flags |= dns.flags.TC
        return response.to_wire()
