"""Whatever octets are stored, FETCH answers what a strict reader of the grammar takes, and the session goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from imap_grammar import Malformed, Reader
from test_imap_session import ANN, Server

from mailsuite.testing.corpus import messages

MAIL = sorted((Path(__file__).parents[2] / "data/mail").glob("*/*.eml"))

PLAIN = (
    *(b"FLAGS", b"INTERNALDATE", b"SAVEDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY", b"BODYSTRUCTURE", b"UID"),
    *(b"MODSEQ", b"PREVIEW", b"PREVIEW (LAZY)", b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT"),
    *(b"BINARY.SIZE[]", b"BINARY.PEEK[]", b"BINARY.PEEK[]<3.7>"),
)
OF_THE_MESSAGE = (b"", b"HEADER", b"TEXT", b"HEADER.FIELDS (Subject X-Y)", b"HEADER.FIELDS.NOT (From)")
OF_PARTS = (b"", b".MIME", b".HEADER", b".TEXT", b".HEADER.FIELDS (Subject)")
PARTS = (b"1", b"2", b"1.1", b"2.1", b"1.2.1")
SECTIONS = (
    *(b"BODY.PEEK[%b]%b" % (section, cut) for section in OF_THE_MESSAGE for cut in (b"", b"<2.9>")),
    *(b"BODY.PEEK[%b%b]" % (part, section) for part in PARTS for section in OF_PARTS),
)
DECODED = tuple((b"BINARY.SIZE[%b]" % part, b"BINARY.PEEK[%b]<1.99>" % part) for part in PARTS)


def answers_well(octets: bytes, rev2: bool = False) -> None:
    server = Server()
    server.stores.deliver(ANN, octets)
    client = server.client()
    if rev2:
        client.ask(b"e ENABLE IMAP4rev2")
    for items in (PLAIN, SECTIONS):
        rows = Reader(client.ask(b"a FETCH 1 (%b)" % b" ".join(items)), rev2).answer()
        assert [len(row) for row in rows] == [len(items)]
    for items in DECODED:
        answer = client.ask(b"a FETCH 1 (%b)" % b" ".join(items))
        assert Reader(answer).answer() or answer.startswith(b"a NO [UNKNOWN-CTE] ")
    assert client.ask(b"b NOOP") == b"b OK done\r\n"


@pytest.mark.parametrize("path", MAIL, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_of_mail_that_others_found_hard_to_read(path: Path) -> None:
    answers_well(path.read_bytes())


def test_of_a_corpus() -> None:
    for octets in messages(60, 1):
        answers_well(octets)


_PIECES = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b" ",
        b":",
        b";",
        b'"',
        b"\\",
        b"(",
        b")",
        b"<",
        b">",
        b"@",
        b",",
        b"=?utf-8?q?",
    ),
    *(b"Subject: ", b"From: ", b"To: a b <c@d>", b"Content-Type: ", b"multipart/mixed; boundary=b", b"message/rfc822"),
    *(b"--b", b"--b--", b"text/plain", b"text/html", b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable"),
    *(b"Content-Disposition: attachment; filename*0=", b"Content-Language: ", b"Content-MD5: ", b"x", b"8bit", b"AAAA"),
]
mail_like = st.lists(st.sampled_from(_PIECES), max_size=40).map(b"".join)


@given(st.one_of(st.binary(max_size=200), mail_like))
@example(b"")
@example(b"\0")
@example(b"Subject: \0\r\n\r\n\0")
@example(b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\n--b--")
@example(b"Content-Type: multipart/x\r\n\r\n")
@example(b"Content-Language: ,\r\n\r\n")
@example(b'Content-Type: "/"; x="\xff\0"\r\n\r\n')
def test_of_any_octets(octets: bytes) -> None:
    answers_well(octets)


@pytest.mark.parametrize("rev2", [False, True])
@given(mail_like)
@example(b"--".join((b"Content-Type: multipart/mixed; boundary=b\n\n", *(b"b\nContent-Type: Message/Global\n\n",) * 2)))
def test_of_international_messages_within_others(rev2: bool, octets: bytes) -> None:
    answers_well(b"Content-Type: message/global\r\n\r\n" + octets, rev2)
    answers_well(octets.replace(b"message/rfc822", b"message/global"), rev2)


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1)\r\n",
        b"* 1 FETCH (UID 1) \r\na OK x\r\n",
        b"* 1 FETCH (BODY[] {3}\r\na\0b)\r\na OK x\r\n",
        b"* 1 FETCH (BODY[] {9}\r\nab)\r\na OK x\r\n",
        b"* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\na OK x\r\n",
        b'* 1 FETCH (ENVELOPE (NIL "\xe4" NIL NIL NIL NIL NIL NIL NIL NIL))\r\na OK x\r\n',
        b"* 1 FETCH (ENVELOPE (NIL NIL () NIL NIL NIL NIL NIL NIL NIL))\r\na OK x\r\n",
        b'* 1 FETCH (BODY ("text" "plain" NIL NIL NIL "7bit" 1))\r\na OK x\r\n',
        b'* 1 FETCH (BODY ("text" "plain" () NIL NIL "7bit" 1 1))\r\na OK x\r\n',
        b'* 1 FETCH (BODY ("text" "plain" NIL NIL NIL NIL 1 1))\r\na OK x\r\n',
        b'* 1 FETCH (BODY ( "mixed"))\r\na OK x\r\n',
    ],
)
def test_the_reader_is_strict(answer: bytes) -> None:
    with pytest.raises(Malformed):
        Reader(answer).answer()
