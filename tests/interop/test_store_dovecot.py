"""Dovecot on our Maildirs: it reads what we stored, and we see what it does while we are open."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dovecot import Dovecot
from twisted.internet.task import Clock

from mailsuite.disk.placement import place
from mailsuite.disk.real import RealDisk
from mailsuite.disk.spool import Spool
from mailsuite.model import INBOX, Address, Envelope, FlagOp, Flags, ToMailbox
from mailsuite.offload import Inline
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.memory_store import EPOCH
from mailsuite.testing.results import result_of

ANN = "ann@example.org"
MESSAGE = "From: ann@example.org\r\nSubject: über\r\nX-Number: {}\r\n\r\n" + "line\r\n" * 500


class Site:
    def __init__(self, base: Path) -> None:
        clock = Clock()
        clock.advance(EPOCH)
        self._spool = Spool(str(base / "spool"), Inline())
        self._spool.clean()
        self.stores = MaildirStores(str(base / "store"), RealDisk(), Inline(), clock, "mail.example.org")
        self.store: Any = result_of(self.stores.open(ANN))
        self.maildir = base / "store" / "example.org" / "ann" / "Maildir"

    def deliver(self, number: int, name: str = INBOX, flags: Flags = frozenset()) -> None:
        draft = self._spool.draft()
        draft.write(MESSAGE.format(number).encode())
        envelope = Envelope("1", Address("bob", "example.com"), (), EPOCH)
        placed = self.stores.placements([ToMailbox(ANN, name, flags)], envelope, b"", result_of(draft.content()))
        place(RealDisk(), placed)

    def numbers(self, mailbox: Any) -> dict[str, tuple[int, set[str]]]:
        """X-Number -> UID and flags."""
        fetched = result_of(mailbox.fetch(result_of(mailbox.snapshot(False)).uids, ["header", "flags"]))
        return {
            each.items[0].split(b"X-Number: ")[1].split(b"\r\n")[0].decode(): (each.uid, set(each.items[1]))
            for each in fetched
        }


@pytest.fixture
def base() -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="mailsuite-dovecot"))  # pytest's own folders are closed to other users
    yield base
    shutil.rmtree(base)


@pytest.fixture
def site(base: Path) -> Iterator[Site]:
    site = Site(base)
    yield site
    result_of(site.stores.close())


@pytest.fixture
def dovecot(program: Callable[[str], str], base: Path, site: Site) -> Dovecot:
    return Dovecot(program("doveadm"), base, site.maildir)


def test_dovecot_reads_mailboxes_messages_flags_and_subscriptions(site: Site, dovecot: Dovecot) -> None:
    for name in ("a.b/c", "Entwürfe", "~x", "back\\slash", "a&b"):
        result_of(site.store.create(name, ""))
    result_of(site.store.subscribe("a.b/c", True))
    for number in range(3):
        site.deliver(number)
    site.deliver(3, "a.b/c", frozenset({"\\Flagged"}))
    result_of(result_of(site.store.open(INBOX)).store([2], FlagOp.ADD, frozenset({"\\Seen"}), None))

    assert sorted(dovecot("mailbox", "list")) == sorted([INBOX, "a.b", "a.b/c", "Entwürfe", "~x", "back\\slash", "a&b"])
    assert dovecot("mailbox", "list", "-s") == ["a.b/c"]
    fetched = dovecot("-f", "flow", "fetch", "hdr.x-number flags size.virtual", "mailbox", INBOX)
    size = len(MESSAGE.format(0).encode()) + len("Return-Path: <bob@example.com>\r\n")
    assert sorted(line.replace(" \\Recent", "").replace("\\Recent", "") for line in fetched) == [
        f"hdr.x-number=0 flags= size.virtual={size}",
        f"hdr.x-number=1 flags=\\Seen size.virtual={size}",
        f"hdr.x-number=2 flags= size.virtual={size}",
    ]
    assert "flags=\\Flagged" in dovecot("-f", "flow", "fetch", "flags", "mailbox", "a.b/c")[0]
    assert len(dovecot("fetch", "text", "mailbox", INBOX, "header", "x-number", "2")) > 500


def test_we_see_what_dovecot_does(site: Site, dovecot: Dovecot) -> None:
    for number in range(4):
        site.deliver(number)
    inbox = result_of(site.store.open(INBOX))
    assert [uid for uid, _ in site.numbers(inbox).values()] == [1, 2, 3, 4]

    dovecot("flags", "add", "\\Answered \\Seen", "mailbox", INBOX, "header", "x-number", "1")
    dovecot("expunge", "mailbox", INBOX, "header", "x-number", "2")
    dovecot("mailbox", "create", "Made/by.Dovecot")
    dovecot("mailbox", "subscribe", "Made/by.Dovecot")
    dovecot("copy", "Made/by.Dovecot", "mailbox", INBOX, "header", "x-number", "3")

    assert site.numbers(inbox) == {"0": (1, set()), "1": (2, {"\\Answered", "\\Seen"}), "3": (4, set())}
    made = result_of(site.store.open("Made/by.Dovecot"))
    assert list(site.numbers(made)) == ["3"]
    assert [info.name for info in result_of(site.store.list()) if info.subscribed] == ["Made/by.Dovecot"]
    site.deliver(5)
    assert list(site.numbers(inbox)) == ["0", "1", "3", "5"]
    assert sorted(dovecot("-f", "flow", "fetch", "hdr.x-number", "mailbox", INBOX)) == [
        f"hdr.x-number={number}" for number in (0, 1, 3, 5)
    ]
