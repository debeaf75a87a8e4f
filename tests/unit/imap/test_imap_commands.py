"""Each command's grammar, RFC 3501 section 9 and extensions: what is read, what is refused."""

import pytest

from mailsuite import query
from mailsuite.imap import codes, events, table
from mailsuite.imap.items import (
    Attribute,
    BodySection,
    ListReturn,
    ListSelect,
    Partial,
    SectionKind,
    StatusItem,
    Transfer,
)
from mailsuite.imap.returns import ReturnOption, Returns, Window
from mailsuite.imap.states import State
from mailsuite.imap.syntax import charsets
from mailsuite.imap.syntax.cursor import ProtocolError
from mailsuite.mime.structure import MAX_DEPTH, Kind, scan
from mailsuite.model import DELETED, SEEN, FlagOp
from mailsuite.query import STAR, Numbers, Uids

T = b"a1"
BADCHARSET = codes.badcharset(charsets._TOLD)
BEFORE_LOGIN = (b"LOGIN", b"AUTHENTICATE", b"STARTTLS")


def parsed(text: bytes) -> events.Command:
    state = State.NOT_AUTHENTICATED if text.split(b" ")[0].upper() in BEFORE_LOGIN else State.SELECTED
    return table.head(T + b" " + text, state).parse()


def searching(*options: ReturnOption, partial: Window | None = None) -> events.Search:
    return events.Search(T, events.Criteria(query.All()), False, Returns(frozenset(options), partial))


