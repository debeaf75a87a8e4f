from __future__ import annotations

import ipaddress
import struct

import pytest

from mailsuite.config import interfaces as module
from mailsuite.config.interfaces import own_interfaces
from mailsuite.config.networks import nameserver, trusted_networks
from mailsuite.errors import InvalidName

ETH0 = (ipaddress.IPv4Interface("192.0.2.7/24"), ipaddress.IPv6Interface("2001:db8::7/64"))


def names(*words: str) -> list[str]:
    return [str(network) for network in trusted_networks(words, ETH0)]


def test_networks_are_taken_as_they_stand() -> None:
    assert names("10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1") == [
        "10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128",
    ]  # fmt: skip


def test_host_is_this_machine_alone() -> None:
    assert names("host") == ["127.0.0.0/8", "::1/128", "192.0.2.7/32", "2001:db8::7/128"]


def test_subnet_is_the_networks_it_is_in() -> None:
    assert names("subnet") == ["192.0.2.0/24", "2001:db8::/64"]


@pytest.mark.parametrize("word", ["", "Host", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "example.org", "1", "10.0.0.0/8 "])
def test_anything_else_is_refused(word: str) -> None:
    with pytest.raises(InvalidName):
        names(word)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_nameserver_may_have_a_port(text: str, server: tuple[str, int]) -> None:
    assert nameserver(text) == server


@pytest.mark.parametrize(
    "text", ["", "ns.a.test", "192.0.2.1:0", "192.0.2.1:65536", "[::1]", "[ns]:53", ":53", "1.2.3.4:x"]
)
def test_anything_else_is_no_nameserver(text: str) -> None:
    with pytest.raises(InvalidName):
        nameserver(text)


def test_this_machine_has_loopback() -> None:
    assert ipaddress.IPv4Interface("127.0.0.1/8") in own_interfaces()


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def test_own_end_of_a_point_to_point_link_counts() -> None:
    head = struct.pack("=BBBBI", 2, 32, 0, 0, 1)
    body = head + attribute(1, bytes([10, 0, 0, 2])) + attribute(3, b"tun0\0") + attribute(2, bytes([10, 0, 0, 1]))
    assert list(module._interface(body)) == [ipaddress.IPv4Interface("10.0.0.1/32")]
