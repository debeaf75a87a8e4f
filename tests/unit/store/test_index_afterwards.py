"""What the index is told after the answer, and before anybody asks: what is rendered of copies, and of what is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from maildir_site import ANN, Site, seen
from twisted.internet.defer import Deferred

from mailsuite.disk.summary import Rendered
from mailsuite.store import reading
from mailsuite.store.names import account_path
from mailsuite.testing.held import HeldOffload
from mailsuite.testing.results import result_of


@pytest.fixture
def offload() -> HeldOffload:
    return HeldOffload()


@pytest.fixture
def site(tmp_path: Path, offload: HeldOffload) -> Site:
    return Site(tmp_path / "site", offload=offload)


def ready(offload: HeldOffload, asked: Deferred[Any]) -> Any:
    """What one job comes to."""
    offload.go(1)
    return result_of(asked)


def test_copying_what_is_rendered_waits_for_no_answer(
    site: Site, offload: HeldOffload, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ready(offload, site.stores.open(ANN))
    ready(offload, store.create("Work", ""))
    inbox, work = ready(offload, store.open("INBOX")), ready(offload, store.open("Work"))
    for _ in range(3):
        site.deliver()
    before = ready(offload, inbox.fetch([1, 2, 3], ["envelope"]))
    assert len(before) == 3

    def read(*asked: object) -> Sequence[tuple[int, Rendered]]:
        raise AssertionError("read again")

    monkeypatch.setattr(reading, "_made", read)
    assert ready(offload, store.copy(inbox, [1, 2, 3], "Work", False)).targets == (1, 2, 3)
    assert offload.waiting == 1
    asked = work.fetch([1, 2, 3], ["envelope"])
    offload.go()
    assert result_of(asked) == before


def rows_of(site: Site, *tables: str) -> list[int]:
    with sqlite3.connect(site.root / "store" / account_path(ANN) / "index.sqlite") as index:
        return [index.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]


@pytest.mark.parametrize("killed", [False, True])
def test_what_is_rendered_of_messages_goes_after_them(site: Site, offload: HeldOffload, killed: bool) -> None:
    store = ready(offload, site.stores.open(ANN))
    inbox = ready(offload, store.open("INBOX"))
    for _ in range(3):
        site.deliver()
    ready(offload, inbox.fetch([1, 2, 3], ["envelope"]))
    assert rows_of(site, "message", "summary", "header_fields") == [3, 3, 3]
    ready(offload, inbox.expunge([1, 2]))
    assert rows_of(site, "message", "summary") == [1, 3]
    if killed:
        site = site.killed()
        assert list(seen(site.mailbox())) == [3]
    offload.go()
    assert rows_of(site, "message", "summary", "header_fields") == [1, 1, 1]
