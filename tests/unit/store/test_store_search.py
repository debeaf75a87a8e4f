"""A search leaves the account to others while it reads, and ends its jobs when it has read much."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from maildir_site import ANN, MESSAGE, Site

from mailsuite.disk import findable
from mailsuite.model import ToMailbox
from mailsuite.offload import Inline
from mailsuite.query import (
    And,
    Body,
    Fuzzy,
    Header,
    Larger,
    Not,
    Or,
    Query,
    SentDate,
    SortBy,
    SortKey,
    Text,
    ThreadAlgorithm,
    Uids,
    When,
)
from mailsuite.store import finding, reading
from mailsuite.testing.held import HeldOffload
from mailsuite.testing.results import result_of, unfired
from mailsuite.testing.threads import PATIENCE

LARGE = MESSAGE + b"x" * 76 + b"\r\n"


def test_deliveries_do_not_wait_for_a_message_that_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.deliver()
    inbox = site.mailbox()
    whole, delivered = findable.examine_file, []

    def read(path: str, bodies: bool) -> findable.Findable:
        thread = threading.Thread(target=site.deliver)
        thread.start()
        thread.join(PATIENCE)
        delivered.append(not thread.is_alive())
        return whole(path, bodies)

    monkeypatch.setattr(findable, "examine_file", read)
    assert result_of(inbox.search(Text("line"), [1])) == [1]
    assert delivered == [True]


def test_a_message_that_moves_while_it_is_searched_is_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.deliver()
    site.deliver()
    inbox = site.mailbox()
    whole = findable.examine_file

    def read(path: str, bodies: bool) -> findable.Findable:
        site.see()  # moves them to ``cur``
        return whole(path, bodies)

    monkeypatch.setattr(findable, "examine_file", read)
    assert result_of(inbox.search(Text("line"), [1, 2])) == [1, 2]


@pytest.mark.parametrize(
    ("query", "jobs"),
    [(Text("line"), 6), (And((Larger(1_000_000), Text("line"))), 1)],
    ids=["every message is read", "the index rules them out"],
)
def test_a_job_ends_when_it_has_read_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: Query, jobs: int
) -> None:
    monkeypatch.setattr(finding, "LEARN_OCTETS", 3 * len(LARGE))
    held = HeldOffload()
    site = Site(tmp_path / "site", offload=held)
    opening = site.stores.open(ANN)
    held.go()
    inbox = result_of(opening).open("INBOX")
    held.go()
    for _ in range(5):
        site.place(LARGE, ToMailbox(ANN))
    uids = [1, 2, 3, 4, 5, 99]
    search = result_of(inbox).search(query, uids)
    held.go(jobs - 1)
    assert unfired(search)
    held.go(1)
    assert list(result_of(search)) == (uids[:5] if jobs == 6 else [])


WORDS = ("zebra quarter", "quarter zebra", "Zebra\nQuarter", "GRÖßE der größe", "ab", "")


def texts(site: Site) -> None:
    for number, words in enumerate(WORDS, 1):
        body = words.encode() + b"\n"
        head = b"From: a@b\nSubject: number %d\nDate: %d Nov 2025 10:00:00 +0000\n" % (number, number)
        site.place(head + b"Content-Type: text/plain; charset=utf-8\n\n" + body, ToMailbox(ANN))


QUERIES: list[tuple[Query, list[int]]] = [
    (Body("zebra quarter"), [1, 3]),
    (Body("ZEBRA"), [1, 2, 3]),
    (Body("b"), [1, 2, 3, 5]),
    (Body(""), [1, 2, 3, 4, 5, 6]),
    (Body("o\u0308ße"), [4]),
    (Body('"'), []),
    (Text("number 5"), [5]),
    (Text("subject: number"), [1, 2, 3, 4, 5, 6]),
    (Header("subject", "3"), [3]),
    (Header("subject", "number 3"), [3]),
    (Header("from", "number"), []),
    (Header("x-none", ""), []),
    (Header("from", ""), [1, 2, 3, 4, 5, 6]),
    (SentDate(When.SINCE, 739562), []),
    (SentDate(When.BEFORE, 739562), [1, 2, 3, 4, 5, 6]),
    (Not(Body("zebra")), [4, 5, 6]),
    (Or(Body("der"), Header("subject", "1")), [1, 4]),
    (And((Body("zebra"), Header("subject", "2"))), [2]),
    (And((Or(Uids(((1, 2), (2, 2), (6, 9))), Body("ab")), Not(Header("subject", "2")))), [1, 5, 6]),
]


@pytest.mark.parametrize("indexed", [True, False], ids=["index", "reading"])
@pytest.mark.parametrize(("query", "wanted"), QUERIES)
def test_what_is_found(
    site: Site, query: Query, wanted: list[int], indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts(site)
    inbox = site.mailbox()
    if not indexed:
        monkeypatch.setattr(finding, "lacking", out_of_order)
    assert list(result_of(inbox.search(query, range(1, 10)))) == wanted
    assert list(result_of(inbox.search(query, range(1, 10)))) == wanted


def out_of_order(*arguments: object) -> list[int]:
    raise sqlite3.OperationalError("disk I/O error")


def test_what_is_kept_in_part_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findable, "MAX_TEXT", 5)
    monkeypatch.setattr(findable, "MAX_FIELDS", 9)
    texts(site)
    inbox = site.mailbox()
    for query, wanted in QUERIES:
        assert list(result_of(inbox.search(query, range(1, 10)))) == wanted


def test_a_message_is_read_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    texts(site)
    inbox = site.mailbox()
    assert list(result_of(inbox.search(Body("zebra"), range(1, 10)))) == [1, 2, 3]
    monkeypatch.setattr(findable, "open_file", None)
    monkeypatch.setattr(reading, "open_file", None)
    assert list(result_of(inbox.search(Text("quarter"), range(1, 10)))) == [1, 2, 3]
    assert list(result_of(inbox.search(Header("from", "b"), range(1, 10)))) == [1, 2, 3, 4, 5, 6]


def test_a_damaged_file_is_made_anew(site: Site) -> None:
    texts(site)
    inbox = site.mailbox()
    assert list(result_of(inbox.search(Body("zebra"), range(1, 10)))) == [1, 2, 3]
    index = inbox.folder.account.find_index
    index.close()
    Path(index._path).write_bytes(b"no database at all" * 1000)
    assert list(result_of(inbox.search(Body("zebra"), range(1, 10)))) == [1, 2, 3]
    assert index.known(inbox.folder.counters.uidvalidity, 2) == [1, 2, 3, 4, 5, 6]


def test_a_file_of_another_version_is_made_anew(site: Site) -> None:
    texts(site)
    inbox = site.mailbox()
    index = inbox.folder.account.find_index
    with contextlib.closing(sqlite3.connect(index._path)) as db:
        db.execute("PRAGMA user_version=99")
    assert list(result_of(inbox.search(Body("zebra"), range(1, 10)))) == [1, 2, 3]


def test_what_is_expunged_is_not_found(site: Site) -> None:
    texts(site)
    inbox = site.mailbox()
    assert list(result_of(inbox.search(Body("zebra"), range(1, 10)))) == [1, 2, 3]
    result_of(inbox.expunge([2]))
    assert list(result_of(inbox.search(Body("zebra"), range(1, 10)))) == [1, 3]


def test_a_bomb_of_sets_and_keys_is_bounded(site: Site) -> None:
    texts(site)
    inbox = site.mailbox()
    many = Uids(tuple((n % 7, n % 9) for n in range(20_000)))
    start = time.process_time()
    result_of(inbox.search(And((many,) * 50), range(1, 10)))
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    ("key", "scores"),
    [
        (Body("quarter zebra"), {1: 75, 2: 100, 3: 75}),
        (Body("zebar"), {1: 35, 2: 35, 3: 35}),
        (Header("subject", "nubmer 2"), {2: 55}),
        (Text("munber"), {}),
        (Text("number"), dict.fromkeys(range(1, 7), 100)),
    ],
)
def test_fuzzy_keys_have_a_relevance(site: Site, key: Body, scores: dict[int, int]) -> None:
    texts(site)
    inbox = site.mailbox()
    found = list(result_of(inbox.search(Fuzzy(key), range(1, 10))))
    assert found == list(scores)
    assert list(result_of(inbox.relevance(Fuzzy(key), found))) == list(scores.values())
    by_relevance = result_of(inbox.sort(found, [SortBy(SortKey.RELEVANCY)], scores))
    assert list(by_relevance) == sorted(scores, key=lambda uid: -scores[uid])


class Lanes(Inline):
    """Work done on the spot, and in which lanes that was."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def run_in(self, lane: str, *work: Any, **arguments: Any) -> Any:
        self.used.append(lane)
        return super().run_in(lane, *work, **arguments)


