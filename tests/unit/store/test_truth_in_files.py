"""Plain files are the truth: the index can go, the process can die, and clients see the same mailbox."""

from __future__ import annotations

import contextlib
import mailbox as foreign
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from maildir_site import ANN, MESSAGE, Site, name_of, octets, seen
from twisted.logger import capturedLogs

from mailsuite.errors import Corrupt, OverQuota, Temporary
from mailsuite.model import INBOX, Account, FlagOp, Overflow, ToMailbox
from mailsuite.store.names import account_path
from mailsuite.testing.results import failure_of, result_of


def everything(site: Site) -> Any:
    """What a client can know."""
    store = site.store()
    found = {}
    for info in result_of(store.list()):
        mailbox = site.mailbox(info.name)
        snapshot = result_of(mailbox.snapshot(False))
        fetched = result_of(
            mailbox.fetch(snapshot.uids, ["flags", "size", "date", "name", "envelope", "emailid", "threadid"])
        )
        found[info] = (
            snapshot.uidvalidity,
            snapshot.uidnext,
            snapshot.highestmodseq,
            sorted(snapshot.keywords),
            snapshot.recent,
            fetched,
            [octets(mailbox, uid) for uid in snapshot.uids],
            mailbox.id,
        )
    return found


def index_files(site: Site) -> list[Path]:
    return list((site.root / "store" / account_path(ANN)).glob("index.sqlite*"))


def fill(site: Site) -> None:
    store = site.store()
    for _ in range(3):
        site.deliver()
    result_of(store.create("Sent/2023.old", "\\Sent"))
    result_of(store.subscribe("Sent", True))
    inbox = site.mailbox()
    result_of(inbox.store([2], FlagOp.ADD, frozenset({"\\Seen", "NonJunk", "$Forwarded"}), None))
    result_of(inbox.store([2], FlagOp.ADD, frozenset(f"K{number}" for number in range(30)), None))
    result_of(store.copy(inbox, [2, 3], "Sent/2023.old", False))
    site.deliver()
    result_of(inbox.expunge([4]))


def test_nothing_changes_for_clients_when_the_index_is_deleted(site: Site) -> None:
    fill(site)
    before = everything(site)
    result_of(site.stores.close())
    site.without_index()
    site.start()
    assert everything(site) == before


def test_nothing_changes_for_clients_after_an_orderly_restart(site: Site) -> None:
    fill(site)
    before = everything(site)
    site.restart()
    assert everything(site) == before


@pytest.mark.parametrize("keeps_index", [True, False])
def test_after_a_kill_messages_are_the_same_and_counters_never_go_back(site: Site, keeps_index: bool) -> None:
    fill(site)
    before = everything(site)
    image = site.killed()
    if not keeps_index:
        image.without_index()
    after = everything(image)
    assert list(after) == list(before)
    for info, (uidvalidity, uidnext, modseq, *rest) in before.items():
        assert after[info][0] == uidvalidity
        assert after[info][1] >= uidnext
        assert after[info][2] >= modseq
        assert after[info][3:] == tuple(rest)


@pytest.mark.parametrize("keeps_index", [True, False])
def test_a_uid_once_shown_names_no_other_message_after_a_kill(site: Site, keeps_index: bool) -> None:
    for _ in range(3):
        site.deliver()
    result_of(site.mailbox().expunge([3]))
    for _ in range(3):  # and if it dies again before it used any of what it reserved
        site = site.killed()
        if not keeps_index:
            site.without_index()
        assert list(seen(site.mailbox())) == [1, 2]
    site.deliver()
    *_, uid = seen(site.mailbox())
    assert uid > 3


