"""A search leaves the account to others while it reads, and ends its jobs when it has read much."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from maildir_site import ANN, MESSAGE, Site

from mailsuite.model import ToMailbox
from mailsuite.query import And, Larger, Query, Text
from mailsuite.store import reading
from mailsuite.testing.held import HeldOffload
from mailsuite.testing.results import result_of, unfired
from mailsuite.testing.threads import PATIENCE

LARGE = MESSAGE + b"x" * 76 + b"\r\n"


def test_deliveries_do_not_wait_for_a_message_that_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.deliver()
    inbox = site.mailbox()
    whole, delivered = reading._whole, []

    def read(path: str) -> bytes:
        thread = threading.Thread(target=site.deliver)
        thread.start()
        thread.join(PATIENCE)
        delivered.append(not thread.is_alive())
        return whole(path)

    monkeypatch.setattr(reading, "_whole", read)
    assert result_of(inbox.search(Text("line"), [1])) == [1]
    assert delivered == [True]


def test_a_message_that_moves_while_it_is_searched_is_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.deliver()
    site.deliver()
    inbox = site.mailbox()
    whole = reading._whole

    def read(path: str) -> bytes:
        result_of(inbox.snapshot(True))  # moves them to ``cur``
        return whole(path)

    monkeypatch.setattr(reading, "_whole", read)
    assert result_of(inbox.search(Text("line"), [1, 2])) == [1, 2]


@pytest.mark.parametrize(
    ("query", "jobs"),
    [(Text("line"), 3), (And((Larger(1_000_000), Text("line"))), 1)],
    ids=["every message is read", "the index rules them out"],
)
def test_a_job_ends_when_it_has_read_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: Query, jobs: int
) -> None:
    monkeypatch.setattr(reading, "SEARCH_OCTETS", 2 * len(LARGE))
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
    assert list(result_of(search)) == (uids[:5] if jobs > 1 else [])
