"""Mailboxes of real accounts on disk, shared: what the dialogues show of the double, and what only files can show."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.errors import NotAllowed, NotFound, OverQuota, TooMany
from mailsuite.interfaces import IMailbox, IMailStore, IMailStores, INotes
from mailsuite.model import INBOX, Account, FlagOp, Flags, MailboxMade, Vanished
from mailsuite.offload import Inline
from mailsuite.sharing.stores import SharingStores
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.memory_store import EPOCH
from mailsuite.testing.results import failure_of, result_of

ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@example.org"
SHARED = f"Other Users/{ANN}/{INBOX}"
MESSAGE = b"Subject: x\r\n\r\nHello\r\n"


class Site:
    """Ann's and Bob's mail, as each sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.limits: dict[str, Account] = {}
        self.spool = Spool(str(folder / "spool"), Inline(), memory_limit=100)
        self.spool.clean()
        self.start()

    def start(self) -> None:
        clock = Clock()
        clock.advance(EPOCH)
        self.raw = MaildirStores(
            *(str(self.folder / "store"), RealDisk(), Inline(), clock, "mail.example.org"),
            lambda name: self.limits.get(name, Account(name)),
        )
        self.stores = SharingStores(self.raw, "Other Users", self.spool.draft)

    def store(self, user: str) -> Any:
        return result_of(self.stores.open(user))

    def append(self, user: str, name: str, octets: bytes = MESSAGE, flags: Flags = frozenset()) -> Any:
        draft = self.spool.draft()
        draft.write(octets)
        return result_of(self.store(user).append(name, [(draft, flags, 1_600_000_000.0)]))

    def permit(self, rights: str, name: str = INBOX) -> None:
        result_of(self.store(ANN).notes.permit(name, BOB, FlagOp.REPLACE, rights))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def listed(site: Site, user: str) -> list[str]:
    return [info.name for info in result_of(site.store(user).list())]


def test_one_name_is_listed_as_among_all(site: Site) -> None:
    result_of(site.store(ANN).create("Work/Plans", ""))
    site.permit("l", "Work/Plans")
    site.permit("lr")
    store = site.store(BOB)
    result_of(store.create("Own", ""))
    result_of(store.subscribe("Other Users/ann@example.org/Gone", True))
    every = {info.name: info for info in result_of(store.list())}
    assert len(every) == 8
    nowhere = ("nowhere", "Other Users/nobody@example.org/x", "Other Users/ann@example.org/Other", "Other")
    for name in (*every, *nowhere):
        assert list(result_of(store.list(name))) == ([every[name]] if name in every else [])


def rows(mailbox: Any) -> list[tuple[object, ...]]:
    uids = result_of(mailbox.snapshot(False)).uids
    return [row.items for row in result_of(mailbox.fetch(uids, ["flags", "date", "size", "emailid"]))]


def test_everything_is_what_the_seams_say(site: Site) -> None:
    site.permit("lr")
    store = site.store(BOB)
    assert verifyObject(IMailStores, site.stores)
    assert verifyObject(IMailStore, store)
    assert verifyObject(INotes, store.notes)
    assert verifyObject(IMailbox, result_of(store.open(SHARED)))


def test_being_let_in_by_another_program_is_found(site: Site) -> None:
    """``mailsuite share set``, beside the running server."""
    watch = result_of(site.store(BOB).watch(lambda: None))
    program = MaildirStores(str(site.folder / "store"), RealDisk(), Inline(), Clock(), "mail.example.org")
    result_of(result_of(program.open(ANN)).notes.permit(INBOX, BOB, FlagOp.REPLACE, "lr"))
    assert list(result_of(watch.take())) == []
    result_of(watch.look())
    assert list(result_of(watch.take())) == [MailboxMade(SHARED)]


def test_an_owner_who_is_gone_hides_no_other(site: Site) -> None:
    site.permit("lr")
    watch = result_of(site.store(BOB).watch(lambda: None))
    program = MaildirStores(str(site.folder / "store"), RealDisk(), Inline(), Clock(), "mail.example.org")
    result_of(result_of(program.open(EVE)).notes.permit(INBOX, BOB, FlagOp.REPLACE, "lr"))
    shutil.rmtree(site.folder / "store/example.org/ann")
    result_of(watch.look())
    assert MailboxMade(f"Other Users/{EVE}/{INBOX}") in result_of(watch.take())