def refusal(text: bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        parsed(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (b"CAPABILITY", events.Capability(T)),
        (b"noop", events.Noop(T)),
        (b"Logout", events.Logout(T)),
        (b"ID NIL", events.Id(T, ())),
        (b"id ()", events.Id(T, ())),
        (b'ID ("name" "mutt" "os" NIL "version" {3}\r\n1.0)', events.Id(T, (("name", "mutt"), ("version", "1.0")))),
        (b"STARTTLS", events.StartTls(T)),
        (b"COMPRESS deflate", events.Compress(T)),
        (b"unauthenticate", events.Unauthenticate(T)),
        (b"LOGIN smith sesame", events.Login(T, "smith", "sesame")),
        (b'LOGIN "a b" "p\\"\\\\w"', events.Login(T, "a b", 'p"\\w')),
        (b"LOGIN {5}\r\nsm th {4+}\r\np\r\nw", events.Login(T, "sm th", "p\r\nw")),
        (b'LOGIN u "p\xc3\xa4"', events.Login(T, "u", "p\u00e4")),
        (b'LOGIN u "p\xe4"', events.Login(T, "u", "p\ufffd")),
        (b"AUTHENTICATE plain", events.AuthenticateBegin(T, "PLAIN", b"")),
        (b"AUTHENTICATE PLAIN AHUAcA==", events.AuthenticateBegin(T, "PLAIN", b"AHUAcA==")),
        (b"AUTHENTICATE EXTERNAL =", events.AuthenticateBegin(T, "EXTERNAL", b"=")),
        (b"ENABLE condstore X-Good", events.Enable(T, ("CONDSTORE", "X-GOOD"))),
        (b"GENURLAUTH a internal {1}\r\nb INTERNAL", events.GenUrlAuth(T, (b"a", b"b"))),
        (b"UIDBATCHES 2000", events.UidBatches(T, 2000, 1, 2**32 - 1)),
        (b"UIDBATCHES 500 2:50", events.UidBatches(T, 500, 2, 50)),
        (b'URLFETCH a "b c"', events.UrlFetch(T, (b"a", b"b c"))),
        (b"RESETKEY", events.ResetKey(T, "")),
        (b"RESETKEY inbox INTERNAL internal", events.ResetKey(T, "INBOX")),
        (b"FETCH 1 PREVIEW", events.Fetch(T, Numbers(((1, 1),)), (Attribute.PREVIEW,))),
        (b"FETCH 1 (preview (lazy lazy))", events.Fetch(T, Numbers(((1, 1),)), (Attribute.LAZY_PREVIEW,))),
        (
            b"FETCH 1 (binary[2.1]<0.9> BINARY.SIZE[])",
            events.Fetch(
                T,
                Numbers(((1, 1),)),
                (
                    BodySection(b"BINARY[2.1]<0>", (2, 1), partial=Partial(0, 9), transfer=Transfer.DECODED),
                    BodySection(b"BINARY.SIZE[]", peek=True, transfer=Transfer.DECODED_SIZE),
                ),
            ),
        ),
        (b"FETCH 1 SAVEDATE", events.Fetch(T, Numbers(((1, 1),)), (Attribute.SAVEDATE,))),
        (
            b"SEARCH SAVEDON 1-Jan-1970",
            events.Search(T, events.Criteria(query.SavedDate(query.When.ON, 719163)), False),
        ),
        (
            b"SEARCH SAVEDBEFORE 1-Jan-1970",
            events.Search(T, events.Criteria(query.SavedDate(query.When.BEFORE, 719163)), False),
        ),
        (
            b'SEARCH SAVEDSINCE "1-Jan-1970"',
            events.Search(T, events.Criteria(query.SavedDate(query.When.SINCE, 719163)), False),
        ),
        (b"SEARCH SAVEDATESUPPORTED", events.Search(T, events.Criteria(query.All()), False)),
        (b"SELECT inbox", events.Select(T, "INBOX", False)),
        (b'SELECT "inbox/Sub"', events.Select(T, "INBOX/Sub", False)),
        (b"EXAMINE &ZeVnLIqe-", events.Select(T, "\u65e5\u672c\u8a9e", True)),
        (b'SELECT "\xc3\x84rger"', events.Select(T, "\u00c4rger", False)),
        (b"CREATE a/b/", events.Create(T, "a/b")),
        (b"CREATE Gesendet (USE (\\sent))", events.Create(T, "Gesendet", "\\Sent")),
        (b"CREATE plain (USE ())", events.Create(T, "plain", "")),
        (b"DELETE a]b", events.Delete(T, "a]b")),
        (b'RENAME "old name" new/', events.Rename(T, "old name", "new")),
        (b"SUBSCRIBE x", events.Subscribe(T, "x", True)),
        (b"UNSUBSCRIBE x", events.Subscribe(T, "x", False)),
        (b"NAMESPACE", events.Namespace(T)),
        (b"STATUS x (MESSAGES unseen)", events.Status(T, "x", (StatusItem.MESSAGES, StatusItem.UNSEEN))),
        (b"STATUS x (SIZE SIZE)", events.Status(T, "x", (StatusItem.SIZE,))),
        (b"IDLE", events.IdleBegin(T)),
        (b"CHECK", events.Check(T)),
        (b"CLOSE", events.Close(T)),
        (b"UNSELECT", events.Unselect(T)),
        (b"EXPUNGE", events.Expunge(T, Uids(((1, STAR),)))),
        (b"UID EXPUNGE 3:5,9", events.Expunge(T, Uids(((3, 5), (9, 9))), uid=True)),
        (b"STORE 2 +FLAGS (\\deleted)", events.Store(T, Numbers(((2, 2),)), FlagOp.ADD, frozenset({DELETED}), False)),
        (b"STORE 2 FLAGS ()", events.Store(T, Numbers(((2, 2),)), FlagOp.REPLACE, frozenset(), False)),
        (
            b"uid store 1:* -flags.silent \\Seen $Junk",
            events.Store(T, Uids(((1, STAR),)), FlagOp.REMOVE, frozenset({SEEN, "$Junk"}), True),
        ),
        (b"COPY 2:4 MEETING", events.Copy(T, Numbers(((2, 4),)), "MEETING", False)),
        (b"UID COPY 7 x", events.Copy(T, Uids(((7, 7),)), "x", False)),
        (b"MOVE 1 x", events.Copy(T, Numbers(((1, 1),)), "x", True)),
        (b"UID MOVE * x", events.Copy(T, Uids(((STAR, STAR),)), "x", True)),
        (b"SEARCH ALL", events.Search(T, events.Criteria(query.All()), False)),
        (b"SEARCH RETURN () ALL", searching(ReturnOption.ALL)),
        (
            b"SEARCH return (min MAX Count save context update) ALL",
            searching(*set(ReturnOption) - {ReturnOption.ALL, ReturnOption.RELEVANCY}),
        ),
        (
            b"SEARCH RETURN (COUNT PARTIAL -500:-1) ALL",
            searching(ReturnOption.COUNT, partial=Window(1, 500, True, b"-500:-1")),
        ),
        (b"SEARCH RETURN (PARTIAL 9:3) ALL", searching(partial=Window(3, 9, False, b"9:3"))),
        (
            b"UID SEARCH CHARSET KOI8-R TEXT {4}\r\n\xd0\xd2\xc9\xd7",
            events.Search(T, events.Criteria(query.Text("прив")), True),
        ),
    ],
)
def test_reads_a_command(text: bytes, event: events.Command) -> None:
    assert parsed(text) == event


