"""Address lists as clients get them in ENVELOPE."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime import addresses
from mailsuite.mime.addresses import MAX_ADDRESSES, MAX_OCTETS, MAX_TOKENS, Group, Mailbox, parse

AB = (b"", b"a", b"b")


def mailbox(name: bytes, route: bytes, local: bytes, domain: bytes) -> Mailbox:
    return Mailbox(name, route, local, domain)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a@b", (b"", b"", b"a", b"b")),
        (b"<a@b>", (b"", b"", b"a", b"b")),
        (b"Foo Bar <a@b>", (b"Foo Bar", b"", b"a", b"b")),
        (b'"Foo, Bar" <a@b>', (b"Foo, Bar", b"", b"a", b"b")),
        (b'"Foo \\"x\\" Bar" <a@b>', (b'Foo "x" Bar', b"", b"a", b"b")),
        (b'"Foo" Bar <a@b>', (b"Foo Bar", b"", b"a", b"b")),
        (b"Foo\tBar  Baz <a@b>", (b"Foo Bar Baz", b"", b"a", b"b")),
        (b"John Q. Public <a@b>", (b"John Q. Public", b"", b"a", b"b")),
        (b"=?utf-8?q?a_b?= <a@b>", (b"=?utf-8?q?a_b?=", b"", b"a", b"b")),
        (b"Fo\xc3\xb6 <a@b>", (b"Fo\xc3\xb6", b"", b"a", b"b")),
        (b"a.b@c.d", (b"", b"", b"a.b", b"c.d")),
        (b'"a b"@c', (b"", b"", b"a b", b"c")),
        (b"a@[192.0.2.1]", (b"", b"", b"a", b"[192.0.2.1]")),
        # comments, RFC 5322 section 3.4
        (b"a@b (Foo (the) Bar)", (b"Foo (the) Bar", b"", b"a", b"b")),
        (b"Foo (x) <a@b>", (b"Foo", b"", b"a", b"b")),
        (b"(x) <a(y)@(z)b>", (b"x", b"", b"a", b"b")),
        (b"a@b (\\))", (b")", b"", b"a", b"b")),
        # obsolete syntax, section 4.4
        (b"<@r1,@r2:a@b>", (b"", b"@r1,@r2", b"a", b"b")),
        (b"Foo <@r1:a@b>", (b"Foo", b"@r1", b"a", b"b")),
        (b"a . b @ c . d", (b"", b"", b"a.b", b"c.d")),
        # malformed
        (b"root", (b"", b"", b"root", b"")),
        (b"<root>", (b"", b"", b"root", b"")),
        (b"Foo Bar", (b"Foo Bar", b"", b"", b"")),
        (b'"Foo Bar"', (b"Foo Bar", b"", b"", b"")),
        (b"<>", (b"", b"", b"", b"")),
        (b"Foo <>", (b"Foo", b"", b"", b"")),
        (b"Foo <<a@b>>", (b"Foo", b"", b"a", b"b")),
        (b"<a@b", (b"", b"", b"a", b"b")),
        (b"a@b@c", (b"", b"", b"a@b", b"c")),
        (b"a@b <a@b>", (b"a@b", b"", b"a", b"b")),
        (b"@b", (b"", b"", b"", b"b")),
        (b"a@", (b"", b"", b"a", b"")),
        (b"a)b@c", (b"", b"", b"ab", b"c")),
    ],
)
def test_one_address(value: bytes, expected: tuple[bytes, bytes, bytes, bytes]) -> None:
    assert parse(value) == [Mailbox(*expected)]


A, C = Mailbox(b"", b"", b"a", b"b"), Mailbox(b"C", b"", b"c", b"d")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", []),
        (b" , ,", []),
        (b"(only a comment)", []),
        (b"a@b, C <c@d>", [A, C]),
        (b"a@b,, C <c@d>,", [A, C]),
        (b"a@b; C <c@d>", [A, C]),
        (b"C <c@d, a@b", [C, A]),
        (b"G: a@b, C <c@d>;", [Group(b"G", (A, C))]),
        (b"undisclosed-recipients:;", [Group(b"undisclosed-recipients", ())]),
        (b"a@b, G: ; , C <c@d>", [A, Group(b"G", ()), C]),
        (b'"G 1": a@b', [Group(b"G 1", (A,))]),
        (b"G: H: a@b;; C <c@d>", [Group(b"G", (A,)), C]),
    ],
)
def test_lists_and_groups(value: bytes, expected: list[Mailbox | Group]) -> None:
    assert parse(value) == expected


_PIECE = st.sampled_from([b"a", b"@", b"<", b">", b",", b";", b":", b"(", b")", b'"', b"\\", b" ", b"[", b"]", b"."])


@settings(max_examples=300)
@given(st.lists(_PIECE, max_size=14).map(b"".join))
def test_anything_is_read_without_raising(value: bytes) -> None:
    for found in parse(value):
        for each in found.members if isinstance(found, Group) else (found,):
            assert isinstance(each, Mailbox)


@pytest.mark.parametrize(
    "entry",
    [
        b"Some One <someone@example.org>,",
        b'"a" "b" <c@d>,',
        b"a@b,",
        b"a,",
        b"a:",
        b"g:a@b;",
        b"g:a,",
        b"<",
        b"()",
        b'"',
    ],
)
def test_of_a_list_without_end_the_first_are_given(entry: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    reader = addresses._Reader.__init__

    def counting(self: Any, value: bytes) -> None:
        reader(self, value)
        made.append(len(self._tokens))

    monkeypatch.setattr(addresses._Reader, "__init__", counting)
    found = parse(entry * ((1 << 20) // len(entry)))
    members = [each for one in found if isinstance(one, Group) for each in one.members]
    assert len(found) + len(members) <= MAX_ADDRESSES
    assert sum(made) <= MAX_TOKENS


@pytest.mark.parametrize("entry", [b"Some One <someone@example.org>", b'"Some" One <someone@example.org>'])
def test_all_of_a_long_list_are_given_up_to_the_limit(entry: bytes) -> None:
    for count, expected in (
        (MAX_ADDRESSES - 1, MAX_ADDRESSES - 1),
        (MAX_ADDRESSES, MAX_ADDRESSES),
        (MAX_ADDRESSES + 1000, MAX_ADDRESSES),
    ):
        found = parse(b", ".join([entry] * count))
        assert len(found) == expected
        assert {each.domain for each in found if isinstance(each, Mailbox)} == {b"example.org"}


def test_an_address_that_the_limit_cuts_is_left_out() -> None:
    entry = b"s" * 500 + b"@example.org"
    assert set(parse(b",".join([entry] * 300))) == {Mailbox(b"", b"", b"s" * 500, b"example.org")}
    assert parse(b"s" * (MAX_OCTETS + 1)) == []
    spaced = b"a . b . c . d . e . f . g . h . i . j . k . l @ m"
    assert set(parse(b",".join([spaced] * 900))) == {Mailbox(b"", b"", b"a.b.c.d.e.f.g.h.i.j.k.l", b"m")}


def test_tokens_without_an_end_are_read_as_one() -> None:
    assert parse(b"(" * 50_000) == []
    assert len(parse(b"a " * 50_000)) == 0
    assert len(parse(b"a " * 5_000)) == 1
