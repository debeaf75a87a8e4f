"""Search keys, RFC 3501 section 6.4.4."""

import codecs
from datetime import date

import pytest

from mailsuite import query
from mailsuite.imap.syntax import charsets
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.imap.syntax.search_keys import SearchKeys
from mailsuite.model import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from mailsuite.query import STAR, Not, Query, When


def keys(text: bytes, codec: str = "utf-8") -> Query:
    cursor = Cursor(text)
    found = SearchKeys(cursor, codec).keys()
    cursor.end()
    return found


FEB_1 = date(1994, 2, 1).toordinal()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"ALL", query.All()),
        (b"answered", query.HasFlag(ANSWERED)),
        (b"DELETED", query.HasFlag(DELETED)),
        (b"DRAFT", query.HasFlag(DRAFT)),
        (b"FLAGGED", query.HasFlag(FLAGGED)),
        (b"SEEN", query.HasFlag(SEEN)),
        (b"UNANSWERED", Not(query.HasFlag(ANSWERED))),
        (b"UNDELETED", Not(query.HasFlag(DELETED))),
        (b"UNDRAFT", Not(query.HasFlag(DRAFT))),
        (b"UNFLAGGED", Not(query.HasFlag(FLAGGED))),
        (b"UNSEEN", Not(query.HasFlag(SEEN))),
        (b"RECENT", query.IsRecent()),
        (b"OLD", Not(query.IsRecent())),
        (b"NEW", query.And((query.IsRecent(), Not(query.HasFlag(SEEN))))),
        (b"KEYWORD $Junk", query.HasFlag("$Junk")),
        (b"UNKEYWORD $Junk", Not(query.HasFlag("$Junk"))),
        (b"BCC a", query.Header("bcc", "a")),
        (b"CC a", query.Header("cc", "a")),
        (b'FROM "Smith"', query.Header("from", "Smith")),
        (b"SUBJECT {5}\r\na b c", query.Header("subject", "a b c")),
        (b"TO a", query.Header("to", "a")),
        (b'HEADER X-Spam ""', query.Header("x-spam", "")),
        (b'BODY "x y"', query.Body("x y")),
        (b'TEXT "\xc3\xa4"', query.Text("\u00e4")),
        (b"BEFORE 1-Feb-1994", query.InternalDate(When.BEFORE, FEB_1)),
        (b'ON "01-feb-1994"', query.InternalDate(When.ON, FEB_1)),
        (b"SINCE 1-Feb-1994", query.InternalDate(When.SINCE, FEB_1)),
        (b"SENTBEFORE 1-Feb-1994", query.SentDate(When.BEFORE, FEB_1)),
        (b"SENTON 1-Feb-1994", query.SentDate(When.ON, FEB_1)),
        (b"SENTSINCE 1-Feb-1994", query.SentDate(When.SINCE, FEB_1)),
        (b"LARGER 5000000000", query.Larger(5_000_000_000)),
        (b"SMALLER 10", query.Smaller(10)),
        (b"OLDER 3600", query.Age(True, 3600)),
        (b"younger 1", query.Age(False, 1)),
        (b"$", query.Numbers(query.SAVED)),
        (b"UID $", query.Uids(query.SAVED)),
        (b"UID 5:*", query.Uids(((5, STAR),))),
        (b"2,4:7", query.Numbers(((2, 2), (4, 7)))),
        (b"*", query.Numbers(((STAR, STAR),))),
        (b"NOT NOT SEEN", Not(Not(query.HasFlag(SEEN)))),
        (b"OR SEEN 1", query.Or(query.HasFlag(SEEN), query.Numbers(((1, 1),)))),
        (
            b"OR OR 1 2 3",
            query.Or(query.Or(query.Numbers(((1, 1),)), query.Numbers(((2, 2),))), query.Numbers(((3, 3),))),
        ),
        (b"SEEN DRAFT", query.And((query.HasFlag(SEEN), query.HasFlag(DRAFT)))),
        (b"(SEEN)", query.HasFlag(SEEN)),
        (b"NOT (SEEN DRAFT)", Not(query.And((query.HasFlag(SEEN), query.HasFlag(DRAFT))))),
    ],
)
def test_reads_a_key(text: bytes, wanted: Query) -> None:
    assert keys(text) == wanted


def test_every_charset_has_a_codec_that_gives_text() -> None:
    for name, codec in charsets._CODECS.items():
        assert charsets.codec(name.lower().encode()) == codec
        assert codecs.lookup(codec)._is_text_encoding
        assert "a".encode(codec).decode(codec) == "a"


def test_decodes_strings_in_the_charset() -> None:
    assert keys(b'TEXT "\xe4"', "iso8859-1") == query.Text("\u00e4")
    assert keys(b'TEXT {5}\r\n\x1b$B$"', "iso2022_jp") == query.Text("\u3042")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"FOO",
        b"SEEN ",
        b"SEEN  SEEN",
        b"()",
        b"(SEEN",
        b"SEEN)",
        b"NOT",
        b"OR SEEN",
        b"FROM",
        b"HEADER x",
        b'HEADER "\xff" y',
        b"BEFORE 31-Feb-1994",
        b"BEFORE 1-Foo-1994",
        b"BEFORE 1-Feb-94",
        b"BEFORE 1-Feb-0000",
        b'ON "1-Feb-1994',
        b"OLDER 0",
        b"YOUNGER -1",
        b"OLDER 4294967296",
        b"$,1",
        b"LARGER x",
        b"LARGER 99999999999999999999",
        b"UID 0",
        b"UID 4294967296",
        b"4294967296",
        b"KEYWORD \\Seen",
        b"(" * 60 + b"SEEN" + b")" * 60,
        b"NOT " * 60 + b"SEEN",
        b"OR SEEN " * 60 + b"SEEN",
        b" ".join([b"SEEN"] * 1001),
    ],
)
def test_refuses_what_is_malformed_or_too_complex(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        keys(text)