COMPLETE = {
    b"ID": b" NIL",
    b"LOGIN": b" u p",
    b"AUTHENTICATE": b" PLAIN =",
    b"LIST": b' "" *',
    b"LSUB": b' "" *',
    b"STATUS": b" x (MESSAGES)",
    b"RENAME": b" a b",
    b"SEARCH": b" ALL",
    b"CANCELUPDATE": b' "a"',
    b"ESEARCH": b" ALL",
    b"SORT": b" (DATE) UTF-8 ALL",
    b"THREAD": b" REFS UTF-8 ALL",
    b"FETCH": b" 1 FLAGS",
    b"STORE": b" 1 FLAGS ()",
    b"GENURLAUTH": b" x INTERNAL",
    b"URLFETCH": b" x",
    b"UIDBATCHES": b" 500",
    b"RESETKEY": b" x",
    b"COPY": b" 1 x",
    b"MOVE": b" 1 x",
    b"UID EXPUNGE": b" 1",
    b"SETACL": b" x anyone lr",
    b"DELETEACL": b" x anyone",
    b"GETACL": b" x",
    b"COMPRESS": b" DEFLATE",
    b"NOTIFY": b" NONE",
    b"LISTRIGHTS": b" x anyone",
    b"MYRIGHTS": b" x",
    b"GETQUOTA": b" x",
    b"GETMETADATA": b" x /shared/y",
    b"SETMETADATA": b" x (/shared/y NIL)",
    b"GETQUOTAROOT": b" x",
    b"SETQUOTA": b" x (STORAGE 1)",
    **dict.fromkeys((b"SELECT", b"EXAMINE", b"CREATE", b"DELETE", b"SUBSCRIBE", b"UNSUBSCRIBE"), b" x"),
}


@pytest.mark.parametrize(
    "name", [name for name, row in table.COMMANDS.items() if not (row.appends or name == b"ENABLE")]
)
def test_nothing_may_stand_behind_a_command(name: bytes) -> None:
    text = name + COMPLETE.get(name, COMPLETE.get(name.removeprefix(b"UID "), b""))
    assert parsed(text).tag == T
    assert refusal(text + b" x)").word == b"BAD"


