"""Tables of addresses as Postfix has them: how they are read, and what each entry makes of an address."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.directory.address_map import AddressMap, Exchange, parse
from mailsuite.directory.names import split_address
from mailsuite.errors import InvalidName
from mailsuite.model import NULL_SENDER, Address

TABLE = """\
# canonical(5)
Ann@a.test   Ann.Lee@b.test
ann@b.test   x@y.test

@old.test
    # within
    @new.test
@one.test box@b.test
ann@old.test ann@old.test
root admin
ärger@a.test anger@a.test
kim+list@a.test lists@a.test
@xn--bcher-kva.test @books.test
"""


def table(text: str = TABLE, generic: bool = False) -> AddressMap:
    return parse(text, "/t", ["b.test", "mx.b.test"], generic)


def address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(local, domain)


@pytest.mark.parametrize(
    ("given", "to", "line"),
    [
        ("ann@a.test", "Ann.Lee@b.test", 2),
        ("ANN@A.test", "Ann.Lee@b.test", 2),
        ("ann+x@a.test", "Ann.Lee+x@b.test", 2),
        ("bob@old.test", "bob@new.test", 5),
        ("Bob+x@old.test", "Bob+x@new.test", 5),
        ("bob@one.test", "box@b.test", 8),
        ("bob+x@one.test", "box@b.test", 8),
        # Found once, by its whole name before the domain's.
        ("ann@old.test", "ann@old.test", 9),
        ("ann+x@old.test", "ann+x@old.test", 9),
        ("root@b.test", "admin@b.test", 10),
        ("root@mx.b.test", "admin@b.test", 10),
        ("Ärger@a.test", "anger@a.test", 11),
        ("kim+list@a.test", "lists@a.test", 12),
        ("ann@bücher.test", "ann@books.test", 13),
    ],
)
def test_what_an_entry_makes_of_an_address(given: str, to: str, line: int) -> None:
    found = table().exchange(address(given))
    assert found is not None
    assert (found.address, found.file, found.line) == (address(to), "/t", line)


@pytest.mark.parametrize(
    "given", ["bob@a.test", "ann@sub.a.test", "root@a.test", "kim@a.test", "kim+other@a.test", "ann@b\u00fc\u00fc.test"]
)
def test_no_entry_is_about_it(given: str) -> None:
    assert table().exchange(address(given)) is None


@pytest.mark.parametrize("given", [NULL_SENDER, Address("postmaster", ""), Address("+", "c.test")])
def test_what_is_no_whole_address_stays(given: Address) -> None:
    assert table("@ @b.test".replace("@ ", "@b.test ")).exchange(given) is None


def test_outside_the_detail_stays_behind() -> None:
    outside = table("ann@a.test ann@isp.test\n@a.test all@isp.test\n@b.test @isp.test\n", generic=True)
    assert outside.exchange(address("ann+x@a.test")) == Exchange(address("ann@isp.test"), "ann@a.test", "/t", 1)
    assert outside.exchange(address("bob+x@a.test")) == Exchange(address("all@isp.test"), "@a.test", "/t", 2)
    # The same user is the whole user.
    assert outside.exchange(address("bob+x@b.test")) == Exchange(address("bob+x@isp.test"), "@b.test", "/t", 3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x\nann@a.test", "line 1: 'x' is not of the form ADDRESS ADDRESS"),
        ("ann@a.test b@b.test, c@c.test", "line 1: 'ann@a.test b@b.test, c@c.test' is not of the form"),
        ("# x\nann@a.test @b.test", "line 2: 'ann@a.test' needs a whole address, not '@b.test'"),
        ("ann@a_b b@b.test", "line 1: .a_b. is not a domain name"),
        ("ann@a.test a@b@c d@e.test", "line 1: "),
        ("ann@a.test jörg@b.test", "line 1: 'jörg@b.test' is not ASCII, and servers without SMTPUTF8"),
        ("a@b.test b@b.test\nA@b.test c@b.test", "line 2: a@b.test is in line 1 already"),
    ],
)
def test_lines_that_make_no_sense(text: str, why: str) -> None:
    with pytest.raises(InvalidName, match=why):
        table(text)


@given(
    st.lists(
        st.sampled_from(["ann", "@", "a.test", "+x", " ", "\n", "\t", "#", '"', "<>", "ü", ".", "\x00"]), max_size=20
    )
)
def test_any_text_is_a_table_or_is_told_to_be_none(words: list[str]) -> None:
    with contextlib.suppress(InvalidName):
        read = table("".join(words))
        for untouched in (NULL_SENDER, Address("postmaster", "")):
            assert read.exchange(untouched) is None
        for given_ in (Address("ann+x", "a.test"), Address("ü", "ü.test")):
            if (made := read.exchange(given_)) is not None:
                assert made.line >= 1
                assert made.address.domain


def test_an_empty_table_changes_nothing() -> None:
    assert table("# nothing\n\n").exchange(split_address("ann@a.test")) is None
