"""Canonical addresses and masquerading, one after the other, in envelope and header."""

from __future__ import annotations

import pytest

from mailsuite.directory.address_map import parse
from mailsuite.directory.names import split_address
from mailsuite.directory.rewriting import Masquerade, Rewriting, exchanges
from mailsuite.errors import InvalidName
from mailsuite.model import NULL_SENDER, Address, Client

CLIENT = Client("192.0.2.1", 1, "smtp")
SENDERS = parse("ann@a.test lee@web.a.test", "/s", ["a.test"])
BOTH = parse("lee@web.a.test ann.lee@web.a.test\n@old.test @web.a.test", "/b", ["a.test"])
MASKED = Masquerade(["!lab.a.test", "deep.a.test", "a.test"], ["Root"])
REWRITING = Rewriting([SENDERS, BOTH], [BOTH], [MASKED])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("bob@web.a.test", "bob@a.test"),
        ("bob@x.web.a.test", "bob@a.test"),
        ("bob@x.deep.a.test", "bob@deep.a.test"),
        ("bob@deep.a.test", "bob@deep.a.test"),
        ("bob@a.test", "bob@a.test"),
        ("bob@lab.a.test", "bob@lab.a.test"),
        ("bob@x.lab.a.test", "bob@x.lab.a.test"),
        ("bob@nota.test", "bob@nota.test"),
        ("root@web.a.test", "root@web.a.test"),
        ("ROOT@web.a.test", "ROOT@web.a.test"),
    ],
)
def test_hosts_that_nobody_sees(given: str, shown: str) -> None:
    assert Rewriting(masquerade=[MASKED]).sender(split_address(given)) == split_address(shown)


def test_each_rule_is_about_what_the_one_before_made() -> None:
    steps = REWRITING.of_sender(Address("ann", "a.test"))
    assert [(str(one.address), one.rule, one.file) for one in steps] == [
        ("lee@web.a.test", "ann@a.test", "/s"),
        ("ann.lee@web.a.test", "lee@web.a.test", "/b"),
        ("ann.lee@a.test", "a.test", ""),
    ]
    assert REWRITING.sender(Address("ann", "a.test")) == Address("ann.lee", "a.test")


def steps(text: str, given: str, generic: bool = False) -> list[str]:
    return [str(one.address) for one in exchanges([parse(text, "/t", ["a.test"], generic)], split_address(given))]


def test_what_a_canonical_table_gives_is_looked_up_in_it_again() -> None:
    chain = "one@a.test two@a.test\ntwo@a.test three@b.test\n@b.test @c.test\n"
    assert steps(chain, "one+x@a.test") == ["two+x@a.test", "three+x@b.test", "three+x@c.test"]
    assert steps(chain, "one+x@a.test", generic=True) == ["two@a.test"]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("one@a.test one@a.test\n@a.test @b.test", ["one@a.test"]),
        ("one@a.test two@a.test\ntwo@a.test one@a.test", ["two@a.test", "one@a.test"]),
        ("@a.test @b.test\n@b.test @a.test", ["one@b.test", "one@a.test"]),
    ],
)
def test_a_circle_ends_where_it_began(text: str, made: list[str]) -> None:
    assert steps(text, "one@a.test") == made


def test_a_recipient_keeps_its_host_where_mail_has_to_find_it() -> None:
    bob = Address("bob", "old.test")
    assert REWRITING.recipient(bob) == Address("bob", "web.a.test")
    assert REWRITING.header(b"To: bob@old.test\r\n\r\n", CLIENT) == b"To: bob@a.test\r\n\r\n"


def test_senders_and_recipients_have_tables_of_their_own() -> None:
    header = b"From: Ann <ann@a.test>\r\nTo: ann@a.test\r\nSubject: ann@a.test\r\n\r\n"
    shown = b"From: Ann <ann.lee@a.test>\r\nTo: ann@a.test\r\nSubject: ann@a.test\r\n\r\n"
    assert REWRITING.header(header, CLIENT) == shown


def test_the_header_of_strangers_stays() -> None:
    header = b"From: ann@a.test\r\n\r\n"
    assert Rewriting([SENDERS], is_ours=lambda client: client.trusted).header(header, CLIENT) is header


@pytest.mark.parametrize("address", [NULL_SENDER, Address("postmaster", "")])
def test_what_is_no_address_stays(address: Address) -> None:
    assert REWRITING.sender(address) == REWRITING.recipient(address) == address


def test_a_domain_that_is_none_is_told() -> None:
    with pytest.raises(InvalidName):
        Masquerade(["a b"])
