"""PROXY headers, versions 1 and 2 (haproxy, doc/proxy-protocol.txt)."""

# ruff: noqa: E501 - in a table, a case is a line

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.wire.proxy import LONGEST, Endpoint, HeaderReader, Proxied, ProxyError
from mailsuite.wire.signals import NEED_DATA, Signal

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
HOST, SERVER = Endpoint("192.0.2.7", 40000), Endpoint("198.51.100.1", 25)
V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack("!HH", 40000, 25)
V6 = bytes.fromhex("20010db8000000000000000000000007" + "20010db8000000000000000000000001") + V4[8:]


def binary(command: int, family: int, block: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


def vector(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def read(data: bytes) -> tuple[Proxied | Signal, bytes]:
    reader = HeaderReader()
    reader.receive(data)
    return reader.read(), reader.rest


TLS = vector(0x20, b"\x01\x00\x00\x00\x00" + vector(0x21, b"TLSv1.3") + vector(0x23, b"TLS_AES_128_GCM_SHA256"))
GOOD = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n", Proxied(HOST, SERVER)),
    (b"PROXY TCP6 2001:db8::7 2001:DB8::1 40000 25\r\n", Proxied(Endpoint("2001:db8::7", 40000), Endpoint("2001:db8::1", 25))),
    (b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 40000 25\r\n", Proxied(HOST, SERVER)),
    (b"PROXY UNKNOWN\r\n", Proxied()),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", Proxied()),
    (binary(0x21, 0x11, V4), Proxied(HOST, SERVER)),
    (binary(0x21, 0x21, V6), Proxied(Endpoint("2001:db8::7", 40000), Endpoint("2001:db8::1", 25))),
    (binary(0x21, 0x11, V4 + b"x"), Proxied(HOST, SERVER)),
    (binary(0x21, 0x11, V4 + TLS + vector(2, b"mx.test")), Proxied(HOST, SERVER, "TLSv1.3 TLS_AES_128_GCM_SHA256", "mx.test")),
    (binary(0x21, 0x11, V4 + vector(2, b"a\r\nb")), Proxied(HOST, SERVER, "", "a??b")),
    (binary(0x20, 0x00, b""), Proxied()),
    (binary(0x20, 0x11, V4), Proxied()),
    (binary(0x21, 0x00, b"ignored"), Proxied()),
    (binary(0x21, 0x12, V4), Proxied()),
    (binary(0x21, 0x31, bytes(216)), Proxied()),
]  # fmt: skip


@pytest.mark.parametrize(("header", "found"), GOOD)
def test_what_a_header_says(header: bytes, found: Proxied) -> None:
    assert read(header + b"EHLO x\r\nPROXY again") == (found, b"EHLO x\r\nPROXY again")
    for cut in range(len(header)):
        assert read(header[:cut]) == (NEED_DATA, header[:cut])


@pytest.mark.parametrize(
    "data",
    [
        b"EHLO x\r\n", b"E", b"PROXY\r\n", b"PROXY TCP5 192.0.2.7 198.51.100.1 1 25\r\n", b"proxy TCP4",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n", b"PROXY TCP4 192.0.2.7  198.51.100.1 40000 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25 \r\n", b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 040 25\r\n", b"PROXY TCP4 192.0.2.07 198.51.100.1 40 25\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 40 25\r\n", b"PROXY TCP6 192.0.2.7 198.51.100.1 40 25\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.1 40 25\r\n", b"PROXY UNKNOWN" + b"x" * 94, b"PROXY " + b"1" * 101,
        binary(0x11, 0x11, V4), binary(0x22, 0x11, V4), binary(0x21, 0x41, V4), binary(0x21, 0x13, V4),
        binary(0x21, 0x11, V4[:11]), SIGNATURE[:11] + b"x",
        SIGNATURE + struct.pack("!BBH", 0x21, 0x11, LONGEST - 15),
    ],
)  # fmt: skip
def test_anything_else_is_refused_as_soon_as_it_shows(data: bytes) -> None:
    with pytest.raises(ProxyError):
        read(data)


@given(st.data())
def test_any_cut_gives_the_same(data: st.DataObject) -> None:
    header, found = data.draw(st.sampled_from(GOOD))
    stream = header + b"rest"
    reader = HeaderReader()
    at = 0
    while at < len(header):
        size = data.draw(st.integers(1, 30))
        reader.receive(stream[at : at + size])
        at += size
        if at < len(header):
            assert reader.read() is NEED_DATA
    assert reader.read() == found
    assert reader.rest == stream[len(header) : at]


@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=300).map(lambda b: SIGNATURE + b),
        st.text(max_size=120).map(lambda t: b"PROXY " + t.encode() + b"\r\n"),
    )
)
def test_nothing_but_its_own_error_escapes(data: bytes) -> None:
    with contextlib.suppress(ProxyError):
        read(data)
