"""``store.header_sets``, and what ``fetch`` makes of it: the answer is ever what the message says."""

from __future__ import annotations

from typing import Any

import pytest
from maildir_site import Site

from mailsuite.model import ToMailbox
from mailsuite.store.header_sets import COMMON, MAX_SETS, HeaderSets
from mailsuite.store.index import Index
from mailsuite.store.reading import MANY
from mailsuite.testing.results import result_of

ANN = "ann@example.org"


def message(number: int) -> bytes:
    return b"From: a@b\r\nX-Number: %d\r\nSubject: folded\r\n %d\r\n\r\nbody\r\n" % (number, number)


@pytest.fixture
def inbox(site: Site) -> Any:
    for number in range(1, MANY + 1):
        site.place(message(number), ToMailbox(ANN, "INBOX"))
    return site.mailbox()


def fields(mailbox: Any, names: str, uids: Any = range(1, MANY + 1)) -> dict[int, bytes]:
    found = result_of(mailbox.fetch(uids, [f"fields {names}", "size"]))
    return dict(zip(found.uids, found.columns[0], strict=True))


def kept(mailbox: Any, names: str) -> list[int]:
    return mailbox.folder.account.index.header_sets.read(names, mailbox.folder.id, range(1, 100))[0]


def test_what_is_asked_of_many_is_kept_and_what_is_asked_of_few_is_not(inbox: Any) -> None:
    expected = {number: b"X-Number: %d\r\n\r\n" % number for number in range(1, MANY + 1)}
    assert fields(inbox, "x-number", [1, 2]) == {1: expected[1], 2: expected[2]}
    assert kept(inbox, "x-number") == []
    for _ in range(2):
        assert fields(inbox, "x-number") == expected
        assert kept(inbox, "x-number") == list(expected)


def test_new_mail_is_looked_through_for_what_was_asked(site: Site, inbox: Any) -> None:
    fields(inbox, "subject x-number")
    site.place(message(99), ToMailbox(ANN, "INBOX"))
    site.clock.pump([0.3] * 3)
    for names in (COMMON, "subject x-number"):
        assert MANY + 1 in kept(inbox, names)
    assert fields(inbox, "subject x-number", [MANY + 1]) == {
        MANY + 1: b"X-Number: 99\r\nSubject: folded\r\n 99\r\n\r\n"
    }


def test_what_is_gone_is_forgotten(inbox: Any) -> None:
    fields(inbox, "x-number")
    result_of(inbox.expunge([1, 3]))
    assert kept(inbox, "x-number") == [2, *range(4, MANY + 1)]
    assert 1 not in fields(inbox, "x-number")


def test_a_file_that_is_gone_has_no_fields(site: Site, inbox: Any) -> None:
    [path] = (site.folder() / "new").glob("*,U=2")
    path.unlink()
    assert list(fields(inbox, "x-number")) == [1, *range(3, MANY + 1)]


def test_copies_have_it_at_once_and_another_mailbox_of_the_name_has_not(site: Site, inbox: Any) -> None:
    store = site.store()
    fields(inbox, "x-number")
    result_of(store.create("Other", ""))
    result_of(store.copy(inbox, [2, 3, 7], "Other", False))
    other = result_of(store.open("Other"))
    assert kept(other, "x-number") == [1, 2, 3]
    assert fields(other, "x-number", [3]) == {3: b"X-Number: 7\r\n\r\n"}
    result_of(store.delete("Other"))
    result_of(store.create("Other", ""))
    other = result_of(store.open("Other"))
    assert kept(other, "x-number") == []


def test_of_many_sets_the_one_that_was_not_asked_for_longest_goes(inbox: Any) -> None:
    names = [f"x-{number}" for number in range(MAX_SETS)]
    for each in names[:-1]:
        fields(inbox, each)
    fields(inbox, COMMON)
    fields(inbox, names[-1])
    sets = inbox.folder.account.index.header_sets
    assert list(sets.known) == [*names[1:-1], COMMON, names[-1]]
    assert kept(inbox, names[0]) == []
    assert kept(inbox, names[1]) == list(range(1, MANY + 1))
    assert list(HeaderSets(inbox.folder.account.index._db).known) == list(sets.known)


def test_sets_outlive_the_process(tmp_path: Any) -> None:
    index = Index(str(tmp_path / "index.sqlite"), lambda: 0.0)
    index.header_sets.learn("x-one")
    index.header_sets.keep("x-one", 7, [(1, b"X-One: 1\r\n\r\n")])
    index.close()
    again = Index(str(tmp_path / "index.sqlite"), lambda: 0.0)
    assert list(again.header_sets.known) == [COMMON, "x-one"]
    assert again.header_sets.read("x-one", 7, [1]) == ([1], [b"X-One: 1\r\n\r\n"])
    again.close()
