"""STORE and EXPUNGE of many messages: answered when they are durable, and the files follow."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from maildir_site import ANN, Site, octets, seen
from twisted.internet.defer import CancelledError, Deferred

from mailsuite.disk import many
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.errors import DiskFull
from mailsuite.model import DELETED, FLAGGED, SEEN, FlagOp
from mailsuite.store import behind, scan
from mailsuite.store.amounts import Amounts
from mailsuite.testing.results import failure_of, result_of

END = b"First line\r\n"
#: Any number of files is.
MANY = Amounts(at_once=0)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    disk = opened(tmp_path / "site")
    site = Site(tmp_path / "site", disk, amounts=MANY)
    for _ in range(3):
        site.deliver()
    site.see()
    yield site
    result_of(site.stores.close())
    disk.close()


def opened(root: Path) -> JournalDisk:
    disk = JournalDisk(str(root / "queue" / "journal"), 1 << 20)
    disk.open(keep=False)
    return disk


def store(mailbox: Any, uids: list[int], op: FlagOp, *flags: str) -> None:
    result_of(mailbox.store(uids, op, frozenset(flags), None))


def follow(site: Site) -> None:
    """What is behind is done."""
    site.clock.pump([behind.DELAY] * behind.MOMENTS)


def letters(site: Site, name: str = "INBOX") -> list[str]:
    return sorted(file.partition(":2,")[2] for file in site.files("cur", name))


def by_another(site: Site, uid: int, now: str) -> None:
    """It renames the file of this message."""

    def rename(folder: Path) -> None:
        [file] = (folder / "cur").glob(f"*U={uid}:2,*")
        file.rename(f"{str(file).partition(':2,')[0]}:2,{now}")

    site.by_another_program(rename)


def test_flags_are_answered_first_and_files_follow(site: Site) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    assert letters(site) == ["", "", ""]
    assert seen(inbox) == {uid: {FLAGGED} for uid in (1, 2, 3)}
    assert octets(inbox, 2).endswith(END), "what is asked for is found under the name it still has"
    follow(site)
    assert letters(site) == ["F", "F", "F"]
    assert octets(inbox, 2).endswith(END)
    assert not inbox.folder.behind.pending


def test_few_files_are_renamed_before_the_answer(site: Site) -> None:
    site.amounts = Amounts(at_once=3)
    site.restart()
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    assert (letters(site), inbox.folder.behind.pending) == (["F", "F", "F"], False)


def test_what_comes_after_follows_in_order(site: Site) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    store(inbox, [1, 2], FlagOp.ADD, DELETED)
    store(inbox, [1], FlagOp.REMOVE, FLAGGED)
    assert result_of(inbox.expunge([2])) == [2]
    assert (letters(site), seen(inbox)) == (["", "", ""], {1: {DELETED}, 3: {FLAGGED}})
    assert [octets(inbox, uid)[-12:] for uid in (1, 3)] == [END, END]
    follow(site)
    assert (letters(site), seen(inbox)) == (["F", "T"], {1: {DELETED}, 3: {FLAGGED}})


def test_a_file_is_found_under_each_name_that_it_may_have(site: Site) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2], FlagOp.ADD, FLAGGED)
    store(inbox, [1, 2], FlagOp.ADD, SEEN)
    store(inbox, [1, 2], FlagOp.REPLACE)
    for unit in inbox.folder.behind._units:
        unit.promise.perform()
        assert [octets(inbox, uid)[-12:] for uid in (1, 2)] == [END, END]


@pytest.mark.parametrize("asking", [0, 1, 3, 100])
def test_files_let_a_session_go_first_that_goes_on_asking_but_not_for_ever(site: Site, asking: int) -> None:
    inbox = site.mailbox()
    site.clock.advance(10)  # what was delivered is rendered
    store(inbox, [1, 2], FlagOp.ADD, FLAGGED)
    waited = 0
    while inbox.folder.behind.pending:
        site.clock.advance(behind.DELAY * 0.51)
        if waited < asking:
            inbox._lane.asks()
        site.clock.advance(behind.DELAY * 0.51)
        waited += 1
    assert waited == min(asking + 1, behind.MOMENTS)
    assert letters(site) == ["", "F", "F"]


def test_a_session_that_goes_on_changing_messages_does_not_wait_for_files(site: Site) -> None:
    inbox = site.mailbox()
    site.clock.advance(10)
    store(inbox, [1, 2], FlagOp.ADD, FLAGGED)
    site.clock.advance(behind.DELAY * 0.6)
    store(inbox, [1], FlagOp.ADD, SEEN)
    site.clock.advance(behind.DELAY * 0.6)
    assert letters(site) == ["", "F", "FS"]
    assert not inbox.folder.behind.pending


@pytest.mark.parametrize(("bound", "most"), [("MAX_UNITS", 2), ("MAX_FILES", 6)])
def test_no_more_than_a_little_is_behind(site: Site, monkeypatch: pytest.MonkeyPatch, bound: str, most: int) -> None:
    monkeypatch.setattr(behind, bound, most)
    inbox = site.mailbox()
    for flag in (FLAGGED, SEEN, DELETED):
        store(inbox, [1, 2, 3], FlagOp.ADD, flag)
    assert letters(site) == ["FS", "FS", "FS"], "the third waited for the first two"


def test_changes_that_go_on_and_on_do_not_leave_files_behind_for_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    monkeypatch.setattr(site.stores, "moment", Deferred)  # none comes
    inbox.folder.behind.at_once = 1
    for flag in (SEEN, DELETED):
        site.clock.advance(behind.PATIENCE - 0.1)
        store(site.mailbox(), [1], FlagOp.ADD, flag)
    assert (letters(site), inbox.folder.behind.pending) == (["F", "F", "FST"], False)


def test_mail_that_was_not_seen_goes_to_cur_with_its_flags(site: Site) -> None:
    site.deliver()
    inbox = site.mailbox()
    store(inbox, [3, 4], FlagOp.ADD, SEEN)
    assert octets(inbox, 4).endswith(END)
    follow(site)
    assert (letters(site), site.files("new")) == (["", "", "S", "S"], [])
    assert seen(inbox) == {1: set(), 2: set(), 3: {SEEN}, 4: {SEEN}}


# -- other programs ----------------------------------------------------------------------------------------------------


def test_flags_are_set_upon_those_that_another_program_set_meanwhile(site: Site) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2], FlagOp.ADD, FLAGGED)
    before = inbox.folder.counters.modseq
    by_another(site, 1, "S")
    follow(site)
    assert seen(inbox) == {1: {FLAGGED, SEEN}, 2: {FLAGGED}, 3: set()}
    assert letters(site) == ["", "F", "FS"]
    assert result_of(inbox.changed_since(before)) == [1]


def test_what_was_expunged_does_not_come_back_under_another_name(site: Site) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2], FlagOp.ADD, DELETED)
    result_of(inbox.expunge([1, 2]))
    by_another(site, 1, "S")
    follow(site)
    assert (seen(inbox), letters(site)) == ({3: set()}, [""])
    assert inbox.folder.counters.uidnext == 4, "nothing was taken for new"


def test_what_other_programs_do_meanwhile_is_seen_afterwards(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2], FlagOp.ADD, FLAGGED)
    by_another(site, 3, "S")
    with monkeypatch.context() as patched:
        patched.setattr(scan, "look", None)  # it would take names for changes that are our own
        result_of(inbox.look())
    follow(site)
    site.clock.advance(3)
    result_of(inbox.look())
    assert seen(inbox) == {1: {FLAGGED}, 2: {FLAGGED}, 3: {SEEN}}


def test_a_mailbox_that_another_program_removes_meanwhile_is_gone(site: Site) -> None:
    result_of(site.store().create("Work", ""))
    site.deliver(name="Work")
    work = site.mailbox("Work")
    store(work, [1], FlagOp.ADD, FLAGGED)
    shutil.rmtree(site.folder("Work"))
    follow(site)
    assert "Work" not in [info.name for info in result_of(site.store().list())]


# -- what needs the files where they should be -------------------------------------------------------------------------


def test_copies_and_moves_wait_for_what_is_behind(site: Site) -> None:
    result_of(site.store().create("Work", ""))
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    result_of(site.store().copy(inbox, [1], "Work", False))
    store(inbox, [2, 3], FlagOp.ADD, SEEN)
    result_of(site.store().copy(inbox, [2], "Work", True))
    assert (letters(site), letters(site, "Work")) == (["F", "FS"], ["F", "FS"])


def test_a_mailbox_is_renamed_and_deleted_when_nothing_is_behind(site: Site) -> None:
    result_of(site.store().create("Work", ""))
    site.deliver(name="Work")
    store(site.mailbox("Work"), [1], FlagOp.ADD, FLAGGED)
    result_of(site.store().rename("Work", "Play"))
    assert letters(site, "Play") == ["F"]
    store(site.mailbox("Play"), [1], FlagOp.ADD, SEEN)
    result_of(site.store().delete("Play"))
    follow(site)
    assert not site.folder("Play").exists()


def test_an_orderly_stop_leaves_nothing_behind(site: Site) -> None:
    store(site.mailbox(), [1, 2, 3], FlagOp.ADD, FLAGGED)
    result_of(site.mailbox().expunge([3]))
    site.restart()
    assert letters(site) == ["F", "F"]
    assert not site.clock.getDelayedCalls()
    inbox = site.mailbox()
    assert seen(inbox) == {1: {FLAGGED}, 2: {FLAGGED}}
    assert inbox.folder.untouched, "the next start need not guess"


def test_an_index_that_is_lost_meanwhile_is_made_of_what_is_so(site: Site) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    with inbox.folder.account.locked():
        inbox.folder.account.begin_index_anew("for the test")
    assert seen(site.mailbox()) == {uid: {FLAGGED} for uid in (1, 2, 3)}


@pytest.mark.parametrize("done", [0, 1, 2])
@pytest.mark.parametrize("index_lost", [False, True])
def test_a_killed_server_goes_on_where_it_was(site: Site, tmp_path: Path, done: int, index_lost: bool) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    result_of(inbox.expunge([2]))
    for unit in list(inbox.folder.behind._units)[:done]:
        unit.promise.perform()
    shutil.copytree(site.root, tmp_path / "image")
    again = Site(tmp_path / "image", opened(tmp_path / "image"), amounts=MANY)
    if index_lost:
        again.without_index(ANN)
    inbox = again.mailbox()
    assert (seen(inbox), letters(again)) == ({1: {FLAGGED}, 3: {FLAGGED}}, ["F", "F"])
    assert result_of(inbox.vanished_since(1))[0] == (2, 2)
    result_of(again.stores.close())


def test_what_fails_meanwhile_is_looked_after(site: Site) -> None:
    folder = site.mailbox().folder
    store(site.mailbox(), [1, 2, 3], FlagOp.ADD, FLAGGED)
    with pytest.raises(DiskFull), folder.account.locked(), folder.own_change():
        raise DiskFull("no space left")
    follow(site)
    assert folder.sight.is_old(folder.times, site.clock.seconds())


# -- trouble -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_done_now_is_done_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    renamed = os.rename

    def full(old: str, new: str, **folders: int) -> None:
        if "U=2" in old:
            raise OSError(errno.ENOSPC, "no space left")
        renamed(old, new, **folders)

    with monkeypatch.context() as patched:
        patched.setattr(many.os, "rename", full)
        follow(site)
        assert letters(site) == ["", "", "F"]
        assert seen(inbox) == {uid: {FLAGGED} for uid in (1, 2, 3)}
    site.disk.checkpoint()
    result_of(inbox.look())
    assert (letters(site), inbox.folder.behind.pending) == (["F", "F", "F"], False)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Site]:
    """Three messages in ``new``."""
    site = Site(tmp_path / "fresh", opened(tmp_path / "fresh"), amounts=MANY)
    for _ in range(3):
        site.deliver()
    yield site
    result_of(site.stores.close())


@pytest.mark.parametrize("expunge", [False, True])
def test_what_was_claimed_is_moved_after_what_a_session_changed_meanwhile(
    fresh: Site, tmp_path: Path, expunge: bool
) -> None:
    inbox = fresh.mailbox()
    result_of(inbox.snapshot(True))
    folder = inbox.folder
    with folder.account.locked():
        claimed = folder.claimed()
    if expunge:
        assert result_of(inbox.expunge([1, 2])) == [1, 2]
    else:
        store(inbox, [1, 2], FlagOp.ADD, SEEN)
    with folder.account.locked():
        folder.move_claimed(claimed)
    shutil.copytree(fresh.root, tmp_path / "image")
    after = Site(tmp_path / "image", opened(tmp_path / "image"), amounts=MANY)
    assert seen(after.mailbox()) == ({3: set()} if expunge else {1: {SEEN}, 2: {SEEN}, 3: set()})


def test_many_messages_can_be_removed_though_the_disk_is_nearly_full(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = site.mailbox()
    store(inbox, [1], FlagOp.ADD, FLAGGED)

    def refuse(*_: object) -> None:
        raise DiskFull("no space left")

    monkeypatch.setattr(JournalDisk, "promise", refuse)
    assert result_of(inbox.expunge([2, 3])) == [2, 3]
    assert (letters(site), inbox.folder.behind.pending) == (["F"], False)


def test_a_file_that_cannot_be_renamed_keeps_neither_others_nor_checkpoints_nor_the_next_start(
    site: Site, tmp_path: Path
) -> None:
    """Its name is as long as a name may be."""

    def drop(folder: Path) -> None:
        (folder / "cur" / ("1700000000.M1P1Q9." + "h" * (252 - 18 - len(",S=10,W=13,U=4")) + ":2,")).write_bytes(
            b"A: b\n\nfoo\n"
        )

    site.by_another_program(drop)
    inbox = site.mailbox()
    result_of(inbox.look())
    uids = sorted(seen(inbox))
    store(inbox, uids, FlagOp.ADD, FLAGGED, SEEN)
    shutil.copytree(site.root, tmp_path / "image")
    opened(tmp_path / "image")
    follow(site)
    for _ in range(behind.TRIES + 1):
        result_of(inbox.look())
    site.disk.checkpoint()
    assert letters(site).count("FS") >= 3
    assert not inbox.folder.behind.pending


@pytest.mark.parametrize("expunge", [False, True])
def test_what_was_missed_and_cannot_be_done_again_now_is_done_later(
    site: Site, monkeypatch: pytest.MonkeyPatch, expunge: bool
) -> None:
    inbox = site.mailbox()
    if expunge:
        assert result_of(inbox.expunge([1, 2])) == [1, 2]
    else:
        store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    by_another(site, 1, "S")

    def refuse(*_: object) -> None:
        raise DiskFull("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(JournalDisk, "commit", refuse)
        follow(site)
        result_of(inbox.look())
    site.clock.advance(5)
    result_of(inbox.look())
    assert seen(inbox) == ({3: set()} if expunge else {1: {FLAGGED, SEEN}, 2: {FLAGGED}, 3: {FLAGGED}})
    assert len(letters(site)) == len(seen(inbox))


def test_what_was_missed_is_done_again_in_order(site: Site) -> None:
    inbox = site.mailbox()
    store(inbox, [1, 2], FlagOp.ADD, FLAGGED)
    by_another(site, 1, "S")
    inbox.folder.behind._units[0].promise.perform()
    store(inbox, [1], FlagOp.REMOVE, FLAGGED)
    result_of(inbox.look())
    follow(site)
    assert seen(inbox) == {1: {SEEN}, 2: {FLAGGED}, 3: set()}


def test_an_account_whose_files_are_behind_does_not_rest(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = site.mailbox()
    account = inbox.folder.account
    assert result_of(inbox.expunge([1, 2])) == [1, 2]
    account.users.clear()
    assert not account.rest()
    follow(site)
    account.users.clear()
    assert account.rest()


def test_a_store_that_is_closed_waits_for_no_moment(site: Site) -> None:
    result_of(site.stores.close())
    failure_of(site.stores.moment(), CancelledError)
    assert site.clock.getDelayedCalls() == []


@pytest.mark.parametrize("failures", [0, 1])
def test_a_second_unit_follows_the_first_also_when_asked_first(
    site: Site, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    """Their promises are in one chain: of what the two do only what comes of them is done, in order, and also when
    the disk fails meanwhile."""
    inbox = site.mailbox()
    store(inbox, [1, 2, 3], FlagOp.ADD, FLAGGED)
    store(inbox, [1, 2, 3], FlagOp.ADD, SEEN)
    first, second = inbox.folder.behind._units
    renamed: list[str] = []
    rename, left = os.rename, failures

    def failing(old: str, new: str, **folders: int) -> None:
        nonlocal left
        if left:
            left -= 1
            raise OSError(errno.ENOSPC, "no space left")
        rename(old, new, **folders)
        renamed.append(new.partition(":2,")[2])

    monkeypatch.setattr(many.os, "rename", failing)
    for _ in range(failures):
        with pytest.raises(DiskFull):
            second.promise.perform()
        assert (first.promise.done, second.promise.done) == (False, False)
    second.promise.perform()
    assert (first.promise.done, second.promise.done) == (True, True)
    assert (renamed, letters(site)) == (["FS"] * 3, ["FS"] * 3)
    assert not first.promise.missed
    assert not second.promise.missed
