"""Names and their folders, there and back; account paths that stay where they belong."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.errors import InvalidName
from mailsuite.store.names import account_path, checked_name, from_folder, parents, to_folder


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("INBOX", ""),
        ("Sent", ".Sent"),
        ("A/B", ".A.B"),
        ("INBOX/foo", ".INBOX.foo"),
        ("Entwürfe", ".Entw&APw-rfe"),
        ("a.b/c", ".a\\2eb.c"),
        ("~x", ".\\7ex"),
        ("x~y", ".x~y"),
        ("a&b", ".a&-b"),
        ("back\\slash", ".back\\5cslash"),
        ("^x", ".^x"),
    ],
)
def test_folders_are_called_as_dovecot_calls_them(name: str, folder: str) -> None:
    """Seen with Dovecot 2.3.19 and its listescape plugin."""
    assert to_folder(name) == folder
    assert from_folder(folder) == name


@settings(max_examples=300)
@given(st.text(max_size=40))
def test_every_accepted_name_makes_the_way_there_and_back(text: str) -> None:
    try:
        name = checked_name(text)
    except InvalidName:
        return
    folder = to_folder(name)
    assert from_folder(folder) == name
    assert checked_name(name) == name
    assert os.path.basename("/x/" + folder) == folder
    assert folder.isascii()
    assert folder not in (".", "..")
    assert len(folder) <= 255


@settings(max_examples=300)
@given(st.text(st.sampled_from(".\\&-,2e7AGE~/ü"), max_size=12))
def test_no_two_folders_have_one_name(text: str) -> None:
    try:
        name = from_folder("." + text)
    except InvalidName:
        return
    assert to_folder(name) in ("." + text, "")


@pytest.mark.parametrize("folder", ["x", "..", ".", ".a..b", ".&AGE-", ".a\\2Eb", ".\\61", ".&", ".a.", ".\\2e\\2e"])
def test_folders_that_no_name_leads_to(folder: str) -> None:
    with pytest.raises(InvalidName):
        from_folder(folder)


def test_parents_are_the_names_above() -> None:
    assert parents("a/b/c") == ["a", "a/b"]
    assert parents("a") == []


@pytest.mark.parametrize(
    ("account", "path"),
    [
        ("ann@example.org", "example.org/ann"),
        ("ann+x=y_z-1@example.org", "example.org/ann+x=y_z-1"),
        ("Ann@example.org", "example.org/%41nn"),
        ("../../etc/passwd@example.org", "example.org/%2E.%2F..%2Fetc%2Fpasswd"),
        ("..@..", "%2E./%2E."),
        ("a@b@c.d", "c.d/a%40b"),
        ("%2E@x.y", "x.y/%252%45"),
        ("ü\0@x.y", "x.y/%C3%BC%00"),
    ],
)
def test_account_paths(account: str, path: str) -> None:
    assert account_path(account) == path


@settings(max_examples=300)
@given(st.text(max_size=30), st.text(max_size=30))
def test_no_account_reaches_outside_or_into_another(local: str, domain: str) -> None:
    try:
        path = account_path(f"{local}@{domain}")
    except InvalidName:
        return
    folder, user = path.split("/")
    assert not folder.startswith(".")
    assert not user.startswith(".")
    assert set(path) <= set("abcdefghijklmnopqrstuvwxyz0123456789_+=-.%ABCDEF/")


@settings(max_examples=300)
@given(st.text("aA.%@2E", min_size=1, max_size=6), st.text("aA.%@2E", min_size=1, max_size=6))
def test_two_accounts_have_two_paths(one: str, other: str) -> None:
    same = account_path(one + "@x") == account_path(other + "@x")
    assert same == (one == other)
