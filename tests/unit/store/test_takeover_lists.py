"""What Dovecot and Courier wrote beside their Maildirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.errors import Corrupt
from mailsuite.store import subscriptions
from mailsuite.store.keyword_lists import newest_updates, parse_courier, parse_dovecot, parse_update
from mailsuite.store.uid_list import UidList, parse


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (b"3 V17 N9 Gabc\n", UidList(17, 9, {})),
        (b"3 N9 V17 Pxyz\n5 :a.b.c:2,S\n", UidList(17, 9, {"a.b.c": 5})),
        (b"3 V17 N2 Gabc\n5 W12 S3 :a,S=1,W=2:2,\n7 Ga:b :c\n", UidList(17, 8, {"a": 5, "c": 7})),
        (b"3 V17 N2\nrubbish\n5 lower :x\n1 :\n:\n6 :y z\n", UidList(17, 7, {"x": 5, "y z": 6})),
        (b"1 17 9\n5 a,S=3\n6 b:2,S\nx\n", UidList(17, 9, {"a": 5, "b": 6})),
        (b"1 17 3 \r\n5 a\n", UidList(17, 6, {"a": 5})),
        (b"3 V17 N9\n5 :a\n8 :a\n", UidList(17, 9, {"a": 8})),
    ],
)  # fmt: skip
def test_uid_list_is_understood(data: bytes, known: UidList) -> None:
    assert parse(data, "f") == known


@pytest.mark.parametrize(
    "data",
    [b"", b"2 V1 N2\n", b"3 V1\n", b"3 N1\n", b"3 Vx N1\n", b"3 V0 N1\n", b"3 V4294967296 N1\n", b"1 5\n", b"1 0 5\n"],
)
def test_what_is_no_uid_list_is_named(data: bytes) -> None:
    with pytest.raises(Corrupt, match=r"^/x/f: "):
        parse(data, "/x/f")


@given(
    st.binary() | st.binary().map(lambda rest: b"3 V1 N1\n" + rest) | st.binary().map(lambda rest: b"1 1 1\n" + rest)
)
def test_anything_is_understood_or_corrupt(data: bytes) -> None:
    try:
        known = parse(data, "f")
    except Corrupt:
        return
    assert known.uidnext > max(known.uids.values(), default=0)


def test_dovecot_keywords_have_letters_in_their_order() -> None:
    assert parse_dovecot(b"0 $Forwarded\n2 NonJunk\n25 last\n26 toofar\nx y\n3 \\Bad\n4 two words\n") == {
        "a": "$Forwarded", "c": "NonJunk", "z": "last",
    }  # fmt: skip


def test_courier_keywords_are_found_by_file() -> None:
    data = b"NonJunk\n$Label1\n\n123.a:b.host,S=5:0 1\n124.host:1 7\n125.host:\nrubbish\n"
    assert parse_courier(data) == {
        "123.a": frozenset({"NonJunk", "$Label1"}), "124.host": frozenset({"$Label1"}), "125.host": frozenset(),
    }  # fmt: skip


def test_the_newest_update_of_a_courier_keyword_counts() -> None:
    files = [":list", ".2.x", ".10.x", ".tmp", "y", ".99.y", ".1.z,S=7"]
    assert newest_updates(files) == {"x": ".10.x", "y": "y", "z": ".1.z,S=7"}
    assert parse_update(b"One\nTwo words\nThree\n") == {"One", "Three"}


def test_courier_subscriptions_lie_below_inbox() -> None:
    data = b"INBOX\nINBOX.Sent\nINBOX.A.Entw&APw-rfe\nshared.x\nINBOX.a..b\n\n"
    assert subscriptions.parse_courier(data) == {"INBOX", "Sent", "A/Entwürfe"}
