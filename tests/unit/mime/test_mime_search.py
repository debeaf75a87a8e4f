"""Search keys about the text of a message."""

import base64
from datetime import date

import pytest

from mailsuite.mime.lines import to_crlf
from mailsuite.mime.search import content, header_holds
from mailsuite.query import Body, Header, SentDate, Text, When

MESSAGE = b"""\
From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>
Subject: a folded
 subject
X-Empty:
Date: Sun, 15 Jun 2025 23:59:00 -0800
Content-Type: multipart/mixed; boundary=b

preamble
--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Sch=F6ne Gr=FC=DFe from the zebra
quarter
--b
Content-Type: application/pdf; name="plan.pdf"
Content-Transfer-Encoding: base64

emVicmFmaXNo
--b
Content-Type: message/rfc822

Subject: inner subject
Content-Transfer-Encoding: base64

aGlkZGVuIHdvcmRz
--b--
"""


@pytest.mark.parametrize("form", [bytes, to_crlf])
@pytest.mark.parametrize(
    ("key", "holds"),
    [
        (Header("from", "JÜRGEN"), True),
        (Header("FROM", "j@example"), True),
        (Header("subject", "folded subject"), True),
        (Header("subject", "inner"), False),
        (Header("x-empty", ""), True),
        (Header("x-empty", "x"), False),
        (Header("x-none", ""), False),
        (Body("schöne GRÜßE"), True),
        (Body("SCHO\u0308NE"), True),
        (Body("schöne GRÜSSE"), False),  # RFC 5051 knows no mapping of one letter to two
        (Body("zebra quarter"), True),
        (Body("hidden words"), True),
        (Body("inner subject"), True),
        (Body("plan.pdf"), True),
        (Body("zebrafish"), False),
        (Body("folded"), False),
        (Body("preamble"), False),
        (Body(""), True),
        (Text("folded  subject"), True),
        (Text("hidden words"), True),
        (Text("nowhere"), False),
        (SentDate(When.ON, date(2025, 6, 15).toordinal()), True),
        (SentDate(When.ON, date(2025, 6, 16).toordinal()), False),
        (SentDate(When.BEFORE, date(2025, 6, 15).toordinal()), False),
        (SentDate(When.BEFORE, date(2025, 6, 16).toordinal()), True),
        (SentDate(When.SINCE, date(2025, 6, 15).toordinal()), True),
        (SentDate(When.SINCE, date(2025, 6, 16).toordinal()), False),
    ],
)
def test_keys(key: Header | Body | Text | SentDate, holds: bool, form: type[bytes]) -> None:
    assert content(form(MESSAGE)).holds(key) is holds


def test_a_message_without_a_date_was_sent_on_no_day() -> None:
    assert not header_holds(SentDate(When.SINCE, 1), b"Date: soon\n\n")
    assert not header_holds(SentDate(When.SINCE, 1), b"\n")


def test_every_field_of_the_name_is_looked_at() -> None:
    assert header_holds(Header("received", "second"), b"Received: first\nReceived: second\n\n")


def test_nothing_is_found_across_fields_and_parts() -> None:
    message = content(MESSAGE)
    assert not message.holds(Text("subject X-Empty"))
    assert not message.holds(Body("quarter content-type"))
    assert message.holds(Text("subject: a"))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (b"Content-Disposition: attachment; filename*=utf-8''gr%C3%BC%c3%9fe.pdf", "grüße.pdf"),
        (b"Content-Type: application/pdf; name*=iso-8859-1'de'gr%FC%DFe.pdf", "name=GRÜßE.pdf"),
        (
            b"Content-Disposition: attachment; filename*0*=utf-8''gr%C3;\n filename*1*=%BC%C3%9F; filename*2=e.pdf",
            "grüße.pdf",
        ),
        (b'Content-Disposition: attachment; filename*0="a long ";\n filename*1="name.pdf"', "a long name.pdf"),
        (b"Content-Disposition: attachment; filename*=utf-8''gr%C3%BC%C3%9Fe.pdf", "utf-8''gr%C3%BC"),
    ],
)
@pytest.mark.parametrize("lead", [b"", b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"])
def test_parameters_are_found_as_they_are_meant(field: bytes, text: str, lead: bytes) -> None:
    message = content(lead + field + b"\n\nx\n" + (b"--b--\n" if lead else b""))
    assert message.holds(Text(text))
    assert message.holds(Body(text)) == bool(lead)
    assert message.holds(Header(field.partition(b":")[0].decode(), text)) == (not lead)


@pytest.mark.parametrize("kind", ["rfc822", "global"])
@pytest.mark.parametrize(
    ("encoding", "inner"),
    [
        ("base64", base64.encodebytes("Subject: within\n\nschöne Grüße\n".encode()).decode()),
        ("quoted-printable", "Subject: within\n\nsch=C3=B6ne Gr=\n=C3=BC=C3=9Fe\n"),
        ("8bit", "Subject: within\n\nschöne Grüße\n"),
    ],
)
def test_what_an_encoded_message_holds_is_found(kind: str, encoding: str, inner: str) -> None:
    head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    part = f"Content-Type: message/{kind}\nContent-Transfer-Encoding: {encoding}\n\n{inner}\n--b\n\nlast\n--b--\n"
    message = content((head + part).encode())
    for text in ("SCHÖNE GRÜßE", "subject: within", f"message/{kind}", "last"):
        assert message.holds(Body(text)), text


def test_an_asterisk_elsewhere_is_only_that() -> None:
    message = content(b"Subject: a*=utf-8''%C3%BC; b*0=c; b*1=d\n\n")
    assert message.holds(Header("subject", "a*=utf-8''%c3%bc; b*0=c; b*1=d"))
    assert not message.holds(Header("subject", "cd"))


def test_a_field_is_no_beginning_of_another() -> None:
    assert not header_holds(Header("x", "1"), b"X-Y: 1\n\n")
    assert not header_holds(Header("y", "1"), b"X-Y: 1\n\n")
    assert header_holds(Header("x", "2"), b"X: 1\nY: 1\nx : 2\n\n")
