"""LIST and LSUB from mailboxes, FETCH rows from items, capabilities from states."""

from __future__ import annotations

from mailsuite.imap import capability, listing, rows
from mailsuite.imap.capability import Offer
from mailsuite.imap.events import List, Lsub
from mailsuite.imap.items import Attribute, BodySection, ListReturn, ListSelect, Partial, SectionKind
from mailsuite.imap.states import State
from mailsuite.model import MailboxInfo

INFOS = (
    MailboxInfo("INBOX", subscribed=True),
    MailboxInfo("Fruit", selectable=False, has_children=True),
    MailboxInfo("Fruit/Apple", subscribed=True),
    MailboxInfo("Fruit/Pear"),
    MailboxInfo("Gone/Deep", selectable=False, subscribed=True),
    MailboxInfo("Sent", special_use="\\Sent"),
)


def listed(*patterns: str, select: tuple[ListSelect, ...] = (), returns: tuple[ListReturn, ...] = ()) -> list[str]:
    command = List(b"a", patterns, frozenset(select), frozenset(returns))
    return [line.decode()[7:-2] for line in listing.lines(command, INFOS)]


def test_the_delimiter() -> None:
    assert listing.lines(List(b"a", ()), INFOS) == [b'* LIST (\\Noselect) "/" ""\r\n']


def test_a_plain_list() -> None:
    assert listed("*", returns=(ListReturn.CHILDREN, ListReturn.SPECIAL_USE)) == [
        '(\\HasNoChildren) "/" INBOX',
        '(\\Noselect \\HasChildren) "/" Fruit',
        '(\\HasNoChildren) "/" Fruit/Apple',
        '(\\HasNoChildren) "/" Fruit/Pear',
        '(\\HasNoChildren \\Sent) "/" Sent',
    ]
    assert listed("%") == ['() "/" INBOX', '(\\Noselect) "/" Fruit', '() "/" Sent']


def test_inbox_matches_in_any_case_and_others_do_not() -> None:
    assert listed("inbox", "sent") == ['() "/" INBOX']


def test_subscribed_names_may_be_gone() -> None:
    assert listed("*", select=(ListSelect.SUBSCRIBED,)) == [
        '(\\Subscribed) "/" INBOX',
        '(\\Subscribed) "/" Fruit/Apple',
        '(\\NonExistent \\Subscribed) "/" Gone/Deep',
    ]


def test_recursive_match_tells_of_subscribed_children_that_are_not_told_themselves() -> None:
    both = (ListSelect.SUBSCRIBED, ListSelect.RECURSIVEMATCH)
    assert listed("%", select=both) == [
        '(\\Subscribed) "/" INBOX',
        '(\\Noselect) "/" Fruit ("CHILDINFO" ("SUBSCRIBED"))',
        '(\\NonExistent) "/" Gone ("CHILDINFO" ("SUBSCRIBED"))',
    ]
    assert listed("*", select=both) == [
        '(\\Subscribed) "/" INBOX',
        '(\\Subscribed) "/" Fruit/Apple',
        '(\\NonExistent \\Subscribed) "/" Gone/Deep',
    ]


def test_special_use_as_a_selection() -> None:
    assert listed("*", select=(ListSelect.SPECIAL_USE,)) == ['(\\Sent) "/" Sent']


def test_subscribed_as_a_return_option() -> None:
    assert listed("I*", "Fruit/%", returns=(ListReturn.SUBSCRIBED,)) == [
        '(\\Subscribed) "/" INBOX',
        '(\\Subscribed) "/" Fruit/Apple',
        '() "/" Fruit/Pear',
    ]


def test_status_is_returned_of_what_can_be_selected() -> None:
    telling = [each.info.name for each in listing.listed(List(b"a", ("*",)), INFOS) if each.telling]
    assert telling == ["INBOX", "Fruit/Apple", "Fruit/Pear", "Sent"]


def test_lsub() -> None:
    def lsub(pattern: str) -> list[str]:
        return [line.decode()[7:-2] for line in listing.lsub_lines(Lsub(b"a", pattern), INFOS)]

    assert lsub("*") == ['() "/" INBOX', '() "/" Fruit/Apple', '() "/" Gone/Deep']
    assert lsub("%") == ['() "/" INBOX', '(\\Noselect) "/" Fruit', '(\\Noselect) "/" Gone']
    assert lsub("Fruit/%") == ['() "/" Fruit/Apple']


# -- rows


