"""Messages as programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsuite.mime.addresses import MAX_OCTETS
from mailsuite.model import NULL_SENDER, Address
from mailsuite.sendmail.exits import Exit, Stop
from mailsuite.sendmail.letter import completed, listed, read, recipients, until_dot

ME = Address("me", "here.test")


def sent(text: bytes, author: Address = ME, name: str = "") -> bytes:
    return completed(read(text), author, name, "here.test").octets()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (b"a\n.\nb\n", b"a\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n"),
        (b".\nb\n", b""),
        (b"a\n.", b"a\n"),
        (b"a\n.b\n..\n", b"a\n.b\n..\n"),
        (b"a\n", b"a\n"),
    ],
)
def test_a_dot_alone_ends_it(text: bytes, left: bytes) -> None:
    assert until_dot(text) == left


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (b"Subject: x\n\nbody\n", b"From: me@here.test\nSubject: x\n\nbody\n"),
        (b"Subject: x\r\n\r\nbody\r\n", b"From: me@here.test\nSubject: x\n\nbody\n"),
        (b"just text\n", b"From: me@here.test\n\njust text\n"),
        (b"A: b\r\r\n\r\nbody\r\r\nmore\r", b"From: me@here.test\nA: b\n\nbody\nmore\n"),
        (b"\r", b"From: me@here.test\n\n"),
        (b"\njust text\n", b"From: me@here.test\n\njust text\n"),
        (b"no line end", b"From: me@here.test\n\nno line end\n"),
        (b"", b"From: me@here.test\n\n"),
        (b"From: a@b\n", b"From: a@b\n\n"),
        (b"From: a@b", b"From: a@b\n\n"),
        (b"From me Sat Nov 21\nFrom: a@b\n\nx\n", b"From: a@b\n\nx\n"),
        (b"From: a@b\nnot a field\n", b"From: a@b\n\nnot a field\n"),
        (b"from: a@b\nX-Y: 1\n 2\n\n", b"from: a@b\nX-Y: 1\n 2\n\n"),
    ],
)
def test_it_becomes_a_message_with_header_and_author(text: bytes, made: bytes) -> None:
    assert sent(text) == made


def test_bcc_and_what_deliveries_write_are_never_sent() -> None:
    text = b"From: a@b\nBcc: secret@x,\n two@x\nResent-Bcc: y\nReturn-Path: <z>\nContent-Length: 7\nTo: c@d\n\nx\n"
    assert sent(text) == b"From: a@b\nTo: c@d\n\nx\n"


@pytest.mark.parametrize(
    ("field", "made"),
    [
        (b"From: root (Cron Daemon)", b"From: Cron Daemon <root@here.test>"),
        (b"To: root", b"To: root@here.test"),
        (b"To: a@b.c, bob, \"X, Y\" <eve>", b'To: a@b.c,\n\tbob@here.test,\n\t"X, Y" <eve@here.test>'),
        (b"Cc: =?utf-8?q?B=C3=B6b?= <bob>", b"Cc: =?utf-8?q?B=C3=B6b?= <bob@here.test>"),
        (b"To: team: a, b@c;", b"To: team: a@here.test, b@c;"),
        (b"To: undisclosed-recipients:;", b"To: undisclosed-recipients:;"),
        (b"To:   A  <a@b.c>", b"To:   A  <a@b.c>"),
        (b"Subject: root", b"Subject: root"),
        (b"To: \"odd name\"@b, x", b'To: "odd name"@b,\n\tx@here.test'),
    ],
)  # fmt: skip
def test_addresses_without_a_domain_get_ours(field: bytes, made: bytes) -> None:
    text = sent(b"X-First: 1\n" + field + b"\n\nx\n")
    assert made + b"\n" in text.replace(b"From: me@here.test\n", b"")


@pytest.mark.parametrize(
    ("name", "author"),
    [
        ("Ann Lee", b"From: Ann Lee <me@here.test>\n"),
        ("Lee, Ann", b'From: "Lee, Ann" <me@here.test>\n'),
        ("Ännchen", b"From: =?utf-8?B?w4RubmNoZW4=?= <me@here.test>\n"),
    ],
)
def test_the_full_name_stands_in_from(name: str, author: bytes) -> None:
    assert sent(b"\nx\n", name=name).startswith(author)


def test_a_message_that_is_sent_on_gets_a_resent_from() -> None:
    assert sent(b"Resent-To: a@b\nFrom: x@y\n\n").startswith(b"Resent-From: me@here.test\nResent-To")
    assert sent(b"\nx\n", author=NULL_SENDER) == b"\nx\n"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (b"To: a@b\nCc: c, D <d@e>\nBcc: f@g\n", ["a@b", "c@here.test", "d@e", "f@g"]),
        (b"To: a@b\nResent-To: c@d\nResent-Bcc: e@f\n", ["c@d", "e@f"]),
        (b"To: team: a@b, c;\nSubject: x@y\n", ["a@b", "c@here.test"]),
        (b"Subject: x\n", []),
    ],
)
def test_recipients_of_the_header(header: bytes, found: list[str]) -> None:
    assert [str(one) for one in recipients(read(header + b"\nTo: not@me\n"), "here.test")] == found


@pytest.mark.parametrize("text", [b"a b@c", b"a@b@", b"a@-", b"Bob Smith", b"<>", b"a@b, c d@e"])
def test_what_is_no_address_stops_everything(text: bytes) -> None:
    with pytest.raises(Stop) as stopped:
        listed(text, "here.test")
    assert stopped.value.status is Exit.DATAERR


def test_of_a_list_too_long_to_be_read_whole_nobody_is_left_out() -> None:
    entry = b"One Two Three Four Five Six Seven Eight (nine) <a@b.test>"
    value = b", ".join([entry] * 3500)
    assert len(value) < MAX_OCTETS
    with pytest.raises(Stop) as stopped:
        listed(value, "here.test")
    assert stopped.value.status is Exit.DATAERR
    assert b"To: alone, " + value in sent(b"To: alone, " + value + b"\n\nx\n")


@given(st.binary(max_size=300))
def test_any_octets_become_a_message(text: bytes) -> None:
    made = sent(text)
    head, empty, _ = made.partition(b"\n\n")
    assert empty
    assert read(made).octets() == made
    assert head.startswith((b"From:", b"Resent-From:")) or b"rom" in head.lower()
