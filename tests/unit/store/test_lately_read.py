"""``store.lately_read``: what was fetched of many messages is given again, as long as it is so."""

from __future__ import annotations

from typing import Any

import pytest
from maildir_site import MESSAGE, Site

from mailsuite.model import Fetched, ToMailbox
from mailsuite.store.lately_read import MANY, LatelyRead
from mailsuite.testing.results import result_of

ITEMS = ("size", "second", "structure", "fields subject")
ANN = "ann@example.org"
UIDS = list(range(1, MANY + 1))


@pytest.fixture
def inbox(site: Site) -> Any:
    for number in UIDS:
        site.place(b"Subject: %d\r\n%b" % (number, MESSAGE), ToMailbox(ANN, "INBOX"))
    return site.mailbox()


def kept(mailbox: Any, uids: list[int] = UIDS, items: tuple[str, ...] = ITEMS) -> Fetched | None:
    found: Fetched | None = mailbox.folder.account.resources.lately_read.find(mailbox.folder, uids, items)
    return found


def rows(found: Fetched | None) -> list[tuple[object, ...]]:
    return [] if found is None else [(each.uid, *each.items) for each in found]


def test_what_is_given_again_is_what_was_read(inbox: Any) -> None:
    read = result_of(inbox.fetch(UIDS, ITEMS))
    assert rows(kept(inbox)) == rows(read)
    assert b"Subject: 3\r\nSubject: hello\r\n\r\n" in rows(read)[2]
    inbox.folder.account.index.drop_mailbox(inbox.folder.id)  # the index is not asked
    assert rows(result_of(inbox.fetch(UIDS, ITEMS))) == rows(read)


@pytest.mark.parametrize(
    "items", [("flags", "size"), ("modseq",), ("size", "saved"), ("preview",), ("known_preview",), ("header",)]
)
def test_what_may_change_or_be_large_is_not_kept(inbox: Any, items: tuple[str, ...]) -> None:
    result_of(inbox.fetch(UIDS, items))
    assert kept(inbox, items=items) is None


def test_an_answer_belongs_to_the_messages_that_were_asked_for(inbox: Any) -> None:
    result_of(inbox.fetch([*UIDS, 99], ITEMS))  # one is not there
    result_of(inbox.fetch(UIDS[1:], ITEMS))  # too few
    assert inbox.folder.account.resources.lately_read.octets == 0
    result_of(inbox.fetch(UIDS, ITEMS))
    assert kept(inbox, [*UIDS, 99]) is None
    assert kept(inbox, [*UIDS[:-1], 99]) is None
    assert kept(inbox, items=ITEMS[:-1]) is None


def test_nothing_is_kept_of_a_mailbox_from_which_messages_go(site: Site, inbox: Any) -> None:
    others = [*UIDS, MANY + 1]
    site.deliver()
    site.deliver()
    for _ in range(2):
        result_of(inbox.fetch(others, ITEMS))
        assert kept(inbox, others) is not None
        result_of(inbox.expunge([max(others)]))
        assert kept(inbox, others) is None
        assert [uid for uid, *_ in rows(result_of(inbox.fetch(others, ITEMS)))] == others[:-1]
        others[-1] += 1


def test_nothing_is_kept_of_a_mailbox_that_another_program_changes_or_that_ends(site: Site, inbox: Any) -> None:
    result_of(inbox.fetch(UIDS, ITEMS))
    name = site.files("new")[0]
    site.by_another_program(lambda folder: (folder / "new" / name).unlink())
    result_of(inbox.look())
    assert kept(inbox) is None
    result_of(site.store().create("other", ""))
    other = site.mailbox("other")
    result_of(site.store().copy(inbox, UIDS, "other", False))
    uids = list(result_of(other.snapshot(False)).uids)
    site.deliver(name="other")
    result_of(other.fetch([*uids, MANY], ITEMS))
    assert kept(other, [*uids, MANY]) is not None
    result_of(site.store().delete("other"))
    assert inbox.folder.account.resources.lately_read.octets == 0


def test_a_new_index_begins_with_nothing(site: Site, inbox: Any) -> None:
    result_of(inbox.fetch(UIDS, ITEMS))
    with inbox.folder.account.locked():
        inbox.folder.rebuild()
    assert kept(inbox) is None


def test_octets_are_bounded_and_who_was_given_last_stays() -> None:
    lately, folders = LatelyRead(20_000), [object() for _ in range(3)]
    found = Fetched(UIDS, ([b"x" * 300] * MANY,))
    for folder in folders:
        lately.keep(folder, ("body",), found)  # type: ignore[arg-type]
        lately.find(folders[0], UIDS, ("body",))  # type: ignore[arg-type]
        assert lately.octets <= 20_000
    lately.keep(object(), ("body",), found)  # type: ignore[arg-type]
    there = [lately.find(folder, UIDS, ("body",)) is not None for folder in folders]  # type: ignore[arg-type]
    assert there == [True, False, True]
    for folder in folders:
        lately.forget(folder)  # type: ignore[arg-type]
    lately.keep(object(), ("body",), Fetched(UIDS, ([b"y" * 2000] * MANY,)))  # more than may be
    assert lately.octets == 0


def test_octets_with_nul_and_none_at_all() -> None:
    lately, folder = LatelyRead(), object()
    lately.keep(folder, ("body",), Fetched(UIDS, ([b"a\0b"] * MANY,)))  # type: ignore[arg-type]
    assert lately.find(folder, UIDS, ("body",)) is None  # type: ignore[arg-type]
    lately.keep(folder, ("body",), Fetched(UIDS, ([b""] * MANY,)))  # type: ignore[arg-type]
    found = lately.find(folder, UIDS, ("body",))  # type: ignore[arg-type]
    assert found is not None
    assert found.columns == ([b""] * MANY,)


def test_long_questions_count(inbox: Any) -> None:
    lately = LatelyRead(limit=1 << 20)
    found = Fetched(tuple(UIDS), ([b"\r\n"] * len(UIDS),))
    for number in range(100):
        lately.keep(inbox.folder, (f"fields {number:06}" + "x" * 60_000,), found)
    assert len(lately._answers) < 20