ITEMS = (
    Attribute.UID,
    Attribute.RFC822_SIZE,
    Attribute.FLAGS,
    Attribute.INTERNALDATE,
    Attribute.ENVELOPE,
    Attribute.BODY,
    Attribute.BODYSTRUCTURE,
)
VALUES = (42, 9, b"(env)", b"(body)", b"(structure)")
LINE = (
    b'* 3 FETCH (UID 7 RFC822.SIZE 42 FLAGS (\\Seen) INTERNALDATE " 1-Jan-1970 00:00:09 +0000" '
    b"ENVELOPE (env) BODY (body) BODYSTRUCTURE (structure))\r\n"
)


def test_a_row_of_stored_items() -> None:
    plan = rows.plan(ITEMS, keeps_seen=True)
    assert plan.wanted == ("size", "second", "envelope", "body", "structure")
    assert (plan.flags, plan.sets_seen, plan.only_flags, plan.sections) == (True, False, False, ())
    assert b"".join(plan.row(3, 7, b"(\\Seen)", VALUES, ())) == LINE


def test_many_rows_are_like_each_alone() -> None:
    plan = rows.plan(ITEMS, keeps_seen=True)
    many = plan.rows([3, 4], [7, 8], [b"(\\Seen)", b"()"], [(each, each) for each in VALUES])
    assert many == b"".join([LINE, *plan.row(4, 8, b"()", VALUES, ())])
    assert plan.rows([], [], [], [() for _ in VALUES]) == b""
    assert rows.plan((Attribute.UID,), True).rows([3, 4], [7, 8], [b"", b""], []) == (
        b"* 3 FETCH (UID 7)\r\n* 4 FETCH (UID 8)\r\n"
    )


def test_many_rows_with_sections_are_like_each_alone() -> None:
    fields = BodySection(b"BODY[HEADER.FIELDS (%d 100%)]", kind=SectionKind.FIELDS, fields=(b"%d", b"100%"), peek=True)
    partial = BodySection(b"BODY[HEADER]<1>", kind=SectionKind.HEADER, partial=Partial(1, 2), peek=True)
    plan = rows.plan((fields, Attribute.RFC822_SIZE, Attribute.UID, partial), keeps_seen=True)
    texts, headers = [b"%s: x\r\n\r\n", b"\0"], [b"abcd", b""]
    many = plan.rows([3, 4], [7, 8], [b"", b""], [(1, 2), texts, headers])
    each = zip((3, 4), (7, 8), (1, 2), texts, headers, strict=True)
    alone = [b"".join(plan.row(number, uid, b"", (size,), contents)) for number, uid, size, *contents in each]
    assert many == b"".join(alone)
    assert many.startswith(b"* 3 FETCH (BODY[HEADER.FIELDS (%d 100%)] {9}\r\n%s: x\r\n\r\n RFC822.SIZE 1 UID 7 BODY")
    assert b"{1}\r\n\x80 " in many


def test_flags_alone_need_no_store() -> None:
    assert rows.plan((Attribute.UID, Attribute.FLAGS), keeps_seen=True).only_flags
    assert not rows.plan((Attribute.UID,), keeps_seen=True).only_flags


def test_sections() -> None:
    peek = BodySection(b"BODY[1]", (1,), peek=True)
    partial = BodySection(b"BODY[]<2>", partial=Partial(2, 3))
    plan = rows.plan((peek, Attribute.UID, partial), keeps_seen=True)
    assert plan.sections == (peek, partial)
    assert plan.sets_seen
    assert not rows.plan((peek,), keeps_seen=True).sets_seen
    assert not rows.plan((partial,), keeps_seen=False).sets_seen
    line = b"".join(plan.row(1, 5, b"", (), (None, b"abcdefg")))
    assert line == b"* 1 FETCH (BODY[1] NIL UID 5 BODY[]<2> {3}\r\ncde)\r\n"
    assert rows.section(partial, b"a") == (b"BODY[]<2> {0}\r\n", b"")


# -- capabilities


def test_capabilities_before_login() -> None:
    words = capability.listed(State.NOT_AUTHENTICATED, Offer(starttls=True))
    assert words[0] == b"IMAP4rev1"
    assert {b"STARTTLS", b"LOGINDISABLED"} <= set(words)
    assert b"UIDPLUS" not in words
    words = capability.listed(State.NOT_AUTHENTICATED, Offer(plaintext_login=True, mechanisms=("PLAIN",)))
    assert b"AUTH=PLAIN" in words
    assert not {b"STARTTLS", b"LOGINDISABLED"} & set(words)


def test_capabilities_after_login() -> None:
    words = capability.listed(State.SELECTED, Offer(starttls=True, mechanisms=("PLAIN",), append_limit=1000))
    assert {b"UIDPLUS", b"MOVE", b"SPECIAL-USE", b"APPENDLIMIT=1000"} <= set(words)
    assert not {b"STARTTLS", b"LOGINDISABLED", b"AUTH=PLAIN"} & set(words)