def test_flags_set_and_taken_away_again_are_a_change_though_the_index_forgot_both(site: Site) -> None:
    for _ in range(2):
        site.deliver()
    inbox = site.mailbox()
    result_of(inbox.store([1, 2], FlagOp.ADD, frozenset({"\\Seen"}), None))
    older = {path.name: path.read_bytes() for path in index_files(site)}
    for op in (FlagOp.ADD, FlagOp.REMOVE):
        [(_, _, told)] = result_of(inbox.store([1], op, frozenset({"\\Flagged"}), None))[0]
    image = site.killed()
    for path in index_files(image):
        path.write_bytes(older[path.name]) if path.name in older else path.unlink()
    inbox = image.mailbox()
    assert seen(inbox) == {1: {"\\Seen"}, 2: {"\\Seen"}}
    assert result_of(inbox.changed_since(told - 1)) == [1], "who was told of the flag is told that it is gone"


def test_uids_are_reserved_on_disk_before_they_are_used(site: Site) -> None:
    site.deliver()
    for number in range(2, 2500, 200):
        image = site.killed()
        assert result_of(image.mailbox().snapshot(False)).uidnext > number - 1
        for _ in range(200):
            site.mailbox().folder.take_numbers(1)


def test_an_index_that_was_half_rebuilt_when_the_server_died_is_no_authority(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(site)
    before = everything(site)
    result_of(site.stores.close())
    site.without_index()
    site.start()
    with monkeypatch.context() as patch:
        patch.setattr("mailsuite.store.folder.foreign.follow", lambda *_: (_ for _ in ()).throw(Temporary("no disk")))
        failure_of(site.stores.open(ANN), Temporary)
    assert everything(site.killed()) == before


def overwritten(index: Path) -> None:
    index.write_bytes(b"no database " * 1000)


def cut_short(index: Path) -> None:
    os.truncate(index, index.stat().st_size // 2)


def cut_to_its_first_octets(index: Path) -> None:
    os.truncate(index, 50)


def without_a_table(index: Path) -> None:
    with contextlib.closing(sqlite3.connect(index)) as db:
        db.execute("DROP TABLE summary")
        db.commit()


def with_other_columns(index: Path) -> None:
    with contextlib.closing(sqlite3.connect(index)) as db:
        db.execute("ALTER TABLE message ADD COLUMN more TEXT")
        db.commit()


@pytest.mark.parametrize(
    "damage", [overwritten, cut_short, cut_to_its_first_octets, without_a_table, with_other_columns]
)
def test_a_damaged_index_is_set_aside_and_rebuilt(site: Site, damage: Callable[[Path], None]) -> None:
    fill(site)
    for _ in range(60):
        site.deliver()
    before = everything(site)
    result_of(site.stores.close())
    home = site.folder().parent
    damage(home / "index.sqlite")
    damaged = (home / "index.sqlite").read_bytes()
    site.start()
    with capturedLogs() as logged:
        with contextlib.suppress(Temporary):  # a hole in the middle is found when somebody falls into it
            result_of(site.stores.open(ANN))
        assert everything(site) == before
    assert (home / f"index.sqlite.corrupt-{int(site.clock.seconds())}").read_bytes() == damaged
    assert [event["reason"] != "" for event in logged if event.get("path") == str(home / "index.sqlite")] == [True]


def test_the_newest_of_what_was_set_aside_is_kept(site: Site) -> None:
    for _ in range(5):
        site.clock.advance(1000)
        site.deliver()
        result_of(site.stores.close())
        overwritten(site.folder().parent / "index.sqlite")
        site.start()
    site.mailbox()
    kept = sorted(path.name for path in site.folder().parent.glob("index.sqlite.corrupt-*"))
    now = int(site.clock.seconds())
    assert kept == [f"index.sqlite.corrupt-{now - back}" for back in (2000, 1000, 0)]


def test_an_index_of_another_version_is_rebuilt(site: Site) -> None:
    fill(site)
    before = everything(site)
    site.mailbox().folder.account.index._db.execute("PRAGMA user_version=99")
    site.restart()
    assert everything(site) == before


def test_an_index_that_breaks_while_in_use_is_rebuilt_and_sessions_look_anew(site: Site) -> None:
    fill(site)
    inbox = site.mailbox()
    before = seen(inbox)
    watch = inbox.watch(result_of(inbox.snapshot(False)).at, lambda: None)
    account = inbox.folder.account
    account.index.close()  # the next use raises sqlite3.ProgrammingError, a DatabaseError
    failure_of(inbox.fetch([1], ["date"]), Temporary)
    assert seen(inbox) == before
    assert list(watch.take()) == [Overflow()]


def test_what_mailsuite_did_not_write_into_its_own_file_is_named(site: Site) -> None:
    site.deliver()
    result_of(site.stores.close())
    site.without_index()
    (site.folder() / "mailsuite-uidvalidity").write_bytes(b"1 V17\n")
    site.start()
    error = failure_of(site.stores.open(ANN), Corrupt)
    assert "mailsuite-uidvalidity" in str(error)


@pytest.mark.parametrize("file", ["mailsuite-keywords", "mailsuite-keywords-more"])
def test_so_is_that_of_keywords(site: Site, file: str) -> None:
    site.deliver()
    result_of(site.stores.close())
    (site.folder() / file).write_bytes(b"\xff\0 x\n")
    site.start()
    assert f"/{file}: " in str(failure_of(site.stores.open(ANN), Corrupt))


def test_uidvalidity_goes_on_rising_when_the_note_of_the_last_one_is_garbage(site: Site) -> None:
    site.deliver()
    before = result_of(site.store().status(INBOX)).uidvalidity
    (site.folder() / "mailsuite-account").write_bytes(b"\xff\0")
    result_of(site.store().create("New", ""))
    assert result_of(site.store().status("New")).uidvalidity > before
    assert int((site.folder() / "mailsuite-account").read_bytes()) > before


def test_a_folder_is_as_other_programs_expect_it(site: Site) -> None:
    fill(site)
    inbox = foreign.Maildir(str(site.folder()), create=False)
    assert sorted(len(inbox.get_folder(name)) for name in inbox.list_folders()) == [0, 2]
    by_flags = sorted((message.get_subdir(), message.get_flags()) for message in inbox)
    assert [flags[:2] for _, flags in by_flags if flags] == ["PS"]
    assert {message["subject"] for message in inbox} == {"hello"}
    assert all((folder / "maildirfolder").exists() for folder in site.folder().glob(".*"))


def test_file_names_tell_size_uid_and_flags(site: Site) -> None:
    site.deliver(frozenset({"\\Seen", "\\Flagged"}))
    site.deliver()
    [name] = site.files("cur")
    size = os.stat(site.folder() / "cur" / name).st_size
    assert name.endswith(f",S={size},W={size + 5},U=1:2,FS")
    [name] = site.files("new")
    assert name.endswith(",U=2")
    assert site.files("tmp") == []


def test_a_delivered_message_begins_with_its_return_path(site: Site) -> None:
    """RFC 5321 §4.4."""
    site.place(MESSAGE, ToMailbox(ANN), sender="bob smith", trace=b"Received: here\r\n")
    expected = b'Return-Path: <"bob smith"@example.com>\r\nReceived: here\r\n' + MESSAGE
    assert octets(site.mailbox(), 1) == expected
    [name] = site.files("new")
    assert (site.folder() / "new" / name).read_bytes() == expected.replace(b"\r\n", b"\n")


def test_a_maildir_that_is_copied_in_is_taken_over(site: Site) -> None:
    folder = site.folder()
    for each in ("new", "cur", "tmp", ".Old/cur", ".Old/new"):
        (folder / each).mkdir(parents=True)
    (folder / "new" / "20.a.host").write_bytes(b"Subject: second\n\nx\n")
    (folder / "cur" / "9.b.host:2,FS").write_bytes(b"Subject: first\n\nx\n")
    (folder / "cur" / "30.c.host,S=20,W=23,U=7:2,").write_bytes(b"Subject: named\n\nxxx\n")
    (folder / ".Old" / "cur" / "1.d.host:2,T").write_bytes(MESSAGE)
    inbox = site.mailbox()
    assert seen(inbox) == {7: set(), 8: {"\\Seen", "\\Flagged"}, 9: set()}
    assert seen(site.mailbox("Old")) == {1: {"\\Deleted"}}
    assert [octets(inbox, uid)[9:14] for uid in (7, 8, 9)] == [b"named", b"first", b"secon"]
    assert site.files("cur") == ["30.c.host,S=20,W=23,U=7:2,", "9.b.host,S=18,W=21,U=8:2,FS"]


def test_permanent_names_are_the_same_after_everything(site: Site) -> None:
    fill(site)
    before = [name_of(site.mailbox(), uid) for uid in (1, 2, 3)]
    image = site.killed()
    image.without_index()
    assert [name_of(image.mailbox(), uid) for uid in (1, 2, 3)] == before


def test_quota_is_counted_anew_without_an_index(site: Site) -> None:
    fill(site)
    result_of(site.stores.close())
    site.without_index()
    site.accounts[ANN] = Account(ANN, quota_messages=6)
    site.start()
    site.deliver()  # the sixth
    with pytest.raises(OverQuota):
        site.deliver()
    result_of(site.mailbox().expunge([1]))
    site.deliver()
    result_of(site.store().delete("Sent/2023.old"))
    site.deliver()
    assert site.files("tmp") == []


def test_leftovers_in_tmp_go_after_36_hours(site: Site, tmp_path: Path) -> None:
    site.deliver()
    result_of(site.stores.close())
    for name, age in (("old", 37), ("young", 35)):
        path = site.folder() / "tmp" / name
        path.write_bytes(b"x")
        os.utime(path, (site.clock.seconds() - age * 3600,) * 2)
    site.start()
    site.mailbox()
    assert site.files("tmp") == ["young"]


def test_accounts_that_nobody_uses_are_closed(site: Site) -> None:
    site.keep_open = 2
    site.restart()
    for number in range(6):
        site.deliver(account=f"u{number}@example.org")
    site.clock.advance(1)  # what renders new messages keeps an account open for a moment
    for number in range(6):
        mailbox = site.mailbox(account=f"u{number}@example.org")
        assert list(seen(mailbox)) == [1]
    del mailbox
    site.clock.advance(20)
    assert len(site.stores._accounts) == 2


def test_an_account_in_use_is_not_closed(site: Site) -> None:
    site.keep_open = 1
    site.restart()
    inbox = site.mailbox()
    watch = inbox.watch(result_of(inbox.snapshot(False)).at, lambda: None)
    for number in range(4):
        site.deliver(account=f"u{number}@example.org")
    site.deliver()
    assert [change.uids for change in watch.take()] == [(1,)]


def test_new_messages_are_rendered_soon_without_being_asked(site: Site) -> None:
    for _ in range(120):
        site.deliver()
    inbox = site.mailbox()
    index, id = inbox.folder.account.index, inbox.folder.id
    assert index.rendered(id, range(200)) == set()
    site.clock.pump([0.3] * 5)
    assert len(index.rendered(id, range(200))) == 120


def test_what_happens_while_messages_are_rendered_does_not_wait_for_it(site: Site) -> None:
    for _ in range(3):
        site.deliver()
    inbox = site.mailbox()
    account, summarize = inbox.folder.account, inbox.folder.account.resources.summarize

    def meanwhile(paths: Sequence[str], sets: Sequence[str]) -> Any:
        found = summarize(paths, sets)
        other = threading.Thread(target=lambda: result_of(inbox.expunge([2])), daemon=True)
        other.start()
        other.join(5)
        assert not other.is_alive(), "the account is locked"
        return found

    account.resources = msgspec.structs.replace(account.resources, summarize=meanwhile)
    site.clock.advance(0.3)
    assert account.index.rendered(inbox.folder.id, range(9)) == {1, 3}