def test_copies_between_accounts_are_whole(site: Site) -> None:
    large = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 60_000
    site.append(ANN, INBOX, MESSAGE, frozenset({"\\Seen", "Work"}))
    site.append(ANN, INBOX, large, frozenset({"\\Deleted"}))
    site.permit("lr")
    store = site.store(BOB)
    shared = result_of(store.open(SHARED))
    copied = result_of(store.copy(shared, [1, 2, 7], INBOX, False))
    assert (copied.sources, copied.targets) == ((1, 2), (1, 2))
    assert rows(result_of(store.open(INBOX))) == rows(shared)
    failure_of(store.copy(shared, [1], INBOX, True), NotAllowed)
    site.permit("lrte")
    assert result_of(store.copy(shared, [2], INBOX, True)).sources == (2,)
    assert len(rows(shared)) == 1
    assert result_of(store.copy(shared, [2], INBOX, True)).sources == ()


def test_a_copy_that_finds_no_room_leaves_everything_as_it_was(site: Site) -> None:
    for _ in range(3):
        site.append(ANN, INBOX)
    site.permit("lrte")
    site.limits[BOB] = Account(BOB, quota_messages=2)
    store = site.store(BOB)
    shared = result_of(store.open(SHARED))
    failure_of(store.copy(shared, [1, 2, 3], INBOX, True), OverQuota)
    assert len(rows(shared)) == 3
    assert rows(result_of(store.open(INBOX))) == []
    failure_of(store.copy(shared, range(1, 1002), INBOX, False), TooMany)


def test_copies_within_the_owners_account_keep_only_permitted_flags(site: Site) -> None:
    site.append(ANN, INBOX, flags=frozenset({"\\Seen", "\\Flagged", "\\Deleted"}))
    result_of(site.store(ANN).create("Box", ""))
    site.permit("lr")
    site.permit("liw", "Box")
    store = site.store(BOB)
    result_of(store.copy(result_of(store.open(SHARED)), [1], f"Other Users/{ANN}/Box", False))
    [(flags, *_)] = rows(result_of(site.store(ANN).open("Box")))
    assert flags == {"\\Flagged"}
    site.permit("liwst", "Box")
    result_of(store.copy(result_of(store.open(SHARED)), [1], f"Other Users/{ANN}/Box", False))
    assert rows(result_of(site.store(ANN).open("Box")))[1][0] == {"\\Seen", "\\Flagged", "\\Deleted"}


def test_watches_of_others_hear_what_happens(site: Site) -> None:
    site.append(ANN, INBOX)
    site.permit("lr")
    shared = result_of(site.store(BOB).open(SHARED))
    woken: list[bool] = []
    watch = shared.watch(result_of(shared.snapshot(False)).at, lambda: woken.append(True))
    result_of(result_of(site.store(ANN).open(INBOX)).expunge([1]))
    assert woken == [True]
    assert [type(change) for change in watch.take()] == [Vanished]


def test_shares_outlive_a_restart_and_a_lost_index(site: Site) -> None:
    result_of(site.store(ANN).create("Work", ""))
    site.permit("lr", "Work")
    work = f"Other Users/{ANN}/Work"
    expected = [INBOX, "Other Users", f"Other Users/{ANN}", work]
    assert listed(site, BOB) == expected
    result_of(site.raw.close())
    for index in (site.folder / "store").rglob("index.sqlite*"):
        index.unlink()
    site.start()
    assert listed(site, BOB) == expected
    result_of(site.store(BOB).status(work))


def test_lists_follow_files_that_another_program_changed(site: Site) -> None:
    site.permit("lr")
    assert SHARED in listed(site, BOB)
    maildir = site.folder / "store/example.org/ann/Maildir"
    (maildir / "mailsuite-acl").write_text("bob@example.org r\n")
    assert listed(site, BOB) == [INBOX]
    (maildir / "mailsuite-acl").write_text("nonsense\neve@example.org lrz\n")
    (site.folder / "store/mailsuite-shares").write_text("ann@example.org eve@example.org\n")
    assert SHARED in listed(site, EVE)
    failure_of(site.store(BOB).open(SHARED), NotFound)


def test_an_owner_who_is_gone_is_not_made_anew(site: Site) -> None:
    site.permit("lr")
    result_of(site.raw.close())
    shutil.rmtree(site.folder / "store/example.org/ann")
    site.start()
    assert listed(site, BOB) == [INBOX]
    failure_of(site.store(BOB).open(SHARED), NotFound)
    failure_of(site.store(BOB).open(f"Other Users/{EVE}/INBOX"), NotFound)
    assert not (site.folder / "store/example.org/ann").exists()
    assert not (site.folder / "store/example.org/eve").exists()


def test_what_is_not_there_and_what_is_hidden_fail_alike(site: Site) -> None:
    result_of(site.store(ANN).create("Secret", ""))
    site.permit("lr")
    words = [
        str(failure_of(site.store(BOB).status(f"Other Users/{ANN}/{name}"), NotFound)).replace(name, "NAME")
        for name in ("Secret", "Nothing")
    ]
    assert words[0] == words[1]