@pytest.mark.parametrize(
    "text",
    [
        b"CAPABILITY x",
        b"NOOP ",
        b"COMPRESS",
        b"COMPRESS DEFLATE64",
        b"COMPRESS GZIP",
        b"LOGIN",
        b"LOGIN u",
        b"LOGIN u p x",
        b"LOGIN  u p",
        b'LOGIN u "p',
        b'LOGIN u "p\\n"',
        b'LOGIN u "a\x00b"',
        b"LOGIN u {3}\r\na\x00b",
        b"LOGIN u p\xc3\xa4",
        b"AUTHENTICATE",
        b"AUTHENTICATE PLAIN ",
        b"AUTHENTICATE PLAIN ***",
        b"ENABLE",
        b"ENABLE a  b",
        b"ID",
        b'ID ("a")',
        b'ID ("a" "b"',
        b'ID ("a" "b""c" "d")',
        b'ID ( "a" "b")',
        b"ID (" + b" ".join([b'"f" "v"'] * 31) + b")",
        b"SELECT",
        b"SELECT a b",
        b"SELECT a*",
        b"SELECT a (CONDSTORE",
        b"CREATE x (USE (\\Sent)",
        b"STATUS x ()",
        b"STATUS x (FOO)",
        b"STATUS x MESSAGES",
        b"UID EXPUNGE",
        b"UID NOOP",
        b"UID",
        b"FETCH 0 FLAGS",
        b"FETCH 1,,2 FLAGS",
        b"FETCH 1: FLAGS",
        b"FETCH 4294967296 FLAGS",
        b"FETCH 1 ()",
        b"FETCH 1 (FLAGS",
        b"FETCH 1 FLAGS UID",
        b"FETCH 1 FOO",
        b"STORE 1 FLAGS",
        b"STORE 1 FLAG (\\Seen)",
        b"STORE 1 FLAGS (\\Recent)",
        b"STORE 1 FLAGS (\\*)",
        b"STORE 1 FLAGS (a b",
        b"STORE 1 FLAGS (a]b)",
        b"COPY 1",
        b"ESEARCH IN () ALL",
        b"ESEARCH IN (nowhere) ALL",
        b"ESEARCH IN (selected-delayed) ALL",
        b"ESEARCH IN (subtree) ALL",
        b"ESEARCH IN (mailboxes ()) ALL",
        b"ESEARCH IN (personal) RETURN (SAVE) ALL",
        b"ESEARCH IN (personal)",
        b"SEARCH RETURN (RELEVANCY) ALL",
        b"SORT (RELEVANCY) UTF-8 ALL",
        b"SEARCH FUZZY",
        b"SORT (DATE",
        b"THREAD REFERENCES UTF-8",
        b"CANCELUPDATE",
        b"CANCELUPDATE a",
        b'CANCELUPDATE "a" b',
        b"SEARCH RETURN ALL",
        b"SEARCH RETURN (MIN",
        b"SEARCH RETURN (MINI) ALL",
        b"SEARCH RETURN (MIN  MAX) ALL",
        b"SEARCH RETURN (ALL PARTIAL 1:2) ALL",
        b"SEARCH RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL",
        b"SEARCH RETURN (PARTIAL 1:-2) ALL",
        b"SEARCH RETURN (PARTIAL 0:2) ALL",
        b"SEARCH RETURN (PARTIAL 1:4294967296) ALL",
        b"SEARCH RETURN (PARTIAL 1) ALL",
        b"SEARCH RETURN (MIN) CHARSET UTF-8",
        b"FETCH 1,$ FLAGS",
        b"FETCH $:3 FLAGS",
        b"XYZZY",
    ],
)
def test_refuses_what_is_malformed(text: bytes) -> None:
    assert refusal(text).word == b"BAD"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"SELECT &bad", b"CANNOT"),
        (b'SELECT "\xff"', b"CANNOT"),
        (b"CREATE x (USE (\\All))", b"USEATTR"),
        (b"CREATE x (USE (\\Sent \\Flagged))", b"USEATTR"),
        (b"SEARCH CHARSET X-UNKNOWN ALL", BADCHARSET),
        (b"SEARCH CHARSET zip ALL", BADCHARSET),
        (b"SEARCH CHARSET UTF-16BE ALL", BADCHARSET),
        (b'SEARCH CHARSET UTF-8 TEXT "\xff"', BADCHARSET),
        (b"STORE 1 FLAGS " + b"k" * 200, b"LIMIT"),
        (b"STORE 1 FLAGS (" + b" ".join(b"k%d" % n for n in range(101)) + b")", b"LIMIT"),
        (b"FETCH 1 BODY[" + b".".join([b"1"] * 65) + b"]", b"LIMIT"),
        (b"FETCH 1 BODY[HEADER.FIELDS (" + b" ".join([b"f"] * 201) + b")]", b"LIMIT"),
        (b"FETCH 1 (" + b" ".join(b"BODY[%d]" % n for n in range(1, 102)) + b")", b"LIMIT"),
        (b'LIST "" (' + b" ".join([b"a"] * 51) + b")", b"LIMIT"),
        (b"NOTIFY SET" + b" (mailboxes a (MessageNew MessageExpunge))" * 101, b"LIMIT"),
        (b"URLFETCH" + b" x" * 101, b"LIMIT"),
        (b"SEARCH " + b"NOT " * 60 + b"SEEN", b"LIMIT"),
    ],
)
def test_says_no_with_a_code_to_what_is_well_formed_but_cannot_be(text: bytes, code: bytes) -> None:
    error = refusal(text)
    assert (error.word, error.code) == (b"NO", code)