def test_nothing_else_of_the_account_waits_for_a_search(tmp_path: Path) -> None:
    lanes = Lanes()
    site = Site(tmp_path / "site", offload=lanes)
    texts(site)
    inbox = site.mailbox()
    lanes.used.clear()
    result_of(inbox.search(And((Larger(1), Body("zebra"), Header("subject", "1"))), range(1, 10)))
    result_of(inbox.sort([1, 2], [SortBy(SortKey.DATE)], {}))
    result_of(inbox.thread([1, 2], ThreadAlgorithm.REFS))
    assert set(lanes.used) == {f"search:{ANN}"}
    result_of(inbox.look())
    assert lanes.used[-1] == f"account:{ANN}"


def test_the_same_messages_are_threaded_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    texts(site)
    inbox = site.mailbox()
    first = result_of(inbox.thread(range(1, 7), ThreadAlgorithm.REFERENCES))
    with monkeypatch.context() as patch:
        patch.setattr(finding, "ALGORITHMS", {})
        again = result_of(inbox.thread(range(1, 7), ThreadAlgorithm.REFERENCES))
    assert (list(again.uids), list(again.depths)) == (list(first.uids), list(first.depths))
    result_of(inbox.expunge([2]))
    assert sorted(result_of(inbox.thread(range(1, 7), ThreadAlgorithm.REFERENCES)).uids)[-5:] == [1, 3, 4, 5, 6]


def test_nothing_is_opened_after_the_end(site: Site) -> None:
    texts(site)
    inbox = site.mailbox()
    index = inbox.folder.account.find_index
    result_of(site.stores.close())
    with pytest.raises(sqlite3.OperationalError):
        index.known(1, 1)
    assert not index.open
