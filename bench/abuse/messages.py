"""Messages made to hurt whoever takes them apart: each is delivered, then looked at in every way a client has."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.abuse.case import Aim, abuse
from bench.abuse.peer import Imap, Smtp

MIB = 1 << 20
#: What a curious client asks of a message.
QUESTIONS = (
    b"FETCH * (FLAGS RFC822.SIZE ENVELOPE)",
    b"FETCH * (BODYSTRUCTURE)",
    b"FETCH * (BODY.PEEK[HEADER])",
    b"FETCH * (BODY.PEEK[HEADER.FIELDS (Subject References To)])",
    b"FETCH * (BODY.PEEK[1.1.1.1.1.1.1.1.1.1.1.1.1.1.MIME] BODY.PEEK[1] BODY.PEEK[9999])",
    b"FETCH * (PREVIEW)",
    b'SEARCH TEXT "needle in it"',
    b'SEARCH SUBJECT "needle" FROM "x"',
    b"SORT (SUBJECT FROM DATE) UTF-8 ALL",
    b"THREAD REFERENCES UTF-8 ALL",
)


def deliver(aim: Aim, message: Iterator[bytes]) -> bytes:
    """By SMTP to the attacker himself; the answer."""
    with Smtp(aim, patience=120) as peer:
        peer.envelope(aim.account)
        if not peer.send_all(message):
            return peer.last() or b"cut"
        return peer.ask(b"\r\n.")


def look_at(aim: Aim, count: int) -> float:
    """All questions about the newest message of ``count``, then it goes; the longest answer in seconds."""
    longest = 0.0
    with Imap(aim, patience=120) as peer:
        peer.log_in()
        for _ in range(100):
            peer.send(b"t STATUS INBOX (MESSAGES)\r\n")
            if b"MESSAGES %d)" % count in peer.line() and peer.tagged():
                break
            time.sleep(0.1)
        assert peer.ask(b"SELECT INBOX").startswith(b"OK")
        for question in QUESTIONS:
            begun = time.monotonic()
            answer = peer.ask(question)
            assert answer[:2] in (b"OK", b"NO"), (question, answer)
            longest = max(longest, time.monotonic() - begun)
        peer.ask(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
        peer.ask(b"EXPUNGE")
    return longest


def met(aim: Aim, message: Iterator[bytes]) -> str:
    """Deliver it; if it is taken, look at it."""
    answer = deliver(aim, message)
    assert answer[:1] in (b"2", b"5", b"4"), answer
    if not answer.startswith(b"250"):
        return answer[:40].decode(errors="replace")
    return f"{answer[:9].decode()}, longest question {look_at(aim, 1):.2f} s"


def _lines(line: bytes, octets: int) -> Iterator[bytes]:
    """Copies of a line, in pieces of about 64 KiB."""
    many = line * max(1, 65536 // len(line))
    for _ in range(max(1, octets // len(many))):
        yield many


@abuse("`limits.message_size`; what is taken apart of a header ends at 1 MiB", connections=12, octets=11 * MIB)
def endless_header(aim: Aim) -> str:
    """A header of 48 MiB: one field without end, a million fields, a million addresses, a million references."""
    size, told = aim.sized(48 * MIB, 2 * MIB), []
    bombs = {
        "one field": (b"Subject: ", b" folded needle in it\r\n"),
        "fields": (b"", b"X-A: b\r\n"),
        "addresses": (b"To: x@y.test", b",\r\n a b <x@y.test>"),
        "references": (b"References:", b" <a@b.test>\r\n"),
        "comments": (b"From: ", b"((((((((((((((((((((((((\r\n "),
        "words": (b"Subject: ", b"=?utf-8?q?=41=42?=\r\n "),
    }
    for name, (first, repeated) in bombs.items():
        told.append(f"{name}: {met(aim, _chain(first, _lines(repeated, size)))}")
    return "; ".join(told)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


@abuse("10,000 parts (`mime/structure.py`); the rest is text of the last one", octets=MIB // 8)
def million_parts(aim: Aim) -> str:
    """A multipart of a million parts."""
    head = b'Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return met(aim, _chain(head, _lines(b"--b\r\n\r\n\r\n", aim.sized(10 * MIB, MIB // 4))))


@abuse("64 levels (`mime/structure.py`)", octets=20_000)
def deep_nesting(aim: Aim) -> str:
    """Multiparts in multiparts and messages in messages, ten thousand deep."""
    depth = aim.sized(10_000, 200)
    told = []
    for name, level in (
        ("multipart", b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n--%b\r\n'),
        ("message", b"Content-Type: message/rfc822\r\nX: %b%b\r\n\r\n"),
    ):
        pieces = (level % ((b"b%d" % n,) * 2) for n in range(depth))
        told.append(f"{name}: {met(aim, _chain(b'Subject: deep' + bytes((13, 10)), pieces))}")
    return "; ".join(told)


@abuse("decoding is linear, and what a search reads of a message is bounded by its size", octets=MIB)
def encoded_bombs(aim: Aim) -> str:
    """Text in base64 and quoted-printable made of what decodes badly, and charsets that nobody has."""
    told = []
    for name, encoding, charset, line in (
        ("base64", b"base64", b"utf-7", b"=" * 70 + b"+AGEA" + b"\r\n"),
        ("quoted", b"quoted-printable", b"utf-16", b"=" * 76 + b"\r\n"),
        ("charset", b"8bit", b"x" * 200, b"\xff\xfe" * 38 + b"\r\n"),
        ("wide", b"8bit", b"utf-8", "ﷺ".encode() * 25 + b"\r\n"),  # grows eighteenfold when normalized
    ):
        head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=%b\r\nContent-Transfer-Encoding: %b\r\n\r\n"
        body = _lines(line, aim.sized(16 * MIB, MIB // 2))
        told.append(f"{name}: {met(aim, _chain(head % (charset, encoding), body))}")
    return "; ".join(told)