def test_an_error_of_login_does_not_repeat_the_password() -> None:
    assert b"secret" not in refusal(b'LOGIN u secret"word').text
    assert b"w0rd" not in refusal(b"LOGIN u secret w0rd").text


def test_secrets_are_not_in_the_text_of_events() -> None:
    for text in (b"LOGIN u secret", b"AUTHENTICATE PLAIN secret"):
        assert "secret" not in repr(parsed(text))
    assert "secret" not in repr(events.AuthenticateResponse(T, b"secret"))


# -- FETCH items


def items(text: bytes) -> tuple[object, ...]:
    event = parsed(b"FETCH 1 " + text)
    assert isinstance(event, events.Fetch)
    return event.items


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"FLAGS", (Attribute.FLAGS,)),
        (b"(uid flags uid)", (Attribute.UID, Attribute.FLAGS)),
        (b"FAST", (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE)),
        (b"ALL", (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE, Attribute.ENVELOPE)),
        (
            b"FULL",
            (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE, Attribute.ENVELOPE, Attribute.BODY),
        ),
        (b"(BODYSTRUCTURE BODY)", (Attribute.BODYSTRUCTURE, Attribute.BODY)),
        (b"RFC822", (BodySection(b"RFC822"),)),
        (b"RFC822.HEADER", (BodySection(b"RFC822.HEADER", kind=SectionKind.HEADER, peek=True),)),
        (b"RFC822.TEXT", (BodySection(b"RFC822.TEXT", kind=SectionKind.TEXT),)),
        (b"RFC822.SIZE", (Attribute.RFC822_SIZE,)),
    ],
)
def test_reads_fetch_items(text: bytes, wanted: tuple[object, ...]) -> None:
    assert items(text) == wanted


@pytest.mark.parametrize(
    ("text", "label", "part", "kind", "fields", "peek"),
    [
        (b"BODY[]", b"BODY[]", (), SectionKind.CONTENT, (), False),
        (b"body.peek[]", b"BODY[]", (), SectionKind.CONTENT, (), True),
        (b"BODY[1]", b"BODY[1]", (1,), SectionKind.CONTENT, (), False),
        (b"BODY[1.2.3]", b"BODY[1.2.3]", (1, 2, 3), SectionKind.CONTENT, (), False),
        (b"BODY[text]", b"BODY[TEXT]", (), SectionKind.TEXT, (), False),
        (b"BODY[4.1.MIME]", b"BODY[4.1.MIME]", (4, 1), SectionKind.MIME, (), False),
        (b"BODY[4.2.HEADER]", b"BODY[4.2.HEADER]", (4, 2), SectionKind.HEADER, (), False),
        (
            b'BODY.PEEK[HEADER.FIELDS (Date "From")]',
            b"BODY[HEADER.FIELDS (Date From)]",
            (),
            SectionKind.FIELDS,
            (b"date", b"from"),
            True,
        ),
        (
            b"BODY[2.header.fields.not (X)]",
            b"BODY[2.HEADER.FIELDS.NOT (X)]",
            (2,),
            SectionKind.FIELDS_NOT,
            (b"x",),
            False,
        ),
    ],
)
def test_reads_sections(
    text: bytes, label: bytes, part: tuple[int, ...], kind: SectionKind, fields: tuple[bytes, ...], peek: bool
) -> None:
    assert items(text) == (BodySection(label, part, kind, fields, None, peek),)


def test_every_part_that_bodystructure_shows_can_be_asked_for() -> None:
    root = scan(b"Content-Type: message/rfc822\r\n\r\n" * (MAX_DEPTH + 9) + b"\r\n")
    levels = 0
    while root.kind is Kind.MESSAGE:
        (root,) = root.children
        levels += 1
    (item,) = items(b"BODY[" + b".".join([b"1"] * (levels + 1)) + b"]")
    assert isinstance(item, BodySection)
    assert len(item.part) == MAX_DEPTH


