"""Deliveries: all or none, durable before they are told, side by side."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from maildir_site import ANN, MESSAGE, Site, octets, seen
from twisted.logger import capturedLogs, formatEvent

from mailsuite.disk.placement import place, place_all, prepare
from mailsuite.disk.real import RealDisk
from mailsuite.errors import InvalidName, NotFound, OverQuota, Temporary
from mailsuite.interfaces import IDisk
from mailsuite.model import Account, FlagOp, ToMailbox
from mailsuite.store.folder import Folder
from mailsuite.testing.results import failure_of, result_of
from mailsuite.testing.system_calls import SystemCalls

BOB = "bob@example.org"


class Watched(RealDisk):
    """A real disk that notes every call, and fails where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []
        self.fails_at: tuple[str, str] | None = None

    def __getattribute__(self, method: str) -> Any:
        found = super().__getattribute__(method)
        if method not in IDisk or method in ("commit", "record", "checkpoint"):
            return found  # they do what they do by the other methods

        def call(path: str, *args: Any, **kwargs: Any) -> Any:
            last = args[0] if method in ("rename", "link") else path
            self.calls.append((method, last))
            if self.fails_at and method in self.fails_at[0].split() and self.fails_at[1] in last:
                raise Temporary("no space left on device")
            return found(path, *args, **kwargs)

        return call


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site", Watched())


def durable_after(disk: Watched, name: str) -> list[str]:
    """For each rename or link or removal whose path holds ``name``: was its folder synced later?"""
    lacking = []
    for at, (method, path) in enumerate(disk.calls):
        if method in ("rename", "link", "unlink") and name in path and "/tmp/" not in path:
            synced = ("sync_folder", os.path.dirname(path))
            if synced not in disk.calls[at + 1 :]:
                lacking.append(path)
    return lacking


def test_a_delivery_syncs_the_file_before_it_names_it_and_then_the_folder(site: Site) -> None:
    site.deliver()
    site.disk.calls.clear()
    site.deliver()
    methods = [(method, Path(path).parent.name or Path(path).name) for method, path in site.disk.calls]
    assert methods == [("write_new", "tmp"), ("rename", "new"), ("sync_folder", "Maildir")]


def test_a_large_delivery_is_a_durable_file_before_it_is_committed(site: Site) -> None:
    site.deliver()
    site.disk.calls.clear()
    site.place(MESSAGE + b"x" * 300_000, ToMailbox(ANN))
    methods = [(method, Path(path).parent.name or Path(path).name) for method, path in site.disk.calls]
    assert methods[:3] == [("write_new", "tmp"), ("sync_folder", "Maildir"), ("rename", "new")]
    assert ("sync_folder", "Maildir") in methods[3:]


def test_every_change_is_durable_when_it_is_told(site: Site) -> None:
    store, inbox = site.store(), site.mailbox()
    for _ in range(4):
        site.deliver()
    result_of(store.create("Other", ""))
    result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Seen", "Word"}), None))
    result_of(store.copy(inbox, [1, 2], "Other", False))
    result_of(store.copy(inbox, [2], "Other", True))
    result_of(inbox.expunge([1, 3]))
    result_of(store.rename("Other", "Another"))
    result_of(store.delete("Another"))
    assert len(site.disk.calls) > 20
    assert durable_after(site.disk, "/Maildir") == []


