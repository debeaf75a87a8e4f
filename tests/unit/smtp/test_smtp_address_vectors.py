"""smtp.address against the addresses of is_email (tests/data/isemail), and the few where we differ.

is_email sorts what it is given: valid, valid only in RFC 5321's grammar, in RFC 5322's, only as obsolete syntax, only
with comments or folding white space, or not at all.  An envelope has RFC 5321 §4.1.2 and nothing else, so the first two
must be taken and all others refused.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from mailsuite.model import Address
from mailsuite.smtp.address import (
    AddressError,
    parse_forward_path,
    parse_mailbox,
    parse_reverse_path,
    split_path,
)

DATA = Path(__file__).parents[2] / "data/isemail"

#: Categories of addresses that RFC 5321 §4.1.2 and §4.1.3 allow.  DNSWARN: the name does not exist, or has no MX.
ALLOWED = {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"}

_LONG = "RFC 5321 §4.5.3.1: its lengths are what must be taken; VERP and SRS need local parts of more than 64"
_TAG = "RFC 5321 §4.1.3 General-address-literal: a tag and a colon; that nobody knows the tag is for routing to find"
#: Test set and number -> whether we take it, and why is_email does not say the same.
DIFFERENT = {
    ("tests", "26"): (True, _LONG),
    ("tests", "39"): (True, _LONG),
    ("tests", "40"): (True, _LONG),
    ("tests", "59"): (True, _LONG),
    ("tests", "60"): (True, _LONG),
    ("tests-original", "21"): (True, _LONG),
    ("tests-original", "23"): (True, _LONG),
    ("tests", "66"): (True, _TAG),
    ("tests-original", "38"): (True, _TAG),
    ("tests", "43"): (False, 'the grammar has it, but "" is no mailbox anywhere and too near to the null sender'),
    ("tests-original", "31"): (
        False,
        'the grammar has it, but "" is no mailbox anywhere and too near to the null sender',
    ),
    ("tests", "71"): (True, 'RFC 5952 §4.2.2: "::" for one group is not to be written and must be read'),
}


class Vector(msgspec.Struct, frozen=True):
    """One address of a test set; its category says what is_email makes of it."""

    key: tuple[str, str]
    text: str
    category: str
    diagnosis: str

    @property
    def taken(self) -> bool:
        return DIFFERENT[self.key][0] if self.key in DIFFERENT else self.category in ALLOWED


def controls(text: str) -> str:
    """The test sets write a control character as its picture, U+2400 and up."""
    return "".join(chr(ord(char) - 0x2400) if "\u2400" <= char < "\u2420" else char for char in text)


def vectors() -> list[Vector]:
    return [
        Vector(
            (name, test.attrib["id"]),
            controls(test.findtext("address") or ""),
            test.findtext("category") or "",
            test.findtext("diagnosis") or "",
        )
        for name in ("tests", "tests-original")
        for test in ET.parse(DATA / f"{name}.xml").getroot().iter("test")
    ]


def parsed(text: str) -> Address | None:
    try:
        return parse_mailbox(text)
    except AddressError:
        return None


VECTORS = [pytest.param(vector, id=f"{'-'.join(vector.key)}-{vector.diagnosis}") for vector in vectors()]


def test_the_sets_are_whole() -> None:
    assert len(VECTORS) == 164 + 279


@pytest.mark.parametrize("vector", VECTORS)
def test_what_the_envelope_grammar_allows_is_taken(vector: Vector) -> None:
    assert (parsed(vector.text) is not None) is vector.taken


@pytest.mark.parametrize("vector", VECTORS)
def test_a_path_says_the_same_as_its_mailbox(vector: Vector) -> None:
    path = f"<{vector.text}>"
    for parse in (parse_forward_path, parse_reverse_path):
        if vector.taken:
            assert parse(path) == parsed(vector.text)
            assert split_path(path + " SIZE=1") == (path, " SIZE=1")
        elif not (vector.text == "" and parse is parse_reverse_path):  # <> is the null sender
            with pytest.raises(AddressError):
                parse(path)


@pytest.mark.parametrize("key", sorted(DIFFERENT), ids="-".join)
def test_a_difference_is_one(key: tuple[str, str]) -> None:
    (vector,) = [vector for vector in vectors() if vector.key == key]
    assert vector.taken is not (vector.category in ALLOWED)
