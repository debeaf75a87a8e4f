"""Who selects a mailbox in which nothing has happened needs no thread, and misses nothing."""

from __future__ import annotations

import threading

import msgspec
import pytest
from attended import Attended
from maildir_site import MESSAGE, Site

from mailsuite.disk.recorded import Recorded
from mailsuite.errors import NotFound
from mailsuite.model import Arrived, FlagOp, Snapshot
from mailsuite.store import attention
from mailsuite.store.folder import Folder
from mailsuite.testing.results import failure_of, result_of


@pytest.fixture
def attended(site: Site) -> Attended:
    return Attended(site)


@pytest.fixture
def jobs(attended: Attended, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each job in a thread that has to do with snapshots."""
    made: list[str] = []
    snapshot = Folder.snapshot

    def noted(folder: Folder, take_recent: bool) -> Snapshot:
        made.append(folder.name)
        return snapshot(folder, take_recent)

    monkeypatch.setattr(Folder, "snapshot", noted)
    return made


def test_who_selects_it_again_needs_no_thread(attended: Attended, jobs: list[str]) -> None:
    attended.site.deliver()
    attended.wait()
    first = result_of(attended.inbox.snapshot(True))
    attended.watch.close()
    again = result_of(attended.inbox.snapshot(True))
    assert jobs == ["INBOX"]
    assert (first.recent, again.recent) == ({1}, frozenset())
    assert again == msgspec.structs.replace(first, recent=frozenset())


def test_nor_does_who_selects_it_right_after_the_first_time(site: Site, attended: Attended, jobs: list[str]) -> None:
    """The first look was made after it was followed, so nothing can have happened before that."""
    result_of(site.store().create("Other", ""))
    other = site.mailbox("Other")
    for _ in range(3):
        other.watch(result_of(other.snapshot(True)).at, lambda: None).close()
    assert jobs == ["Other"]


@pytest.mark.parametrize("change", ["another program", "a delivery", "an own change", "a lost event", "a long time"])
def test_but_what_happened_meanwhile_is_seen(attended: Attended, jobs: list[str], change: str) -> None:
    attended.site.deliver()
    result_of(attended.inbox.snapshot(True))
    attended.wait(10)
    match change:
        case "another program":
            attended.quietly(lambda folder: (folder / "new" / "5.x.host").write_bytes(MESSAGE))
        case "a delivery":
            attended.site.deliver()
        case "an own change":
            result_of(attended.inbox.store([1], FlagOp.ADD, frozenset({"\\Seen"}), None))
        case "a lost event":
            attended.inbox._attention._told(attention.Lost())
        case _:
            attended.site.clock.advance(attention.LOOK_EVERY)
    result_of(attended.inbox.snapshot(True))
    assert jobs == ["INBOX", "INBOX"]


def test_nor_is_what_is_being_changed_read_at_the_same_time(attended: Attended, jobs: list[str]) -> None:
    result_of(attended.inbox.snapshot(True))
    attended.wait(10)
    account, held, over = attended.inbox.folder.account, threading.Event(), threading.Event()

    def change() -> None:
        with account.locked():
            held.set()
            over.wait(10)

    thread = threading.Thread(target=change)
    thread.start()
    held.wait(10)
    assert attended.inbox.folder.snapshot_at_hand(True) is None
    over.set()
    thread.join()
    assert attended.inbox.folder.snapshot_at_hand(True) is not None


def test_nor_is_what_waits_to_be_told_left_out(attended: Attended) -> None:
    result_of(attended.inbox.snapshot(True))
    folder = attended.inbox.folder
    assert folder.snapshot_at_hand(True) is not None
    folder._unannounced.append((1, frozenset(), 1))
    assert folder.snapshot_at_hand(True) is None
    folder._unannounced.clear()
    folder.account.expect(Recorded([]), lambda unsure: None)
    assert folder.snapshot_at_hand(True) is None


def test_what_is_recent_is_nobody_elses_then(attended: Attended) -> None:
    result_of(attended.inbox.snapshot(True))
    folder = attended.inbox.folder
    folder.feed.publish(Arrived((1,), (frozenset(),)))
    assert folder.snapshot_at_hand(False) is not None
    assert folder.feed._claimed_to < folder.feed.position
    assert folder.snapshot_at_hand(True) is not None
    assert folder.feed._claimed_to == folder.feed.position


def test_a_mailbox_that_was_moved_away_is_not_selected_again_for_long(attended: Attended) -> None:
    """Nothing is told of new and cur when the folder around them is moved."""
    result_of(attended.site.store().create("Old", ""))
    attended.site.deliver(name="Old")
    attended.wait(10)
    old = attended.site.mailbox("Old")
    for _ in range(4):
        assert result_of(old.snapshot(True)).uids == (1,)
        attended.wait(attention.LINGER / 2)
    folder = attended.site.folder("Old")
    folder.rename(folder.with_name(".Away"))
    attended.wait(attention.LINGER / 2)
    old.snapshot(True).addErrback(lambda failure: failure.trap(NotFound))
    attended.wait(attention.LINGER / 2)
    failure_of(old.snapshot(True), NotFound)
