"""smtp.address: the grammar of RFC 5321 §4.1.2 and §4.1.3 as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.model import NULL_SENDER, Address
from mailsuite.smtp.address import (
    AddressError,
    is_domain,
    parse_forward_path,
    parse_mailbox,
    parse_reverse_path,
    split_path,
)


@pytest.mark.parametrize(
    ("path", "local", "domain"),
    [
        ("<a@b>", "a", "b"),
        ("<Jones@Xyz.COM>", "Jones", "xyz.com"),
        ("<user+tag@example.org>", "user+tag", "example.org"),
        ("<a.b.c@x-y.example.org>", "a.b.c", "x-y.example.org"),
        ("<!#$%&'*+-/=?^_`{|}~@x.y>", "!#$%&'*+-/=?^_`{|}~", "x.y"),
        ('<"john doe"@x.y>', "john doe", "x.y"),
        (r'<"a\"b\\c"@x.y>', 'a"b\\c', "x.y"),
        ('<"plain"@x.y>', "plain", "x.y"),
        ('<"a>b"@x.y>', "a>b", "x.y"),
        ('<"a@b"@x.y>', "a@b", "x.y"),
        ("<@a,@b.c:user@d.e>", "user", "d.e"),
        ("<@[192.0.2.1]:user@d.e>", "user", "d.e"),
        ("<user%far@here>", "user%far", "here"),
        ("<far!user@here>", "far!user", "here"),
        ("<u@[192.0.2.1]>", "u", "[192.0.2.1]"),
        ("<u@[IPv6:2001:DB8::0001]>", "u", "[ipv6:2001:db8::1]"),
        ("<u@[IPv6:::ffff:192.0.2.1]>", "u", "[ipv6:::ffff:c000:201]"),
        ("<u@[x400:Some-Thing]>", "u", "[x400:some-thing]"),
        ("<u@3com.com>", "u", "3com.com"),
        ("<jörg@here.test>", "jörg", "here.test"),
        ('<"j ö"@here.test>', "j ö", "here.test"),
        ("<u@Bücher.example>", "u", "xn--bcher-kva.example"),
        ("<u@bu\u0308cher.EXAMPLE>", "u", "xn--bcher-kva.example"),
        ("<u@XN--Bcher-KVA.example>", "u", "xn--bcher-kva.example"),
        ("<用户@例え.テスト>", "用户", "xn--r8jz45g.xn--zckzah"),
        (
            "<" + "l" * 64 + "@" + ".".join(["d" * 63] * 3 + ["d" * 61]) + ">",
            "l" * 64,
            ".".join(["d" * 63] * 3 + ["d" * 61]),
        ),
    ],
)
def test_a_path_gives_its_mailbox(path: str, local: str, domain: str) -> None:
    assert parse_forward_path(path) == Address(local, domain)
    assert parse_reverse_path(path) == Address(local, domain)
    assert split_path(path + " SIZE=1") == (path, " SIZE=1")


@pytest.mark.parametrize(
    "path",
    [
        "<a>",
        "<ü>",
        "<u@-ü.test>",
        "<u@ü..test>",
        "<u@ü_x.test>",
        "<u@\u200dü.test>",
        "<u\x85@b>",
        "<" + "ü" * 129 + "@b>",
        "<u@" + "ü" * 60 + ">",
        "<@b>",
        "<a@>",
        "<a@b@c>",
        "<a b@c>",
        "<.a@b>",
        "<a.@b>",
        "<a..b@c>",
        "<a@b.>",
        "<a@.b>",
        "<a@b..c>",
        "<a@-b>",
        "<a@b->",
        "<a@b_c>",
        '<""@b>',
        '<"a"b@c>',
        '<"a@c>',
        "<a@[1.2.3]>",
        "<a@[1.2.3.256]>",
        "<a@[1.2.3.4>",
        "<a@1.2.3.4]>",
        "<a@[IPv6:xyz]>",
        "<a@[]>",
        "<@a:>",
        "<@a,b:c@d>",
        "<@a c@d>",
        "<a\x7f@b>",
        "<<a@b>>",
        "<a@b>>",
        "< a@b>",
        "a@b",
        "<a@" + "d" * 64 + ".b>",
        "<a@" + ".".join(["d" * 60] * 5) + ">",
        "<" + "l" * 257 + "@b>",
        "",
    ],
)
def test_what_the_grammar_does_not_allow_is_refused(path: str) -> None:
    with pytest.raises(AddressError):
        parse_forward_path(path)
    with pytest.raises(AddressError):
        parse_reverse_path(path)


def test_the_null_sender_is_a_reverse_path_only() -> None:
    assert parse_reverse_path("<>") is NULL_SENDER
    with pytest.raises(AddressError):
        parse_forward_path("<>")


@pytest.mark.parametrize("path", ["<postmaster>", "<Postmaster>", "<POSTMASTER>"])
def test_postmaster_needs_no_domain(path: str) -> None:
    assert parse_forward_path(path) == Address("postmaster", "")
    with pytest.raises(AddressError):
        parse_reverse_path(path)


@pytest.mark.parametrize("text", ["a@b", "", "<a@b", '<"a>@b', " <a@b>"])
def test_a_path_without_brackets_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        split_path(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [("example.org", True), ("localhost", True), ("[192.0.2.1]", True), ("[IPv6:::1]", True), ("a_b", False),
     ("example.org.", False), ("", False), ("[x]", False), ("a b", False), ("a" * 256, False)],
)  # fmt: skip
def test_a_domain_is_a_name_or_a_literal(text: str, good: bool) -> None:
    assert is_domain(text) is good


@given(st.text(alphabet=st.sampled_from('ab.@<>",:[]\\ !%é\x00IPv6:12'), max_size=40))
def test_parsing_raises_nothing_but_its_error(text: str) -> None:
    for parse in (parse_forward_path, parse_reverse_path, parse_mailbox, split_path):
        try:
            parse(text)
        except AddressError:
            continue


LOCALS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)


@given(LOCALS, st.sampled_from(["x.y", "[192.0.2.1]", "a-b.c"]))
def test_an_address_written_is_read_back(local: str, domain: str) -> None:
    address = Address(local, domain)
    assert parse_mailbox(str(address)) == address
    assert parse_forward_path(f"<{address}>") == address
