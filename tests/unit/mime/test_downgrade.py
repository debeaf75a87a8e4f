"""Internationalised messages for those who know nothing of them (RFC 6858)."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime.downgrade import INVALID, apply, downgrade, downgrade_header, edits, headers
from mailsuite.mime.encoded_words import encode_words, phrase
from mailsuite.mime.encodings import decode_words
from mailsuite.mime.header import first
from mailsuite.mime.structure import Scanner, scan

LEADS_NOWHERE = f"<{INVALID.decode()}>"


def field(line: str) -> str:
    """What becomes of one header field; empty if it goes."""
    changed = downgrade_header(line.encode() + b"\r\n\r\n")
    assert changed.endswith(b"\r\n")
    return changed.decode("ascii").removesuffix("\r\n")


def read(line: str) -> str:
    """The same, as a person sees it."""
    return decode_words(first(field(line).encode(), line.partition(":")[0].lower().encode()))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Subject: Grüße", "Grüße"),
        ("subject: Привет, =?utf-8?q?d=C3=A9j=C3=A0?= vu", "Привет, déjà vu"),
        ("From: Jürgen <j@example.org>", "Jürgen <j@example.org>"),
        ('To: "Jürgen, der Große" <j@example.org>', "Jürgen, der Große <j@example.org>"),
        ("Cc: a@b.c, Zoë <z@b.c>", "a@b.c, Zoë <z@b.c>"),
        ("Reply-To: <j@bücher.example>", "j@xn--bcher-kva.example"),
        ("Reply-To: Büro <j@BÜCHER.example>", "Büro <j@xn--bcher-kva.example>"),
        ("From: 用户@例子.广告", f"用户@例子.广告 {LEADS_NOWHERE}"),
        ("From: Дима <дима@example.org>", f"Дима <дима@example.org> {LEADS_NOWHERE}"),
        ('To: "a b"@c.d, ü@c.d', f'"a b"@c.d, ü@c.d {LEADS_NOWHERE}'),
        ("To: Gruppe Ä: a@b.c, Ö <ö@b.c>;", f"Gruppe Ä: a@b.c, Ö <ö@b.c> {LEADS_NOWHERE};"),
        ("To: undisclosed-recipients:;, ä@b.c", f"undisclosed-recipients: ;, ä@b.c {LEADS_NOWHERE}"),
        ("X-Note: naïve", "naïve"),
        ("Keywords: eins, zwö", "eins, zwö"),
    ],
)
def test_what_can_be_read_still_can(line: str, expected: str) -> None:
    assert read(line) == expected


@pytest.mark.parametrize(
    "line",
    ["Message-ID: <ä@b.c>", "Received: from ä.example", "Return-Path: <ä@b.c>", "Dåte: x", "Subject:\r\n \u00a0 "],
)
def test_what_cannot_be_said_goes(line: str) -> None:
    assert field(line) in ("", "Subject: =?UTF-8?B?wqA=?=\r\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'Content-Type: application/pdf; name="Über uns.pdf"; x="a\\"b"',
            'Content-Type: application/pdf;\r\n name*=utf-8\'\'%C3%9Cber%20uns.pdf;\r\n x="a\\"b"\r\n',
        ),
        (
            'Content-Disposition: attachment; filename="日.txt"; size=3',
            "Content-Disposition: attachment;\r\n filename*=utf-8''%E6%97%A5.txt;\r\n size=3\r\n",
        ),
        ("Content-Type: text/plain; näme=x; charset=utf-8", "Content-Type: text/plain;\r\n charset=utf-8\r\n"),
        ("Content-Type: text/pläin; charset=utf-8", ""),
        ("Content-Description: die Übersicht", "Content-Description: =?UTF-8?B?ZGllIMOcYmVyc2ljaHQ=?=\r\n"),
        ("Content-Type: message/global", "Content-Type: message/rfc822\r\n"),
    ],
)
def test_mime_parameters_take_the_extended_form(line: str, expected: str) -> None:
    assert field(line) == expected


@pytest.mark.parametrize(
    "block",
    [
        b"Subject: \xfc\r\n\r\n",
        b"Subject: plain\r\nX: y\r\n\r\n",
        b"\r\n",
        b"",
        b"Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    ],
)
def test_other_headers_stay_as_they_are(block: bytes) -> None:
    assert downgrade_header(block) == block


MESSAGE = """From: Жора <жора@пример.рф>\r
Subject: =?utf-8?q?gr=C3=BCn?= und blau, ein Betreff, der für eine Zeile zu lang ist und noch länger wird\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="=b"\r
\r
Vorwort\r
--=b\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
Grüße\r
.\r
--=b\r
Content-Type: application/octet-stream; name="ä.bin"\r
\r
\xff\r
--=b\r
Content-Type: message/global\r
\r
Subject: innen ö\r
\r
Körper\r
--=b--\r
""".encode()


@pytest.mark.parametrize(
    ("first_one", "second"),
    [
        ("Content-Type: té/plain", "Content-Type: multipart/mixed; boundary=b"),
        ("content-type: text/plain", "Content-Type: multipart/mixed; boundary=b"),
        ("Content-Transfer-Encoding: bäse64", "Content-Transfer-Encoding: base64"),
        ("Content-Disposition: ä", "CONTENT-DISPOSITION: attachment"),
    ],
)
def test_where_the_first_counts_a_second_does_not_take_its_place(first_one: str, second: str) -> None:
    block = f"Subject: ä\r\n{first_one}\r\n{second}\r\nReceived: a\r\nReceived: b\r\n\r\n".encode()
    changed = downgrade_header(block)
    kept = f"{first_one}\r\n" if first_one.isascii() else ""
    assert changed.decode("ascii").partition("\r\n")[2] == f"{kept}Received: a\r\nReceived: b\r\n\r\n"


def test_parts_that_were_none_are_none_afterwards() -> None:
    message = (
        "Content-Type: té/plain\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nSubject: ä\r\n\r\n--b--\r\n"
    ).encode()
    assert downgrade(message) == b"\r\n" + message.partition(b"\r\n\r\n")[2]


def test_all_headers_of_a_message_become_ascii_and_bodies_stay() -> None:
    changed = downgrade(MESSAGE)
    tree = scan(changed)
    assert [changed[span.start : span.start + span.length].isascii() for span in headers(tree)] == [True] * 5
    assert b"Content-Type: message/rfc822\r\n" in changed
    before, after = list(leaves(MESSAGE)), list(leaves(changed))
    assert before == after
    assert all(len(line) <= 76 for span in headers(tree) for line in lines_of(changed, span))
    assert downgrade(changed) == changed


def leaves(message: bytes) -> list[bytes]:
    def walk(part):  # type: ignore[no-untyped-def]
        if not part.children:
            yield message[part.body : part.end]
        for child in part.children:
            yield from walk(child)

    return list(walk(scan(message)))


def lines_of(message: bytes, span) -> list[bytes]:  # type: ignore[no-untyped-def]
    return message[span.start : span.start + span.length].split(b"\r\n")


def test_another_parser_reads_the_same() -> None:
    parsed = email.message_from_bytes(downgrade(MESSAGE), policy=email.policy.default)
    assert str(parsed["subject"]).startswith("grün und blau, ein Betreff, der für eine Zeile")
    assert parsed["from"].addresses[0].addr_spec == INVALID.decode()
    assert parsed["from"].addresses[0].display_name == "Жора <жора@пример.рф>"
    assert [part.get_filename() for part in parsed.walk()].count("ä.bin") == 1


def test_edits_say_by_how_much_it_grows_whoever_reads_it() -> None:
    scanner = Scanner()
    for at in range(0, len(MESSAGE), 7):
        scanner.feed(MESSAGE[at : at + 7].replace(b"\r\n", b"\n") if at % 2 else MESSAGE[at : at + 7])
    found = edits(scan(MESSAGE), lambda start, length: MESSAGE[start : start + length])
    assert apply(MESSAGE, found) == downgrade(MESSAGE)
    assert len(downgrade(MESSAGE)) == len(MESSAGE) + sum(edit.growth for edit in found)


def test_an_ascii_message_is_itself() -> None:
    message = b"Subject: x\r\n\r\nbody\r\n"
    assert downgrade(message) is message


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=200), st.integers(0, 60))
def test_encoded_words_give_back_the_text(text: str, column: int) -> None:
    encoded = encode_words(text, column)
    assert encoded.isascii()
    assert all(len(line) <= 75 for line in encoded.split(b"\r\n "))
    assert len(encoded.split(b"\r\n ")[0]) + column <= max(76, column + 20)
    assert decode_words(encoded.replace(b"\r\n", b"")) == re.sub("[\0-\x1f\x7f]+", " ", text).strip()


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(min_codepoint=0xA1, max_codepoint=0x2FFF, exclude_categories=("C", "Z", "M")), min_size=1))
def test_another_library_reads_our_words(text: str) -> None:
    encoded = encode_words(text).decode()
    assert str(make_header(decode_header(encoded.replace("\r\n", "")))) == text


@pytest.mark.parametrize(
    ("name", "expected"), [(b"", b""), (b"Tim Tom", b"Tim Tom"), (b'a"b', b'"a\\"b"'), (b"x.y", b'"x.y"')]
)
def test_phrases(name: bytes, expected: bytes) -> None:
    assert phrase(name) == expected


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_the_header_it_is_ascii_afterwards_or_was_no_utf8(block: bytes) -> None:
    header = block.replace(b"\r", b"").replace(b"\n\n", b"\n").replace(b"\n", b"\r\n")
    changed = downgrade_header(header)
    try:
        header.decode()
    except UnicodeDecodeError:
        assert changed == header
    else:
        assert changed.isascii()
    assert len(changed) < 40 * len(header) + 200


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(MESSAGE.splitlines(keepends=True)), max_size=30).map(b"".join))
def test_a_downgraded_message_needs_nothing_more(message: bytes) -> None:
    changed = downgrade(message)
    assert all(
        changed[span.start : span.start + span.length].isascii() or not utf8(changed, span)
        for span in headers(scan(changed))
    )


def utf8(message: bytes, span) -> bool:  # type: ignore[no-untyped-def]
    try:
        message[span.start : span.start + span.length].decode()
    except UnicodeDecodeError:
        return False
    return True