def test_reads_a_partial_and_echoes_only_its_offset() -> None:
    (item,) = items(b"BODY[]<100.2048>")
    assert isinstance(item, BodySection)
    assert item.partial is not None
    assert (item.label, item.partial.offset, item.partial.length) == (b"BODY[]<100>", 100, 2048)


@pytest.mark.parametrize(
    "text",
    [
        b"BODY[0]",
        b"BODY[1.]",
        b"BODY[1.FOO]",
        b"BODY[MIME]",
        b"BODY[HEADER.FIELDS]",
        b"BODY[HEADER.FIELDS ()]",
        b"BODY[HEADER.FIELDS (a b)",
        b'BODY[HEADER.FIELDS ("a b")]',
        b"BODY[]<0>",
        b"BODY[]<0.0>",
        b"BODY[]<9999999999999999999.1>",
        b"BODY.PEEK",
        b"BINARY[HEADER]",
        b"BINARY[1.MIME]",
        b"BINARY.SIZE[1]<0.1>",
        b"BINARY",
        b"PREVIEW (EAGER)",
    ],
)
def test_refuses_malformed_sections(text: bytes) -> None:
    assert refusal(b"FETCH 1 " + text).word == b"BAD"


def test_uid_fetch_always_tells_the_uid() -> None:
    event = parsed(b"UID FETCH 1:* FLAGS")
    assert event == events.Fetch(T, Uids(((1, STAR),)), (Attribute.UID, Attribute.FLAGS))
    assert parsed(b"UID FETCH 1 (FLAGS UID)") == events.Fetch(T, Uids(((1, 1),)), (Attribute.FLAGS, Attribute.UID))


# -- LIST

UNASKED = frozenset({ListReturn.CHILDREN, ListReturn.SPECIAL_USE})


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (b'LIST "" ""', events.List(T, (), returns=UNASKED)),
        (
            b'LIST "" *',
            events.List(T, ("*",), frozenset(), frozenset({ListReturn.CHILDREN, ListReturn.SPECIAL_USE})),
        ),
        (b'LIST a/ "%" RETURN ()', events.List(T, ("a/%",), extended=True)),
        (b"LIST a/ /% RETURN ()", events.List(T, ("%",), extended=True)),
        (
            b'LIST "" (INBOX "Dr%") RETURN (CHILDREN)',
            events.List(T, ("INBOX", "Dr%"), returns=frozenset({ListReturn.CHILDREN}), extended=True),
        ),
        (
            b'LIST (SUBSCRIBED RECURSIVEMATCH) "" *',
            events.List(T, ("*",), frozenset({ListSelect.SUBSCRIBED, ListSelect.RECURSIVEMATCH}), extended=True),
        ),
        (b'LIST () "" ""', events.List(T, (), extended=True)),
        (b'LIST Fruit ("" a)', events.List(T, ("Fruita",), returns=UNASKED, extended=True)),
        (
            b'LIST "" % RETURN (STATUS (MESSAGES UIDNEXT) special-use)',
            events.List(
                T,
                ("%",),
                frozenset(),
                frozenset({ListReturn.STATUS, ListReturn.SPECIAL_USE}),
                (StatusItem.MESSAGES, StatusItem.UIDNEXT),
                True,
            ),
        ),
        (b'LSUB "" "*"', events.Lsub(T, "*")),
        (b"LSUB lists. %", events.Lsub(T, "lists.%")),
    ],
)
def test_reads_list(text: bytes, event: events.Command) -> None:
    assert parsed(text) == event


@pytest.mark.parametrize(
    "text",
    [
        b"LIST",
        b'LIST ""',
        b'LIST (FOO) "" *',
        b'LIST (RECURSIVEMATCH) "" *',
        b'LIST (REMOTE RECURSIVEMATCH) "" *',
        b'LIST (SPECIAL-USE RECURSIVEMATCH) "" *',
        b'LIST (SUBSCRIBED)"" *',
        b'LIST "" * RETURN (FOO)',
        b'LIST "" * RETURN CHILDREN',
        b'LIST "" * RETURN (STATUS)',
        b'LIST "" ()',
    ],
)
def test_refuses_malformed_lists(text: bytes) -> None:
    assert refusal(text).word == b"BAD"
