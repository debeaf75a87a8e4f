"""Messages that are placed together: what is wrong with one concerns no other, and nobody waits for a busy account."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from maildir_site import ANN, MESSAGE, Site, seen

from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.placement import Busy, place_all
from mailsuite.errors import NotFound, OverQuota
from mailsuite.model import Account, ToMailbox

BOB, EVE = "bob@example.org", "eve@example.org"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


def test_one_that_is_refused_harms_no_other(site: Site) -> None:
    site.accounts[BOB] = Account(BOB, quota_bytes=10)
    to = [
        [ToMailbox(ANN)],
        [ToMailbox(ANN), ToMailbox(BOB)],
        [ToMailbox(ANN, "None")],
        [ToMailbox(EVE)],
        [ToMailbox(ANN)],
    ]
    errors = place_all(site.disk, [site.placements(MESSAGE, each) for each in to])
    assert [type(error) for error in errors] == [type(None), OverQuota, NotFound, type(None), type(None)]
    assert [len(seen(site.mailbox(account=account))) for account in (ANN, BOB, EVE)] == [2, 0, 1]


def test_nobody_waits_for_a_busy_account(site: Site) -> None:
    site.mailbox()
    site.mailbox(account=BOB)
    placed = [site.placements(MESSAGE, [ToMailbox(account)]) for account in (ANN, BOB)]
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        with placed[0][0].account.locked():
            begun.set()
            ended.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(10)
    errors = place_all(site.disk, placed, patience=0.01)
    ended.set()
    thread.join()
    assert isinstance(errors[0], Busy)
    assert errors[1] is None
    assert place_all(site.disk, placed[:1]) == [None], "it was not touched"
    assert [len(seen(site.mailbox(account=account))) for account in (ANN, BOB)] == [1, 1]


def test_a_batch_is_one_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = JournalDisk(str(tmp_path / "site" / "queue" / "journal"), 1 << 20)
    disk.open(keep=False)
    site = Site(tmp_path / "site", disk)
    for account in (ANN, BOB):
        site.mailbox(account=account)
        site.deliver(account=account)  # UIDs are reserved now
    syncs: list[int] = []
    monkeypatch.setattr("mailsuite.disk.journal.os.fdatasync", syncs.append)
    monkeypatch.setattr("mailsuite.disk.real.os.fsync", syncs.append)
    batch = [site.placements(MESSAGE, [ToMailbox(ANN), ToMailbox(BOB)]) for _ in range(20)]
    assert place_all(disk, batch) == [None] * 20
    assert len(syncs) == 1
    assert list(seen(site.mailbox())) == list(range(1, 22))
    disk.close()
