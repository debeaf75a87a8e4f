"""ENVELOPE, BODYSTRUCTURE and BODY as IMAP sends them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.mime import addresses
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.render import MAX_EMBEDDED, MAX_QUOTED, envelope, string, summarize, summary
from mailsuite.mime.structure import MAX_DEPTH, Scanner
from mailsuite.testing.imap_values import value_end

AB = b'((NIL NIL "a" "b"))'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"", b'""'),
        (b"plain", b'"plain"'),
        (b'q"b\\', b'"q\\"b\\\\"'),
        (b"tab\t", b'"tab\t"'),
        (b"\xc3\xa4", b"{2}\r\n\xc3\xa4"),
        (b"a\rb", b"{3}\r\na\rb"),
        (b"a\0b", b"{3}\r\na\x80b"),
        (b"x" * MAX_QUOTED, b'"' + b"x" * MAX_QUOTED + b'"'),
        (b"x" * (MAX_QUOTED + 1), b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_strings(text: bytes, shown: bytes) -> None:
    assert string(text) == shown


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (b"", b"NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL"),
        (b"Subject:\nDate: \n", b'"" "" NIL NIL NIL NIL NIL NIL NIL NIL'),
        (b"From: a@b\n", b"NIL NIL %b %b %b NIL NIL NIL NIL NIL" % (AB, AB, AB)),
        (b"From: a@b\nSender:\nReply-To: ,\n", b"NIL NIL %b %b %b NIL NIL NIL NIL NIL" % (AB, AB, AB)),
        (b"Sender: a@b\n", b"NIL NIL NIL %b NIL NIL NIL NIL NIL NIL" % AB),
        (b"Reply-To: a@b\nCc: a@b\nBcc: a@b\n", b"NIL NIL NIL NIL %b NIL %b %b NIL NIL" % (AB, AB, AB)),
        (
            b"To: G: a@b, x;, Foo <@r:a@b>\n",
            b'NIL NIL NIL NIL NIL ((NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL "x" "MISSING_DOMAIN")'
            b'(NIL NIL NIL NIL)("Foo" "@r" "a" "b")) NIL NIL NIL NIL',
        ),
        (b"In-Reply-To: <1@x>\n <2@x>\nMessage-ID: <3@x>\n", b'NIL NIL NIL NIL NIL NIL NIL NIL "<1@x> <2@x>" "<3@x>"'),
        (b"Subject: caf\xc3\xa9\n", b"NIL {5}\r\ncaf\xc3\xa9 NIL NIL NIL NIL NIL NIL NIL NIL"),
    ],
)
def test_envelopes(header: bytes, shown: bytes) -> None:
    assert summary(header + b"\n").envelope == b"(" + shown + b")"


TEXT = b'"text" "plain" ("charset" "us-ascii") NIL NIL "7bit"'


@pytest.mark.parametrize(
    ("message", "structure", "body"),
    [
        (b"A: b\n\nhello\n", b"(%b 7 1 NIL NIL NIL NIL)" % TEXT, b"(%b 7 1)" % TEXT),
        (
            b"Content-Type: Image/PNG; name=x\nContent-ID: <i>\nContent-Description: d\n"
            b"Content-Transfer-Encoding: BASE64\nContent-MD5: m\nContent-Language: de, en\nContent-Location: /x\n"
            b'Content-Disposition: attachment; filename="a b"\n\nAAAA\n',
            b'("Image" "PNG" ("name" "x") "<i>" "d" "BASE64" 6 "m" ("attachment" ("filename" "a b")) ("de" "en") "/x")',
            b'("Image" "PNG" ("name" "x") "<i>" "d" "BASE64" 6)',
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\nContent-Disposition: inline\n\n--b\n\nx\n--b\n\ny\n--b--\n",
            b'((%b 1 0 NIL NIL NIL NIL)(%b 1 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") ("inline" NIL) NIL NIL)'
            % (TEXT, TEXT),
            b'((%b 1 0)(%b 1 0) "mixed")' % (TEXT, TEXT),
        ),
        (
            b"Content-Type: message/rfc822\n\nSubject: s\n\nhi\n",
            b'("message" "rfc822" NIL NIL NIL "7bit" 18 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) '
            b"(%b 4 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)" % TEXT,
            b'("message" "rfc822" NIL NIL NIL "7bit" 18 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) (%b 4 1) 3)' % TEXT,
        ),
        # a multipart without parts still shows one: RFC 9051 section 9, body-type-mpart = 1*body
        (
            b"Content-Type: multipart/mixed; boundary=b\n\nnothing\n",
            b'((%b 0 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)' % TEXT,
            b'((%b 0 0) "mixed")' % TEXT,
        ),
        # a multipart without a boundary cannot be shown as one
        (
            b"Content-Type: multipart/mixed\n\nx\n",
            b'("application" "octet-stream" NIL NIL NIL "7bit" 3 NIL NIL NIL NIL)',
            b'("application" "octet-stream" NIL NIL NIL "7bit" 3)',
        ),
        (
            b"Content-Transfer-Encoding: 8bit (really)\n\n",
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "8bit" 0 0 NIL NIL NIL NIL)',
            b'("text" "plain" ("charset" "us-ascii") NIL NIL "8bit" 0 0)',
        ),
    ],
)
@pytest.mark.parametrize("form", [bytes, to_crlf])
def test_structures(message: bytes, structure: bytes, body: bytes, form: type[bytes]) -> None:
    found = summary(form(message))
    assert (found.structure, found.body) == (structure, body)


def test_sizes_are_those_of_the_crlf_form() -> None:
    found = summary(b"A: b\nB: c\n\nx\ny")
    assert (found.header_size, found.size) == (14, 18)


def test_pieces_give_the_same_summary() -> None:
    message = b"From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n"
    scanner = Scanner()
    for octet in message:
        scanner.feed(bytes((octet,)))
    assert summarize(scanner.finish()) == summary(message)


# -- whatever comes in, what goes out is well formed -------------------------------------------------------------------

_PIECES = [
    b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: message/rfc822\n", b"Content-Type: text/\"\n",
    b"Content-Type: a/b; \"=;\xff=\"x\\\"\n", b"\n", b"--b\n", b"--b--\n", b"From: \"\\\0 <@\n", b"To: ((\xe9;:,\n",
    b"Content-Disposition: ;x=\n", b"Content-Language: ,,\n", b"Content-Transfer-Encoding: \"\n",
    b"Subject: \x00\"\\\n",
    b"Content-ID:\n", b"x\r", b"Content-Disposition: \"\x80\r\"; a*0*=x'; a*1=\"\n",
]  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.sampled_from(_PIECES), max_size=20).map(b"".join))
def test_malformed_mail_gives_well_formed_answers(message: bytes) -> None:
    found = summary(message)
    for value in (found.envelope, found.structure, found.body):
        assert value_end(value) == len(value)
        assert b"\0" not in value


def test_what_is_nested_too_deeply_is_shown_as_octets() -> None:
    found = summary(b"Content-Type: message/rfc822\n\n" * (MAX_DEPTH + 5))
    assert b'("application" "octet-stream"' in found.structure
    assert found.structure.count(b'"rfc822"') == MAX_DEPTH - 1
    assert value_end(found.structure) == len(found.structure)


def test_an_envelope_needs_only_the_fields() -> None:
    assert envelope({b"subject": b"x"}).startswith(b'(NIL "x" NIL')


def test_addresses_of_embedded_messages_are_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    parse = addresses.parse
    monkeypatch.setattr(addresses, "parse", lambda value: (read.append(len(value)), parse(value))[1])
    message = b"\n--a\n\nTo: %b\nSubject: s\n\n" % (b"a@b," * 250)
    digest = b"Content-Type: multipart/digest; boundary=a\n\n" + message * 1000
    structure = summary(digest).structure
    assert sum(read) <= MAX_EMBEDDED
    assert structure.count(b'(NIL "s"') == 1000
    assert structure.count(b'"b"') == len(read) * 250
