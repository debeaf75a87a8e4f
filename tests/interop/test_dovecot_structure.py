"""Our reading of messages against Dovecot 2.3's: ENVELOPE, BODYSTRUCTURE, BODY, sizes and sections, message by message.

Dovecot's imap process runs on its standard streams over a Maildir of its own; no port, no daemon.  Where the two differ
on purpose, the table of ``DIFFERENCES`` says why.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dovecot import Imap

from mailsuite.mime import header
from mailsuite.mime.addresses import MAX_ADDRESSES
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.render import summary
from mailsuite.mime.section import Which, locate
from mailsuite.mime.structure import Part, scan
from mailsuite.testing import corpus

# -- Dovecot -----------------------------------------------------------------------------------------------------------


def ask(folder: Path, messages: list[bytes], items: str) -> list[dict[bytes, object]]:
    """FETCH these items of all messages: for each its values by name."""
    for name in ("cur", "new", "tmp"):
        (folder / "Maildir" / name).mkdir(parents=True)
    for number, message in enumerate(messages):
        (folder / "Maildir" / "cur" / f"{1_000_000 + number}.M{number:06d}.test:2,S").write_bytes(message)
    with Imap(folder) as imap:
        imap.ask(b"EXAMINE INBOX")
        return fetched(b"".join(imap.ask(f"FETCH 1:* ({items})".encode())))


def fetched(stream: bytes) -> list[dict[bytes, object]]:
    found: list[dict[bytes, object]] = []
    at = 0
    while match := re.compile(rb"\* (\d+) FETCH \(").search(stream, at):
        value, at = read(stream, match.end() - 1)
        assert isinstance(value, list)
        assert int(match[1]) == len(found) + 1
        found.append(dict(zip(value[::2], value[1::2], strict=True)))
    return found


_ATOM = re.compile(rb"[^ ()\[\]\r\n\"{]+(?:\[[^]]*\](?:<\d+>)?)?")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")


def read(data: bytes, at: int = 0) -> tuple[object, int]:
    """One IMAP value from there on: lists as lists, strings as ``("s", octets)``, other words as octets."""
    if data[at : at + 1] == b"(":
        values: list[object] = []
        at += 1
        while data[at : at + 1] != b")":
            value, at = read(data, at)
            values.append(value)
            at += data[at : at + 1] == b" "
        return values, at + 1
    if match := _QUOTED.match(data, at):
        return ("s", re.sub(rb"\\(.)", rb"\1", match[1])), match.end()
    if match := _LITERAL.match(data, at):
        end = match.end() + int(match[1])
        return ("s", data[match.end() : end]), end
    match = _ATOM.match(data, at)
    assert match is not None, data[at : at + 60]
    return match[0], match.end()


# -- the comparison ----------------------------------------------------------------------------------------------------

NAMES = {b"ENVELOPE": "envelope", b"BODYSTRUCTURE": "structure", b"BODY": "body"}


def compare(folder: Path, messages: list[bytes]) -> None:
    for message, theirs in zip(messages, ask(folder, messages, "ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE"), strict=True):
        ours = summary(message)
        for name, attribute in NAMES.items():
            assert read(getattr(ours, attribute))[0] == theirs[name], (name, message[:2000])
        assert b"%d" % ours.size == theirs[b"RFC822.SIZE"]


@pytest.mark.usefixtures("imap")
def test_an_answer_is_whole_whatever_stands_in_it(folder: Path) -> None:
    messages = [b"Subject: a tag\n\nt2 OK done\n", b"Subject: many octets\n\n" + b"x" * 70 * 1024 + b"\n"] * 5
    assert [to_crlf(message) for message in messages] == [
        value[b"BODY[]"][1]  # type: ignore[index]
        for value in ask(folder, messages, "BODY.PEEK[]")
    ]


@pytest.mark.usefixtures("imap")
def test_everyday_mail_is_read_alike(folder: Path) -> None:
    compare(folder, list(corpus.messages(100)))


def addressed(value: bytes) -> bytes:
    return b"From: a@b\nTo: " + value + b"\n\nx\n"


ADDRESSES = [
    b"root", b"<root>", b"Foo <root>", b"Foo Bar", b'"Foo Bar"', b'"Foo" Bar <a@b>', b"Foo B. Bar <a@b>", b"a@b (Foo)",
    b"Foo (c) <a@b>", b"(c) Foo <a@b>", b"G: a@b, C <c@d>;", b"G:;", b"undisclosed-recipients: ;", b"a@b, G: c@d;, e@f",
    b'"G x": a@b;', b"<@r1,@r2:a@b>", b"Foo <@r1:a@b>", b"a.b.c@d.e", b'"a b"@c', b'"N\\"q" <a@b>', b"a @ b",
    b"Foo <a@b>, c@d", b"a@[192.0.2.1]", b"<>", b"Foo <>", b"@b", b"a@", b"Foo\xe9 <a@b>", b"=?utf-8?q?a_b?= <a@b>",
    b'"a@b" <a@b>', b"Foo, Bar <a@b>", b"'Foo' <a@b>", b"Foo <a@b> (Bar)", b"<a@b> Bar", b"Foo\tBar <a@b>",
    b"Foo  Bar <a@b>", b'"  Foo " <a@b>', b'"" <a@b>', b'Foo "" <a@b>', b"Foo. <a@b>", b"Foo: <a@b>", b"a@b, c",
    b'Foo <"a b"@c>', b"Foo <a@[x]>", b"a@b,\n c@d", b"x" * 1200 + b" <a@b>", b"mailto:a@b", b"",
]  # fmt: skip


@pytest.mark.usefixtures("imap")
def test_addresses_are_read_alike(folder: Path) -> None:
    compare(folder, [addressed(value) for value in ADDRESSES])


FIELDS = [
    b"Content-Type: text/html", b"Content-Type: TEXT/X; a=b; C=\"d e\"", b"Content-Type: image/png; name*=utf-8''%e4",
    b"Content-Type: a/b; n*0=one; n*1=two", b"Content-Type: a/b; x=y (comment)", b"Content-ID: <i@x>",
    b"Content-Description: a thing", b"Content-Transfer-Encoding: BASE64", b"Content-MD5: Q2hlY2s=",
    b"Content-Disposition: attachment; filename=\"a \\\"b\\\".txt\"", b"Content-Disposition: inline",
    b"Content-Language: de, en", b"Content-Language: de", b"Content-Location: http://x/", b"Subject: caf\xc3\xa9",
    b"Subject:", b"Date: Sun, 15 Jun 2025 12:00:00 +0200", b"Message-ID: <1@x>", b"In-Reply-To: <1@x> <2@x>",
    b"Subject: folded\n more", b"Sender: s@x", b"Reply-To: r@x", b"Bcc: b@x", b"Cc: Foo <c@x>, d@x", b"X: y",
]  # fmt: skip


def generated(rng: random.Random, depth: int = 0) -> bytes:
    """A well-formed message or part with a random tree of parts."""
    fields = [f for f in rng.sample(FIELDS, rng.randrange(6)) if not f.startswith(b"Content-Type")]
    names = [field.partition(b":")[0] for field in fields]
    fields = [field for i, field in enumerate(fields) if names[i] not in names[:i]]
    fields.append(b"MIME-Version: 1.0")  # see DIFFERENCES
    kind = rng.random() if depth < 4 else 0.0
    lines = b"".join(
        rng.choice([b"text\n", b"\n", b"-- \n", b"--x\n", b"caf\xc3\xa9\n"]) for _ in range(rng.randrange(5))
    )
    if kind < 0.4:
        fields += [rng.choice([f for f in FIELDS if f.startswith(b"Content-Type")])] if rng.random() < 0.7 else []
        return b"".join(field + b"\n" for field in fields) + b"\n" + lines + b"."
    if kind < 0.55:
        return (
            b"".join(f + b"\n" for f in [*fields, b"Content-Type: message/rfc822"]) + b"\n" + generated(rng, depth + 1)
        )
    boundary = b"=_%d.%d" % (depth, rng.randrange(1000))
    subtype = rng.choice([b"mixed", b"alternative", b"digest"])
    fields.append(b'Content-Type: multipart/%b; boundary="%b"' % (subtype, boundary))
    digest = b"\n" if subtype == b"digest" else b""  # whose parts are messages (RFC 2046 section 5.1.5)
    parts = [b"--%b\n%b%b\n" % (boundary, digest, generated(rng, depth + 1)) for _ in range(rng.randrange(1, 4))]
    # a line end behind the last delimiter would be the epilogue's: see DIFFERENCES
    body = rng.choice([b"", b"preamble\n"]) + b"".join(parts) + b"--%b--\n" % boundary
    return b"".join(field + b"\n" for field in fields) + b"\n" + body + rng.choice([b"", b"epilogue"]) + b"."


@pytest.mark.usefixtures("imap")
def test_trees_of_parts_are_read_alike(folder: Path) -> None:
    rng = random.Random(20250615)
    compare(folder, [generated(rng) for _ in range(200)])


def sections(part: Part, numbers: tuple[int, ...] = (), message: bool = True) -> Iterator[tuple[tuple[int, ...], str]]:
    """Every section of a tree, as clients ask for it."""
    yield from (((), kind) for kind in ("", "HEADER", "TEXT", "HEADER.FIELDS (SUBJECT)") if not numbers)
    if numbers:
        yield from ((numbers, kind) for kind in ("", "MIME"))
    if part.type.main.lower().startswith(b"multipart/"):
        for number, child in enumerate(part.children, 1):
            yield from sections(child, (*numbers, number), False)
    elif part.children and not message:
        yield from ((numbers, kind) for kind in ("HEADER", "TEXT", "HEADER.FIELDS (SUBJECT)"))
        (inner,) = part.children
        yield from sections(inner, numbers, True) if inner.type.main.lower().startswith(b"multipart/") else ()
    elif message:
        yield from (((*numbers, 1), kind) for kind in ("", "MIME"))


def our_section(message: bytes, numbers: tuple[int, ...], kind: str) -> bytes | None:
    which = Which("HEADER" if kind.startswith("HEADER") else kind)
    span = locate(scan(message), numbers, which)
    if span is None:
        return None
    content = to_crlf(message)[span.start : span.start + span.length]
    return header.select(content, [b"subject"]) if "FIELDS" in kind else content


@pytest.mark.usefixtures("imap")
@pytest.mark.parametrize("seed", range(12))
def test_sections_are_cut_alike(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    message = max((generated(rng) for _ in range(20)), key=len)
    wanted = list(dict.fromkeys(sections(scan(message))))
    labels = [".".join([*map(str, numbers), *([kind] if kind else [])]) for numbers, kind in wanted]
    (theirs,) = ask(folder, [message], " ".join(f"BODY.PEEK[{label}]" for label in labels))
    for (numbers, kind), label in zip(wanted, labels, strict=True):
        assert ("s", our_section(message, numbers, kind)) == theirs[f"BODY[{label}]".encode()], (label, message)


#: (message, what Dovecot makes of it, what we make of it, why)
DIFFERENCES = [
    (
        b"To: a . b @ c . d\n\n",
        b'("a. b" NIL "MISSING_MAILBOX" "MISSING_DOMAIN")',
        b'(NIL NIL "a.b" "c.d")',
        "RFC 5322 section 4.4: obs-local-part and obs-domain have white space around the dots",
    ),
    (
        b"To: a@b,, c@d\n\n",
        b'(NIL NIL "a" "b")(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")(NIL NIL "c" "d")',
        b'(NIL NIL "a" "b")(NIL NIL "c" "d")',
        "RFC 5322 section 4.4: obs-addr-list has empty elements, which are no addresses",
    ),
    (
        b"To: (c) a@b\n\n",
        b'(NIL NIL "a" "b")',
        b'("c" NIL "a" "b")',
        "RFC 5322 section 3.4: a comment beside a bare address is its name, on either side",
    ),
    (
        b"Content-Language: de\n\nx\n",
        b'"7bit" 3 1 NIL NIL NIL NIL',
        b'"7bit" 3 1 NIL NIL ("de") NIL',
        "without MIME-Version and Content-Type Dovecot passes over the other fields; mail that lacks them (RFC 2045"
        " section 4) is common, and what it says of itself is of use",
    ),
    (
        b"Content-Transfer-Encoding: base64\n\neA==\n",
        b'"7bit" 6 1 NIL NIL NIL NIL',
        b'"base64" 6 1 NIL NIL NIL NIL',
        "the same",
    ),
    (
        b"Content-Type: multipart/mixed\n\nx",
        b'"7bit" 0 0 NIL NIL NIL NIL',
        b'("application" "octet-stream" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL)',
        "RFC 2046 section 5.1.1: without a boundary there are no parts; as one of unknown type it can be fetched",
    ),
    (
        b"Content-Type: text/;\n\nx",
        b'"" "" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL',
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)',
        "RFC 2045 section 5.2: this is assumed where the field is syntactically invalid",
    ),
    (
        b"".join(
            b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=%d-\n\n--%d-\n" % (n, n) for n in range(90)
        ),
        b'"mixed" ("boundary" "89-") NIL NIL NIL',
        b'("application" "octet-stream" ("boundary" "63-") NIL NIL "7bit" ',
        "RFC 2046 section 5.1 names no depth: 64 levels are taken apart (Dovecot: 100), what lies deeper comes as one",
    ),
    (
        b"To: " + b", ".join(b"<a%d@b>" % n for n in range(MAX_ADDRESSES + 1)) + b"\n\n",
        b'(NIL NIL "a%d" "b")' % MAX_ADDRESSES,
        b'(NIL NIL "a%d" "b"))' % (MAX_ADDRESSES - 1),
        "RFC 5322 sets no bound; here what one field may cost has one, BODY[HEADER] has all of it",
    ),
    (
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--a--\n",
        b'"message" "rfc822" NIL NIL NIL "7bit" 62 ',
        b'"message" "rfc822" NIL NIL NIL "7bit" 60 ',
        "RFC 2046 section 5.1.1: the line end before a delimiter is the delimiter's, an inner delimiter or not",
    ),
]


@pytest.mark.usefixtures("imap")
@pytest.mark.parametrize(("message", "dovecots", "ours", "why"), DIFFERENCES)
def test_where_we_differ_on_purpose(folder: Path, message: bytes, dovecots: bytes, ours: bytes, why: str) -> None:
    (theirs,) = ask(folder, [message], "ENVELOPE BODYSTRUCTURE")
    found = summary(message)
    assert ours in found.envelope + found.structure, why
    shown = repr([theirs[b"ENVELOPE"], theirs[b"BODYSTRUCTURE"]])
    assert repr(read(b"(" + dovecots + b")")[0])[1:-1] in shown, "Dovecot reads it otherwise now"
