from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.directory.names import (
    account_name,
    alias_source,
    canonical,
    canonical_domain,
    canonical_local,
    mail_address,
)
from mailsuite.errors import InvalidName
from mailsuite.model import Address


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.Org.", "example.org"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
    ],
)
def test_domain_has_one_spelling(given_name: str, name: str) -> None:
    assert canonical_domain(given_name) == name


@pytest.mark.parametrize(
    "text",
    ["", ".", "a..b", "-a.test", "a-.test", "a b.test", "exa_mple.test", "[192.0.2.1]", "192.0.2.1", "a@b", "a/b.test",
     "x" * 64 + ".test", ".".join(["a" * 60] * 5), "☃︎..test", "a\0.test", "..", "a.test\n"],
)  # fmt: skip
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        canonical_domain(text)


@pytest.mark.parametrize("text", ["Alice@Example.org", " alice@example.org ", "alice@example.org."])
def test_account_has_one_spelling(text: str) -> None:
    assert account_name(text) == "alice@example.org"


@pytest.mark.parametrize(
    "text",
    ["alice", "@example.org", "alice@", "", "al ice@example.org", "alice@@example.org", "a/b@example.org",
     "../x@example.org", ".alice@example.org", "alice.@example.org", "a..b@example.org", "a+b@example.org",
     "a%b@example.org", '"a b"@example.org', "x" * 65 + "@example.org", "a\0b@example.org",
     "\N{PILE OF POO}@example.org", "a\N{ZERO WIDTH JOINER}b@example.org",
     "\N{FEMININE ORDINAL INDICATOR}x@example.org",
     "\N{COMBINING DIAERESIS}x@example.org", "a\N{HEBREW LETTER ALEF}@example.org", "a\N{NO-BREAK SPACE}b@example.org",
     "a\N{FULLWIDTH SOLIDUS}b@example.org", "a\N{RIGHT-TO-LEFT OVERRIDE}b@example.org", "ä" * 33 + "@example.org",
     "a\ud800b@example.org"],
)  # fmt: skip
def test_what_cannot_be_an_account_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        account_name(text)


@pytest.mark.parametrize("text", ["Jörg@bücher.example", "JO\u0308RG@xn--bcher-kva.example", "jörg@BÜCHER.example."])
def test_account_of_other_letters_has_one_spelling(text: str) -> None:
    assert account_name(text) == "jörg@xn--bcher-kva.example"


@pytest.mark.parametrize("local", ["用户", "аня", "δοκιμή", "अजय", "יונתן", "tschüß".casefold(), "ä" * 32])
def test_letters_of_any_script_may_be_an_account(local: str) -> None:
    assert account_name(f"{local}@example.org") == f"{local}@example.org"


def test_alias_may_be_a_catch_all_or_have_a_detail() -> None:
    assert alias_source("@Example.org") == "@example.org"
    assert alias_source("List+Owner@example.org") == "list+owner@example.org"
    assert mail_address("Jörg@example.org") == "jörg@example.org"


@pytest.mark.parametrize("text", ["@", "@@example.org", "a b@example.org", "a..b@example.org", "@not a domain"])
def test_what_cannot_be_an_alias_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        alias_source(text)


def test_local_part_is_compared_without_case_and_in_one_form() -> None:
    assert canonical_local("ALICE") == canonical_local("alice")
    assert canonical_local("Jo\N{LATIN SMALL LETTER O WITH DIAERESIS}rg") == canonical_local("joo\u0308rg")
    assert canonical(Address("Bob", "EXAMPLE.org")) == "bob@example.org"


@settings(max_examples=200)
@given(st.text())
def test_any_text_is_a_name_or_refused(text: str) -> None:
    for parse in (canonical_domain, account_name, alias_source, mail_address):
        try:
            name = parse(text)
        except InvalidName:
            continue
        assert parse(name) == name