def test_a_mailbox_is_durable_when_it_was_created(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    store = site.store()
    calls = SystemCalls(monkeypatch.setattr, site.folder())
    result_of(store.create("A/B", "\\Archive"))
    for name in (".A", ".A.B"):
        for folder in (name, f"{name}/new", f"{name}/cur", f"{name}/tmp"):
            made = calls.made.index(("mkdir", folder))
            assert ("fsync", os.path.dirname(folder) or ".") in calls.made[made:]
    assert calls.made[-1][0] == "fsync"


def test_keywords_are_on_disk_before_a_name_uses_them(site: Site) -> None:
    site.deliver(frozenset({"Word"}))
    calls = [(method, Path(path).name) for method, path in site.disk.calls]
    renamed = next(at for at, (method, name) in enumerate(calls) if method == "rename" and name.endswith(":2,a"))
    assert ("replace", "mailsuite-keywords") in calls[:renamed]


def test_a_move_is_a_rename(site: Site) -> None:
    site.deliver()
    result_of(site.store().create("Other", ""))
    site.disk.calls.clear()
    result_of(site.store().copy(site.mailbox(), [1], "Other", True))
    methods = [method for method, path in site.disk.calls if ",U=" in path or path.endswith("/new")]
    assert methods == ["rename", "sync_folder", "sync_folder"]


def test_one_message_for_several_mailboxes_is_one_file(site: Site) -> None:
    result_of(site.store().create("Lists", ""))
    site.place(MESSAGE, ToMailbox(ANN), ToMailbox(BOB), ToMailbox(ANN, "Lists", frozenset({"\\Seen"})))
    paths = [
        site.folder() / "new" / site.files("new")[0],
        site.folder(account=BOB) / "new" / site.files("new", account=BOB)[0],
        site.folder("Lists") / "cur" / site.files("cur", "Lists")[0],
    ]
    assert {os.stat(path).st_ino for path in paths} == {os.stat(paths[0]).st_ino}
    assert seen(site.mailbox("Lists")) == {1: {"\\Seen"}}
    assert octets(site.mailbox(account=BOB), 1).endswith(MESSAGE)


def test_one_message_reaches_several_mailboxes_without_hard_links(site: Site) -> None:
    site.disk.fails_at = ("link", "")
    site.place(MESSAGE, ToMailbox(ANN), ToMailbox(BOB), ToMailbox(ANN))
    for account, uids in ((ANN, [1, 2]), (BOB, [1])):
        inbox = site.mailbox(account=account)
        assert list(seen(inbox)) == uids
        assert all(octets(inbox, uid).endswith(MESSAGE) for uid in uids)


def test_messages_are_copied_and_moved_without_hard_links(site: Site) -> None:
    large = MESSAGE + b"0123456789" * 60_000 + b"\r\n"
    site.place(large, ToMailbox(ANN))
    site.deliver()
    result_of(site.store().create("Other", ""))
    inbox, other = site.mailbox(), site.mailbox("Other")
    site.disk.fails_at = ("link", "")
    site.disk.calls.clear()
    result_of(site.store().copy(inbox, [1], "Other", False))
    result_of(site.store().copy(inbox, [2], "Other", True))
    assert durable_after(site.disk, "/Maildir") == []
    assert len(seen(inbox)) == 1
    assert list(seen(other)) == [1, 2]
    assert octets(other, 1) == octets(inbox, 1)
    assert octets(other, 1).endswith(large)
    dates = [result_of(box.fetch([1], ["date"])).columns for box in (inbox, other)]
    assert dates[0] == dates[1]
    assert site.files("tmp", "Other") == []


def nothing_is_there(site: Site) -> bool:
    site.disk.fails_at = None  # type: ignore[attr-defined]
    files = [site.files(inside, account=account) for inside in ("new", "cur", "tmp") for account in (ANN, BOB)]
    rows = [list(seen(site.mailbox(account=account))) for account in (ANN, BOB)]
    return not any(files) and not any(rows)


@pytest.mark.parametrize(
    ("method", "where"),
    [
        ("write_new", "/tmp/"),
        ("link write_new", "bob/Maildir/new"),
        ("rename", "ann/Maildir/new"),
        ("sync_folder", "ann/Maildir/new"),
        ("sync_folder", "bob/Maildir/new"),
        ("replace", "bob/Maildir/mailsuite-uidvalidity"),
    ],
)
def test_all_recipients_or_none(site: Site, method: str, where: str) -> None:
    for account in (ANN, BOB):
        site.mailbox(account=account)
    site.disk.fails_at = (method, where)
    with pytest.raises(Temporary):
        site.place(MESSAGE, ToMailbox(ANN), ToMailbox(BOB))
    assert nothing_is_there(site)
    site.place(MESSAGE, ToMailbox(ANN), ToMailbox(BOB))
    assert len(seen(site.mailbox())) == len(seen(site.mailbox(account=BOB))) == 1


def test_a_full_mailbox_refuses_for_all(site: Site) -> None:
    site.mailbox()
    site.accounts[BOB] = Account(BOB, quota_bytes=10)
    with pytest.raises(OverQuota):
        site.place(MESSAGE, ToMailbox(ANN), ToMailbox(BOB))
    assert nothing_is_there(site)


def test_room_is_kept_while_a_message_is_written(site: Site) -> None:
    site.accounts[ANN] = Account(ANN, quota_messages=2)
    placed = [site.placements(MESSAGE + b"x" * 300_000, [ToMailbox(ANN)]) for _ in range(3)]
    for each in placed[:2]:
        prepare(each)
    with pytest.raises(OverQuota):
        prepare(placed[2])
    placed[1][0].undo()
    prepare(placed[2])
    assert place_all(site.disk, [placed[0], placed[2]]) == [None, None]
    with pytest.raises(OverQuota):
        site.deliver()
    assert len(seen(site.mailbox())) == 2


def test_a_mailbox_that_does_not_exist_takes_nothing(site: Site) -> None:
    site.mailbox(account=BOB)
    with pytest.raises(NotFound):
        site.place(MESSAGE, ToMailbox(ANN), ToMailbox(BOB, "None"))
    assert nothing_is_there(site)


def test_a_mailbox_deleted_meanwhile_takes_nothing(site: Site) -> None:
    result_of(site.store().create("Old", ""))
    placed = site.placements(MESSAGE + b"x" * 300_000, [ToMailbox(ANN, "Old")])
    prepare(placed)
    result_of(site.store().delete("Old"))
    [error] = place_all(site.disk, [placed])
    assert isinstance(error, NotFound)


def test_a_mailbox_renamed_meanwhile_takes_it_under_its_new_name(site: Site) -> None:
    result_of(site.store().create("Old", ""))
    placed = site.placements(MESSAGE + b"x" * 300_000, [ToMailbox(ANN, "Old")])
    prepare(placed)
    result_of(site.store().rename("Old", "New"))
    assert place_all(site.disk, [placed]) == [None]
    assert list(seen(site.mailbox("New"))) == [1]


@pytest.mark.parametrize("name", ["nobody", "@example.org", "a@", "x" * 300 + "@example.org"])
def test_what_is_no_account_is_refused(site: Site, name: str) -> None:
    with pytest.raises(InvalidName):
        site.placements(MESSAGE, [ToMailbox(name)])
    failure_of(site.stores.open(name), InvalidName)


def test_a_failed_flag_change_is_seen_as_the_disk_has_it(site: Site) -> None:
    for _ in range(3):
        site.deliver()
    inbox = site.mailbox()
    result_of(inbox.snapshot(True))
    site.disk.fails_at = ("rename", ",U=2:2,S")
    failure_of(inbox.store([1, 2, 3], FlagOp.ADD, frozenset({"\\Seen"}), None), Temporary)
    assert seen(inbox) == {1: set(), 2: set(), 3: set()}


def test_a_failed_copy_leaves_nothing(site: Site) -> None:
    for _ in range(3):
        site.deliver()
    result_of(site.store().create("Other", ""))
    inbox, other = site.mailbox(), site.mailbox("Other")
    for where in (("link write_new", "U=2"), ("sync_folder", ".Other/new"), ("rename", ",U=8")):
        site.disk.fails_at = where
        failure_of(site.store().copy(inbox, [1, 2, 3], "Other", where[0] == "rename"), Temporary)
        site.disk.fails_at = None
        assert seen(other) == {}
        assert len(seen(inbox)) == 3
        assert site.files("new", "Other") == site.files("tmp", "Other") == []


def test_threads_deliver_side_by_side_while_sessions_look(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    inboxes = [site.mailbox(account=account) for account in (ANN, BOB)]
    snapshots = [result_of(inbox.snapshot(False)) for inbox in inboxes]
    watches = [inbox.watch(snapshot.at, lambda: None) for inbox, snapshot in zip(inboxes, snapshots, strict=True)]
    batches = [
        [site.placements(MESSAGE, [ToMailbox(ANN), ToMailbox(BOB)][:: 1 if number % 2 else -1]) for _ in range(15)]
        for number in range(4)
    ]
    errors: list[BaseException] = []

    def work(batch: list[Any]) -> None:
        try:
            for placed in batch:
                place(site.disk, placed)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for inbox in inboxes:
            result_of(inbox.look())
            result_of(inbox.store([1], FlagOp.ADD, frozenset({"\\Seen"}), None))
    for thread in threads:
        thread.join()
    assert errors == []
    for inbox, watch in zip(inboxes, watches, strict=True):
        arrived = [uid for change in watch.take() if hasattr(change, "recent") for uid in change.uids]
        assert arrived == list(range(1, 61)) == list(seen(inbox))


def test_what_the_index_cannot_be_told_now_is_found_by_a_look_and_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path / "site")
    inbox = site.mailbox()

    def refuse(*_: object) -> None:
        raise Temporary("the journal takes nothing")

    with monkeypatch.context() as patched, capturedLogs() as logged:
        patched.setattr(Folder, "add", refuse)
        site.deliver()
    [event] = logged
    assert "log_failure" not in event
    assert formatEvent(event).endswith("looking again: the journal takes nothing")
    result_of(inbox.look())
    assert len(seen(inbox)) == 1
