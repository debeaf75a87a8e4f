"""Rights of access lists, RFC 4314."""

from __future__ import annotations

import pytest

from mailsuite.access import RIGHTS, effective, ordered, shown

OWNER, USER = "ann@example.org", "bob@example.org"


@pytest.mark.parametrize(
    ("given", "kept", "told"),
    [
        ("", "", ""),
        ("slr", "lrs", "lrs"),
        ("dd", "te", "ted"),
        ("c", "kx", "kxc"),
        ("xa", "xa", "xac"),
        ("q9L", "", ""),
    ],
)
def test_virtual_rights_stand_for_others_and_are_told_with_them(given: str, kept: str, told: str) -> None:
    assert ordered(given) == kept
    assert shown(kept) == told


@pytest.mark.parametrize(
    ("access", "rights"),
    [
        ({}, ""),
        ({USER: "lr", "anyone": "lp"}, "lrp"),
        ({"anyone": "lr", "-anyone": "r"}, "l"),
        ({USER: "lrsw", f"-{USER}": "w"}, "lrs"),
        ({"eve@example.org": "lr"}, ""),
    ],
)
def test_rights_are_those_given_without_those_taken(access: dict[str, str], rights: str) -> None:
    assert effective(access, OWNER, USER) == rights
    assert effective(access, OWNER, OWNER) == RIGHTS
