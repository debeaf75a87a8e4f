"""Small values: sets, names, dates, strings, codes, there and back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite import errors
from mailsuite.imap import codes, names, responses, sets
from mailsuite.imap.dialect import REV1, REV2, UTF8_ACCEPT, Dialect
from mailsuite.imap.items import StatusItem
from mailsuite.imap.syntax import dates, strings
from mailsuite.imap.syntax.cursor import Cursor, ProtocolError
from mailsuite.model import Appended, Copied, MailboxStatus
from mailsuite.query import STAR

UIDS = st.integers(1, sets.MAX_NUMBER)

# -- sequence sets


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        (b"1", ((1, 1),)),
        (b"4:2", ((2, 4),)),
        (b"*:3", ((3, STAR),)),
        (b"*", ((STAR, STAR),)),
        (b"*:*", ((STAR, STAR),)),
        (b"1,3:5,4294967295", ((1, 1), (3, 5), (4294967295, 4294967295))),
    ],
)
def test_reads_sets(text: bytes, ranges: tuple[tuple[int, int], ...]) -> None:
    assert sets.SEQUENCE_SET.fullmatch(text)
    assert sets.parse(text) == ranges


@given(st.lists(UIDS, min_size=1, unique=True))
@settings(max_examples=100)
def test_a_compressed_set_names_the_same_numbers_in_the_same_order(numbers: list[int]) -> None:
    text = sets.compress(numbers)
    assert sets.SEQUENCE_SET.fullmatch(text)
    assert [n for low, high in sets.parse(text) for n in range(low, high + 1)] == numbers


def test_runs_are_compressed() -> None:
    assert sets.compress([1, 2, 3, 7, 9, 10]) == b"1:3,7,9:10"
    assert sets.compress([5, 3, 4]) == b"5,3:4"
    assert sets.compress([]) == b""


# -- mailbox names, RFC 3501 section 5.1.3


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("INBOX", b"INBOX"),
        ("~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("R&D", b"R&-D"),
        ("\u00c4&\u00d6", b"&AMQ-&-&ANY-"),
        ("\U0001f4ec", b"&2D3c7A-"),
        ("tab\there", b"tab&AAk-here"),
    ],
)
def test_names_in_modified_utf7(name: str, octets: bytes) -> None:
    assert names.encode(name) == octets
    assert names.decode(octets) == name


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=200)
def test_any_name_survives_modified_utf7(name: str) -> None:
    octets = names.encode(name)
    assert octets.isascii()
    assert names.decode(octets) == name


@pytest.mark.parametrize("octets", [b"a&b", b"&", b"&AGE-", b"&AM-", b"&AMQ", b"&AMR-", b"&,,-", b"&2D0-", b"\xff"])
def test_only_one_form_of_a_name_is_accepted(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        names.decode(octets)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*", ["a", "a/b", ""], []),
        ("%", ["a", ""], ["a/b"]),
        ("a/%", ["a/b", "a/"], ["a", "a/b/c"]),
        ("%/b", ["a/b", "/b"], ["a/c/b", "b"]),
        ("a%c*e", ["ace", "abcde", "abc/d/e"], ["a/ce", "abcd"]),
        ("*a%b", ["ab", "x/ab", "axb/ayb"], ["a/b", "ab/"]),
        ("*a%b*", ["a/axbx"], ["a/b"]),
        ("*%", ["a", "a/b"], []),
        ("a.b", ["a.b"], ["axb"]),
        ("", [""], ["a"]),
    ],
)
def test_list_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = names.pattern(pattern)
    assert [name for name in matching + others if compiled.fullmatch(name)] == matching


def _naive(pattern: str, name: str) -> bool:
    if not pattern:
        return not name
    if pattern[0] in "*%":
        ends = range(len(name) + 1)
        return any(_naive(pattern[1:], name[end:]) for end in ends if pattern[0] == "*" or "/" not in name[:end])
    return name[:1] == pattern[0] and _naive(pattern[1:], name[1:])


@given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=10))
@settings(max_examples=500)
def test_patterns_match_what_the_definition_says(pattern: str, name: str) -> None:
    assert bool(names.pattern(pattern).fullmatch(name)) == _naive(pattern, name)


def test_a_hostile_pattern_does_not_take_for_ever() -> None:
    assert not names.pattern("*a" * 200 + "%a" * 200 + "b").fullmatch("a" * 1000)


# -- strings


@given(st.binary(max_size=60).filter(lambda octets: b"\x00" not in octets))
@settings(max_examples=200)
def test_any_string_is_written_so_that_it_reads_back(octets: bytes) -> None:
    for text in (responses.string(octets), responses.astring(octets), responses.literal(octets)):
        cursor = Cursor(text)
        assert strings.astring(cursor) == octets
        assert cursor.at_end
    assert strings.nstring(Cursor(responses.nstring(octets))) == octets


def test_nil_and_a_string_that_spells_nil_differ() -> None:
    assert responses.nstring(None) == b"NIL"
    assert responses.astring(b"nil") == b'"nil"'
    assert strings.nstring(Cursor(b"NIL")) is None
    assert strings.nstring(Cursor(b'"NIL"')) == b"NIL"


def test_long_or_binary_strings_become_literals() -> None:
    assert responses.string(b"x" * 1024).startswith(b'"')
    assert responses.string(b"x" * 1025).startswith(b"{1025}")
    assert responses.string(b"a\r\nb") == b"{4}\r\na\r\nb"
    assert responses.string(b"\xc3\xa4") == b"{2}\r\n\xc3\xa4"
    assert responses.string(b"x" * 2000).startswith(b"{2000}\r\n")


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=60))
def test_a_mailbox_name_is_written_so_that_it_reads_back(name: str) -> None:
    for dialect in (REV1, REV2, UTF8_ACCEPT):
        cursor = Cursor(responses.mailbox(name, dialect.utf8), dialect)
        assert strings.name(cursor, "a name") == name
        assert cursor.at_end


def test_utf8_in_quotes_is_for_those_who_enabled_it() -> None:
    assert responses.mailbox("\u00e4", utf8=True) == b'"\xc3\xa4"'
    assert responses.mailbox("\u00e4") == b"&AOQ-"
    assert responses.mailbox("a&b", utf8=True) == b"a&b"


@pytest.mark.parametrize("dialect", [REV2, UTF8_ACCEPT])
def test_a_quoted_string_that_is_not_utf8_is_an_error_once_enabled(dialect: Dialect) -> None:
    assert strings.string(Cursor(b'"\xe4"')) == b"\xe4"
    with pytest.raises(ProtocolError, match="UTF-8"):
        strings.string(Cursor(b'"\xe4"', dialect))
    assert strings.string(Cursor(b"{1}\r\n\xe4", dialect)) == b"\xe4"


# -- dates


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (b'"17-Jul-1996 02:44:25 -0700"', datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)),
        (b'" 1-jan-2026 00:00:00 +0130"', datetime(2025, 12, 31, 22, 30, tzinfo=UTC)),
        (b'"31-Dec-2016 23:59:60 +0000"', datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_reads_a_date_time(text: bytes, moment: datetime) -> None:
    assert dates.moment(Cursor(text)) == moment.timestamp()


@pytest.mark.parametrize(
    "text",
    [
        b'"32-Jul-1996 02:44:25 -0700"',
        b'"17-Xxx-1996 02:44:25 -0700"',
        b'"17-Jul-1996 25:44:25 -0700"',
        b'"17-Jul-0000 02:44:25 -0700"',
        b'" 1-Jan-0001 00:00:00 +2359"',
        b'"17-Jul-1996 02:44:25"',
        b"17-Jul-1996 02:44:25 -0700",
    ],
)
def test_refuses_moments_that_are_none(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        dates.moment(Cursor(text))


@given(st.integers(0, 253402300799))
@settings(max_examples=100)
def test_an_internal_date_reads_back(epoch: int) -> None:
    assert dates.moment(Cursor(responses.internaldate(epoch))) == epoch


def test_an_internal_date_has_a_fixed_width() -> None:
    assert responses.internaldate(0.9) == b'" 1-Jan-1970 00:00:00 +0000"'
    assert responses.internaldate(-5) == b'" 1-Jan-1970 00:00:00 +0000"'
    assert responses.internaldates([-5, 1_700_000_000.9]) == [
        b'" 1-Jan-1970 00:00:00 +0000"',
        b'"14-Nov-2023 22:13:20 +0000"',
    ]
    assert responses.internaldate(1e300) == b'"31-Dec-9999 23:59:59 +0000"'


# -- responses and codes


def test_responses() -> None:
    counters = MailboxStatus(1, 2, 3, 4, 5, 6, 7, 8, 9, "F1")
    everything = tuple(StatusItem)
    assert responses.status(b'"a b"', everything, counters, 10) == (
        b'* STATUS "a b" (MESSAGES 1 RECENT 2 UIDNEXT 5 UIDVALIDITY 6 UNSEEN 3 DELETED 4 SIZE 8 HIGHESTMODSEQ 7'
        b" DELETED-STORAGE 9 APPENDLIMIT 10 MAILBOXID (F1))\r\n"
    )
    assert responses.capability([b"IMAP4rev1", b"ID"]) == b"* CAPABILITY IMAP4rev1 ID\r\n"
    assert responses.no(b"x") == b"* NO x\r\n"
    assert responses.fetch(3, [b"UID 7", b"FLAGS ()"]) == b"* 3 FETCH (UID 7 FLAGS ())\r\n"
    assert responses.search([]) == b"* SEARCH\r\n"
    assert responses.search([2, 84]) == b"* SEARCH 2 84\r\n"
    assert responses.search([2, 84], 917162500) == b"* SEARCH 2 84 (MODSEQ 917162500)\r\n"
    assert responses.vanished(((405, 405), (407, 410))) == b"* VANISHED 405,407:410\r\n"
    assert responses.vanished(((300, 310),), earlier=True) == b"* VANISHED (EARLIER) 300:310\r\n"
    assert responses.enabled([]) == b"* ENABLED\r\n"
    assert responses.ident([]) == b"* ID NIL\r\n"
    assert responses.ident([("name", "mailsuite")]) == b'* ID ("name" "mailsuite")\r\n'
    assert responses.flags(frozenset({"b", "\\Seen", "A", "\\Answered"}), True) == b"(\\Answered \\Seen A b \\Recent)"
    assert responses.flags(frozenset()) == b"()"
    assert responses.bye(b"x", b"UNAVAILABLE") == b"* BYE [UNAVAILABLE] x\r\n"
    assert responses.list_line(b"LSUB", [], responses.mailbox("\u00e4")) == b'* LSUB () "/" &AOQ-\r\n'


def test_uidplus_codes() -> None:
    assert codes.appenduid([Appended(7, 3)]) == b"APPENDUID 7 3"
    assert codes.appenduid([Appended(7, 3), Appended(7, 4)]) == b"APPENDUID 7 3:4"
    assert codes.copyuid(Copied(9, (1, 2, 5), (10, 11, 12))) == b"COPYUID 9 1:2,5 10:12"
    assert codes.copyuid(Copied(9, (), ())) == b""


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.NotFound(), b"NONEXISTENT", b"no such mailbox"),
        (errors.Expunged("gone"), b"EXPUNGEISSUED", b"gone"),
        (errors.ReadOnly(), b"READ-ONLY", b"the mailbox is open for reading only"),
        (errors.NotAllowed("not INBOX"), b"NOPERM", b"not INBOX"),
        (errors.OverQuota("full\r\na OK done"), b"OVERQUOTA", b"full  a OK done"),
        (errors.Temporary("/var/mail/x: I/O error"), b"UNAVAILABLE", b"temporary trouble, try again later"),
        (errors.DiskFull("/x"), b"UNAVAILABLE", b"the server has no room left on its disk, try again later"),
        (errors.Throttled("too many from you, d\u00fcsk"), b"UNAVAILABLE", b"too many from you, d&APw-sk"),
        (errors.Exists("Tr\u00e4ume is there already"), b"ALREADYEXISTS", b"Tr&AOQ-ume is there already"),
        (errors.Corrupt("/var/mail/x is bad"), b"CORRUPTION", b"the stored mail is damaged, tell the administrator"),
        (errors.MailError(), b"", b"it failed"),
        (KeyError("secret"), b"SERVERBUG", b"an error of the server, it has been logged"),
    ],
)
def test_errors_in_imap_words(error: Exception, code: bytes, text: bytes) -> None:
    words = codes.of_error(error)
    assert (words.code, words.text) == (code, text)


def test_every_error_has_a_row_of_its_own() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MailError)}
    elsewhere = {errors.ConfigError, errors.NoRoute, errors.NotWritten, errors.OnHold}
    assert kinds - {kind for kind, _ in codes._ERRORS} == elsewhere
