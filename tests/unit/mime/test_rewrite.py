"""Addresses in a header are exchanged, and nothing else is touched."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.rewrite import rewrite
from mailsuite.model import Address


def sender(address: Address) -> Address:
    return Address("new", "s.test") if address.domain == "old.test" else address


def recipient(address: Address) -> Address:
    return Address("new box", "r.test") if address.domain == "old.test" else address


@pytest.mark.parametrize(
    ("field", "to"),
    [
        ("From: ann@old.test", "From: new@s.test"),
        ("FROM: Ann Lee <ann@old.test>", "FROM: Ann Lee <new@s.test>"),
        (
            'Reply-To: "Ann" <a@x.test>,\r\n\t"Bob" <bob@old.test>',
            'Reply-To: "Ann" <a@x.test>,\r\n\t"Bob" <new@s.test>',
        ),
        ('Sender: "an n"@old.test', "Sender: new@s.test"),
        ("To: ann@old.test", 'To: "new box"@r.test'),
        ("Cc: Group: a@old.test, b@x.test;", 'Cc: Group: "new box"@r.test, b@x.test;'),
        ("Disposition-Notification-To: <ann@old.test>", "Disposition-Notification-To: <new@s.test>"),
        ("To : ann@old.test", 'To : "new box"@r.test'),
        ("To: x@x.test,\r\n ann@old.test", 'To: x@x.test,\r\n "new box"@r.test'),
        ("Resent-To: <@route.test:a@old.test>", 'Resent-To: <@route.test:"new box"@r.test>'),
        # What only looks like one.
        ('From: "ann@old.test" <a@x.test>', 'From: "ann@old.test" <a@x.test>'),
        (
            "From: a@x.test (not (ann@old.test) \\) ann@old.test)",
            "From: a@x.test (not (ann@old.test) \\) ann@old.test)",
        ),
        ("From: =?utf-8?q?ann@old.test?= <a@x.test>", "From: =?utf-8?q?ann@old.test?= <a@x.test>"),
        ("From: ann@[192.0.2.1]", "From: ann@[192.0.2.1]"),
        ("From: ann @ old.test", "From: ann @ old.test"),
        ("Subject: ann@old.test", "Subject: ann@old.test"),
        ("Subject: x\r\n To: ann@old.test", "Subject: x\r\n To: ann@old.test"),
        ("To", "To"),
        ("Message-ID: <ann@old.test>", "Message-ID: <ann@old.test>"),
        ("From ann@old.test", "From ann@old.test"),
        ('From: "open ann@x.test', 'From: "open ann@x.test'),
    ],
)
def test_what_becomes_of_a_field(field: str, to: str) -> None:
    before, after = (f"Received: x\r\n{one}\r\nX: y\r\n\r\n".encode() for one in (field, to))
    assert rewrite(before, sender, recipient) == after


@pytest.mark.parametrize("header", [b"", b"\r\n", b"To: ann@old.test", b"\r\nTo: x", b" To: x\r\n\r\n"])
def test_a_header_keeps_its_end(header: bytes) -> None:
    assert rewrite(header, sender, recipient) == header.replace(b"ann@old.test", b'"new box"@r.test')


def test_nothing_changed_is_the_same_object() -> None:
    header = b"From: a@x.test\r\n\r\n"
    assert rewrite(header, sender, recipient) is header


@given(st.binary(max_size=300))
def test_any_octets_are_read(octets: bytes) -> None:
    header = b"From: " + octets.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n\r\n"
    assert rewrite(header, lambda one: one, lambda one: one) is header


@pytest.mark.parametrize("text", [b"a" * 200_000, b'"' * 200_000, b"(" * 200_000, b"a@" * 100_000, b'"\\' * 100_000])
def test_it_takes_time_in_step_with_the_length(text: bytes) -> None:
    began = time.process_time()
    rewrite(b"From: " + text + b"\r\n\r\n", sender, recipient)
    assert time.process_time() - began < 1
