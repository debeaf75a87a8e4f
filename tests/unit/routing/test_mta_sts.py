"""RFC 8461: what is a record, what is a policy, and which hosts it covers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.errors import InvalidName
from mailsuite.routing.mta_sts import LONGEST_AGE, Mode, Policy, parse_policy, record_id

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mx1.b.test\r\nmx: *.mail.b.test\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("records", "id"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1 ; new=x; id = 1 ;"], "1"),
        (["v=spf1 -all", "v=STSv1; id=1"], "1"),
        ([], ""),
        (["v=STSv1"], ""),
        (["v=STSv1; id="], ""),
        (["v=STSv1; id=a_b"], ""),
        (["v=STSv1; id=" + "1" * 33], ""),
        (["id=1; v=STSv1"], ""),
        (["v=STSv2; id=1"], ""),
        (["V=STSv1; id=1"], ""),
        # §3.1: more than one record is none.
        (["v=STSv1; id=1", "v=STSv1; id=2"], ""),
    ],
)
def test_the_record(records: list[str], id: str) -> None:
    assert record_id([record.encode() for record in records]) == id


@pytest.mark.parametrize(
    ("octets", "policy"),
    [
        (GOOD, Policy(Mode.ENFORCE, ("mx1.b.test", "*.mail.b.test"), 604_800)),
        (GOOD.replace(b"\r\n", b"\n"), Policy(Mode.ENFORCE, ("mx1.b.test", "*.mail.b.test"), 604_800)),
        (GOOD.replace(b"enforce", b"testing"), Policy(Mode.TESTING, ("mx1.b.test", "*.mail.b.test"), 604_800)),
        (b"max_age:1\nmode:none\nversion:STSv1", Policy(Mode.NONE, (), 1)),
        (GOOD + b"new_field: x\nmode: none\n", Policy(Mode.ENFORCE, ("mx1.b.test", "*.mail.b.test"), 604_800)),
        (GOOD.replace(b"604800", b"9999999999"), Policy(Mode.ENFORCE, ("mx1.b.test", "*.mail.b.test"), LONGEST_AGE)),
        (
            b"version: STSv1\nmode: enforce\nmx: MX.B\xc3\xbccher.test\nmax_age: 1",
            Policy(Mode.ENFORCE, ("mx.xn--bcher-kva.test",), 1),
        ),
    ],
)
def test_the_policy(octets: bytes, policy: Policy) -> None:
    assert parse_policy(octets) == policy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"version: STSv1", b""),
        (b"STSv1", b"STSv2"),
        (b"mode: enforce", b""),
        (b"enforce", b"strict"),
        (b"max_age: 604800", b""),
        (b"604800", b"-1"),
        (b"604800", b"1" * 11),
        (b"604800", "٣".encode()),
        (b"mx1.b.test", b""),
        (b"mx1.b.test", b"a..b"),
        (b"mx1", b"\xff"),
    ],
)
def test_what_is_no_policy(old: bytes, new: bytes) -> None:
    with pytest.raises(InvalidName):
        parse_policy(GOOD.replace(old, new))


def test_a_policy_that_asks_for_something_names_hosts() -> None:
    with pytest.raises(InvalidName, match="mx"):
        parse_policy(b"version: STSv1\nmode: testing\nmax_age: 1\n")


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("mx1.b.test", True),
        ("MX1.B.test.", True),
        ("mx2.b.test", False),
        ("a.mail.b.test", True),
        ("mail.b.test", False),
        ("x.a.mail.b.test", False),
        ("*.mail.b.test", True),
        ("test", False),
    ],
)
def test_which_hosts_it_covers(host: str, covered: bool) -> None:
    assert parse_policy(GOOD).covers(host) is covered


@given(st.binary(max_size=200))
def test_any_octets_are_read(octets: bytes) -> None:
    for text in (octets, GOOD + octets):
        with contextlib.suppress(InvalidName):
            parse_policy(text)
    record_id([octets])
