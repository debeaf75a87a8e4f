"""XCLIENT's grammar, and whom it makes of a client (Postfix, XCLIENT_README)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.model import Account, Client
from mailsuite.net.smtp_xclient import named_client
from mailsuite.smtp.events import XClient
from mailsuite.smtp.grammar import CommandError
from mailsuite.smtp.xclient import parse_xclient

FILTER = Client("192.0.2.1", 4000, "smtp", helo="filter.test", tls="TLSv1.3", account="old@here.test", trusted=True)


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("ADDR=203.0.113.7", {"ADDR": "203.0.113.7"}),
        ("addr=IPV6:2001:DB8::7", {"ADDR": "2001:db8::7"}),
        ("ADDR=ipv6:::ffff:203.0.113.7", {"ADDR": "203.0.113.7"}),
        ("ADDR=[unavailable] NAME=[TEMPUNAVAIL]", {"ADDR": "", "NAME": ""}),
        ("PORT=00025 PROTO=esmtp", {"PORT": "25", "PROTO": "ESMTP"}),
        ("HELO=a+2Bb+3Dc LOGIN=ann@here.test", {"HELO": "a+b=c", "LOGIN": "ann@here.test"}),
        ("DESTADDR=198.51.100.1 DESTPORT=25", {"DESTADDR": "198.51.100.1", "DESTPORT": "25"}),
    ],
)
def test_attributes_are_decoded(argument: str, found: dict[str, str]) -> None:
    assert parse_xclient(argument) == XClient(found)


@pytest.mark.parametrize(
    "argument",
    [
        "", "ADDR", "ADDR=", "ADDR=x", "ADDR=[192.0.2.1]", "IP=192.0.2.1", "PORT=-1", "PORT=65536", "PORT=\u0662",
        "PROTO=HTTP", "HELO=a+0Db", "HELO=a+", "HELO=+20", "NAME=" + "x" * 256, "PORT=1 PORT=1", "=x",
    ],
)  # fmt: skip
def test_anything_else_is_refused(argument: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_xclient(argument)
    assert caught.value.reply.code == 501


@given(st.text(max_size=80), st.sampled_from(["", "ADDR=", "HELO=", "PORT=", "LOGIN="]))
def test_nothing_but_a_refusal_escapes(text: str, name: str) -> None:
    with contextlib.suppress(CommandError):
        found = parse_xclient(name + text).attributes
        assert all(value.isprintable() and " " not in value for value in found.values())


def test_who_is_named_has_nothing_of_who_names_but_tls() -> None:
    asked: list[str] = []

    def trusts(address: str) -> bool:
        asked.append(address)
        return False

    named = named_client(FILTER, parse_xclient("ADDR=203.0.113.7 PORT=25"), Account(""), trusts)
    assert named == Client("203.0.113.7", 25, "smtp", tls="TLSv1.3")
    assert asked == ["203.0.113.7"]


def test_an_unknown_address_is_never_the_proxys_nor_a_unix_sockets() -> None:
    trusted = {"", "127.0.0.1", FILTER.address}
    named = named_client(FILTER, parse_xclient("ADDR=[UNAVAILABLE]"), Account(""), lambda address: address in trusted)
    assert not named.trusted
    assert named.address not in trusted
