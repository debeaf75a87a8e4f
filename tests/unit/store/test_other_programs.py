"""Other programs work on the folder while clients are connected."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from maildir_site import ANN, MESSAGE, Site, octets, seen

from mailsuite.errors import Expunged, NotFound, Temporary
from mailsuite.model import (
    INBOX,
    Arrived,
    FlagOp,
    FlagsChanged,
    Gone,
    MailboxMade,
    MailboxRemoved,
    SubscriptionChanged,
    ToMailbox,
    Vanished,
)
from mailsuite.store.account import AccountMail
from mailsuite.testing.results import failure_of, result_of


def watched(mailbox: Any) -> Any:
    return mailbox.watch(result_of(mailbox.snapshot(False)).at, lambda: None)


def looked(mailbox: Any, watch: Any) -> list[Any]:
    result_of(mailbox.look())
    return list(watch.take())


def the_file(folder: Path, inside: str) -> Path:
    [path] = (folder / inside).iterdir()
    return path


def test_mail_dropped_into_new_appears_in_the_order_of_delivery(site: Site) -> None:
    site.deliver()
    inbox = site.mailbox()
    watch = watched(inbox)

    def drop(folder: Path) -> None:
        (folder / "new" / "1700000100.b.host").write_bytes(b"Subject: later\n\n\n")
        (folder / "new" / "900000000.a.host").write_bytes(b"Subject: sooner\n\n\n")
        (folder / "cur" / "1600000000.c.host:2,RS").write_bytes(b"Subject: read\r\n\r\n\r\n")
        (folder / "new" / ".hidden").write_bytes(b"not a message")

    site.by_another_program(drop)
    flags = (frozenset(), frozenset({"\\Answered", "\\Seen"}), frozenset())
    assert looked(inbox, watch) == [Arrived((2, 3, 4), flags, modseq=5)]
    assert [octets(inbox, uid).split(b"\r\n")[0][9:] for uid in (2, 3, 4)] == [b"sooner", b"read", b"later"]
    assert "1600000000.c.host,S=19,W=19,U=3:2,RS" in site.files("cur")
    assert looked(inbox, watch) == []


def test_a_name_with_sizes_keeps_them(site: Site) -> None:
    inbox = site.mailbox()
    site.drop("new", "5.x.host,S=42")
    site.drop("cur", "6.x.host,W=46,S=42:2,a")
    assert seen(inbox) == {1: set(), 2: set()}
    size = len(MESSAGE)
    assert site.files("new") == [f"5.x.host,S={size},W={size},U=1"]
    assert site.files("cur") == ["6.x.host,S=42,W=46,U=2:2,a"]


def test_flags_changed_by_renaming_are_seen(site: Site) -> None:
    site.deliver()
    inbox = site.mailbox()
    watch = watched(inbox)
    before = result_of(inbox.snapshot(False)).highestmodseq
    site.by_another_program(
        lambda folder: the_file(folder, "new").rename(folder / "cur" / (the_file(folder, "new").name + ":2,S"))
    )
    [changed] = looked(inbox, watch)
    assert changed == FlagsChanged((1,), (frozenset({"\\Seen"}),), changed.modseq)
    assert changed.modseq > before
    assert result_of(inbox.snapshot(True)).recent == frozenset()


def test_moving_to_cur_alone_changes_no_flag(site: Site) -> None:
    site.deliver()
    inbox = site.mailbox()
    watch = watched(inbox)
    site.by_another_program(
        lambda folder: the_file(folder, "new").rename(folder / "cur" / (the_file(folder, "new").name + ":2,"))
    )
    assert looked(inbox, watch) == []
    assert result_of(inbox.snapshot(False)).recent == frozenset()
    assert octets(inbox, 1).endswith(MESSAGE)


@pytest.mark.parametrize("filename", ["{base}", "{base}:", "{base}:1,", "{base}:2"])
def test_a_file_in_cur_without_flags_gets_its_proper_name(site: Site, filename: str) -> None:
    site.deliver()
    inbox = site.mailbox()
    site.see()
    base = site.files("cur")[0].partition(":")[0]
    site.by_another_program(lambda folder: the_file(folder, "cur").rename(folder / "cur" / filename.format(base=base)))
    result_of(inbox.look())
    assert site.files("cur") == [base + ":2,"]
    assert octets(inbox, 1).endswith(MESSAGE)


def test_a_file_in_new_with_flags_goes_to_cur(site: Site) -> None:
    inbox = site.mailbox()
    site.drop("new", "5.x.host:2,S")
    assert seen(inbox) == {1: {"\\Seen"}}
    assert site.files("new") == []
    assert octets(inbox, 1) == MESSAGE


def test_removed_files_vanish(site: Site) -> None:
    for _ in range(3):
        site.deliver()
    inbox = site.mailbox()
    watch = watched(inbox)

    def remove(folder: Path) -> None:
        for path in (folder / "new").iterdir():
            if ",U=2" not in path.name:
                path.unlink()

    site.by_another_program(remove)
    [vanished] = looked(inbox, watch)
    assert isinstance(vanished, Vanished)
    assert vanished.uids == (1, 3)
    site.deliver()
    assert list(seen(inbox)) == [2, 4]


@pytest.mark.parametrize("number", [1, 2, 9])
def test_a_file_with_a_uid_that_is_not_its_own_gets_another(site: Site, number: int) -> None:
    """A backup put back, or a file moved from another folder."""
    for _ in range(2):
        site.deliver()
    inbox = site.mailbox()
    result_of(inbox.expunge([2]))
    site.drop("cur", f"5.x.host,S=42,W=46,U={number}:2,")
    assert list(seen(inbox)) == [1, 3]


def test_a_file_renamed_since_the_last_look_is_found(site: Site) -> None:
    site.deliver()
    inbox = site.mailbox()
    site.see()

    def rename(letters: str) -> None:
        path = the_file(site.folder(), "cur")
        os.rename(path, path.with_name(path.name.partition(":")[0] + ":2," + letters))

    rename("S")
    assert octets(inbox, 1).endswith(MESSAGE)
    rename("FS")
    [found] = result_of(inbox.fetch([1], ["header"]))
    assert b"Subject: hello\r\n" in found.items[0]
    rename("RS")
    done, _ = result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Deleted"}), None))
    assert [flags for _, flags, _ in done] == [{"\\Answered", "\\Seen", "\\Deleted"}]
    rename("T")
    result_of(site.store().create("Copy", ""))
    assert result_of(site.store().copy(inbox, [1], "Copy", False)).sources == (1,)
    rename("")
    assert list(result_of(inbox.expunge([1]))) == [1]
    assert site.files("cur") == []


def test_whole_messages_are_read_as_they_are_now(site: Site) -> None:
    for _ in range(5):
        site.deliver()
    inbox = site.mailbox()
    grown, shrunk, linked, removed, moved = (next((site.folder() / "new").glob(f"*,U={n}")) for n in range(1, 6))
    as_it_was = octets(inbox, 1)
    grown.write_bytes(grown.read_bytes() + b"more\n")
    shrunk.write_bytes(b"Subject: less\n")
    linked.unlink()
    linked.symlink_to(moved)
    removed.unlink()
    os.rename(moved, site.folder() / "cur" / f"{moved.name}:2,S")
    found = result_of(inbox.octets([1, 2, 3, 4, 5], 1 << 20))
    assert found[:2] == [as_it_was + b"more\r\n", b"Subject: less\r\n"]
    assert [type(each) for each in found[2:4]] == [Temporary, Expunged]
    assert found[4] == as_it_was


def test_a_file_removed_since_the_last_look_is_gone(site: Site) -> None:
    for _ in range(5):
        site.deliver()
    inbox = site.mailbox()
    watch = watched(inbox)

    def remove(uid: int) -> None:
        [path] = (site.folder() / "new").glob(f"*,U={uid}")
        path.unlink()

    remove(1)
    failure_of(inbox.body(1), Expunged)
    remove(2)
    assert [found.uid for found in result_of(inbox.fetch([2, 3], ["envelope", "header"]))] == [3]
    remove(3)
    done, _ = result_of(inbox.store([3, 4], FlagOp.ADD, frozenset({"\\Seen"}), None))
    assert [uid for uid, _, _ in done] == [4]
    remove(5)
    assert list(result_of(inbox.expunge([4, 5]))) == [4, 5]
    vanished = [uid for change in watch.take() if isinstance(change, Vanished) for uid in change.uids]
    assert sorted(vanished) == [1, 2, 3, 4, 5]


def test_letters_nobody_explained_are_kept(site: Site) -> None:
    inbox = site.mailbox()
    site.drop("cur", "5.x.host:2,SXk")
    assert seen(inbox) == {1: {"\\Seen"}}
    result_of(inbox.store([1], FlagOp.REPLACE, frozenset({"\\Flagged"}), None))
    assert site.files("cur")[0].endswith(":2,FXk")


def test_a_folder_made_by_another_program_is_a_mailbox(site: Site) -> None:
    site.deliver()
    for name in (".From Mutt", ".notmutf7&", "..", ".a..b", "plain"):
        (site.folder() / name / "cur").mkdir(parents=True, exist_ok=True)
    (site.folder() / ".From Mutt" / "cur" / "1.x:2,").write_bytes(MESSAGE)
    assert [info.name for info in result_of(site.store().list())] == ["INBOX", "From Mutt"]
    assert list(seen(site.mailbox("From Mutt"))) == [1]


def test_a_quiet_folder_is_looked_at_once_more_after_a_change_of_ours(site: Site) -> None:
    """A foreign change within the same clock tick as ours leaves no trace in the folder's times."""
    site.clock.advance(os.stat(site.root).st_mtime - site.clock.seconds())
    site.deliver()
    inbox = site.mailbox()
    result_of(inbox.look())
    times = os.stat(site.folder() / "new")
    (site.folder() / "new" / "1.x.host").write_bytes(MESSAGE)
    os.utime(site.folder() / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    site.clock.advance(3)
    assert list(seen(inbox)) == [1, 2]


def make_folder(site: Site, name: str) -> None:
    (site.folder() / name / "cur").mkdir(parents=True)


def test_what_other_programs_make_of_mailboxes_is_found(site: Site) -> None:
    store = site.store()
    for name in ("Own", "Old", "Before"):
        result_of(store.create(name, ""))
    watch = result_of(store.watch(lambda: None))
    make_folder(site, ".New")
    (site.folder() / ".Old").rename(site.folder() / ".Older")
    (site.folder() / "subscriptions").write_bytes(b"New\n")
    assert list(result_of(watch.take())) == []
    result_of(watch.look())
    found = [MailboxRemoved("Old"), MailboxMade("New"), MailboxMade("Older"), SubscriptionChanged("New")]
    assert list(result_of(watch.take())) == found
    result_of(watch.look())
    assert list(result_of(watch.take())) == []
    watch.close()
    make_folder(site, ".Unseen")
    watch = result_of(store.watch(lambda: None))
    result_of(watch.look())
    assert list(result_of(watch.take())) == []


def test_what_they_did_before_a_change_of_ours_is_not_taken_for_ours(site: Site) -> None:
    store = site.store()
    watch = result_of(store.watch(lambda: None))
    make_folder(site, ".Theirs")
    result_of(store.create("Ours", ""))
    assert list(result_of(watch.take())) == [MailboxMade("Theirs"), MailboxMade("Ours", own=True)]


def test_what_a_failure_left_behind_is_told_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    store = site.store()
    watch = result_of(store.watch(lambda: None))
    make = AccountMail._make

    def full(account: AccountMail, name: str, special_use: str) -> None:
        if "/" in name:
            raise Temporary("the disk is full")
        make(account, name, special_use)

    with monkeypatch.context() as patched:
        patched.setattr(AccountMail, "_make", full)
        failure_of(store.create("Work/Plans", ""), Temporary)
    result_of(watch.look())
    result_of(store.subscribe("Work", True))
    assert list(result_of(watch.take())) == [MailboxMade("Work"), SubscriptionChanged("Work", own=True)]


def test_quiet_mailboxes_are_not_listed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change within the same clock tick as the last one leaves no trace in the folder's time."""
    store = site.store()
    site.clock.advance(os.stat(site.folder()).st_mtime - site.clock.seconds())
    watch = result_of(store.watch(lambda: None))
    time = os.stat(site.folder()).st_mtime_ns
    make_folder(site, ".New")
    os.utime(site.folder(), ns=(time, time))
    site.clock.advance(3)
    result_of(watch.look())
    assert list(result_of(watch.take())) == [MailboxMade("New")]
    monkeypatch.setattr("mailsuite.store.account.AccountMail.names", None)
    result_of(watch.look())
    assert list(result_of(watch.take())) == []


@pytest.mark.parametrize("inside", ["tmp", "new", "cur"])
def test_a_part_of_a_maildir_that_is_removed_is_made_again(site: Site, inside: str) -> None:
    """As clean-ups of empty folders do."""
    inbox = site.mailbox()
    (site.folder() / inside).rmdir()
    site.deliver()
    site.place(MESSAGE + b"x" * 400_000, ToMailbox(ANN, INBOX))
    assert result_of(site.store().status(INBOX)).messages == 2
    result_of(inbox.store([1, 2], FlagOp.ADD, frozenset({"\\Seen"}), None))
    assert seen(inbox) == {1: {"\\Seen"}, 2: {"\\Seen"}}
    assert octets(inbox, 1).endswith(MESSAGE)


def test_inbox_is_made_again_when_all_of_the_maildir_is_removed(site: Site) -> None:
    """Refusing its mail for good, as if there were no such account, would be the end of that mail."""
    inbox = site.mailbox()
    site.deliver()
    before = result_of(site.store().status(INBOX)).uidvalidity
    result_of(site.store().create("Work", ""))
    site.deliver(name="Work")
    work = site.mailbox("Work")
    shutil.rmtree(site.folder())
    site.deliver()
    assert inbox.folder.gone
    assert work.folder.gone
    assert inbox.folder.account.usage.total()[1] == 1
    status = result_of(site.store().status(INBOX))
    assert (status.messages, status.uidvalidity > before) == (1, True)
    assert [info.name for info in result_of(site.store().list())] == [INBOX]


def test_where_the_disk_of_the_store_is_missing_mail_comes_later(site: Site) -> None:
    site.deliver()
    away = site.root / "elsewhere"
    os.rename(site.root / "store", away)
    with pytest.raises(Temporary):
        site.deliver()
    assert not (site.root / "store").exists()
    os.rename(away, site.root / "store")
    site.deliver()
    assert result_of(site.store().status(INBOX)).messages == 2


@pytest.mark.parametrize("name", [INBOX, "Work"])
def test_who_watches_a_mailbox_that_is_removed_hears_of_it_with_the_next_look(site: Site, name: str) -> None:
    if name != INBOX:
        result_of(site.store().create(name, ""))
    site.deliver(name=name)
    mailbox = site.mailbox(name)
    watch = watched(mailbox)
    shutil.rmtree(site.folder(name))
    failure_of(mailbox.look(), NotFound)
    assert Gone() in watch.take()
