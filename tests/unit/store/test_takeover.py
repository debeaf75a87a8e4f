"""A folder from another server keeps its UIDs, keywords and subscriptions, whatever happens during the first look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from maildir_site import MESSAGE, Site, name_of, octets, seen

from mailsuite.disk.real import RealDisk
from mailsuite.errors import Temporary
from mailsuite.model import FlagOp
from mailsuite.testing.results import result_of

UIDLIST = """3 V1600000000 N90 G0123
7 :9.b.host,S=42,W=46:2,
11 W46 :8.a.host:2,S
40 :7.gone.host
80 :6.c.host,S=42
"""


def dovecot(site: Site) -> Path:
    """A Maildir with UIDs that are not in the order of the names, and a message that Dovecot never saw."""
    folder = site.folder()
    for each in ("new", "cur", "tmp", ".Sent/new", ".Sent/cur"):
        (folder / each).mkdir(parents=True)
    (folder / "dovecot-uidlist").write_text(UIDLIST)
    (folder / "dovecot-keywords").write_text("0 $Forwarded\n1 NonJunk\n")
    (folder / "subscriptions").write_text("V\t2\n\nSent\n")
    (folder / "cur" / "8.a.host:2,RSa").write_bytes(MESSAGE)
    (folder / "cur" / "9.b.host,S=42,W=46:2,b").write_bytes(MESSAGE)
    (folder / "new" / "6.c.host,S=42").write_bytes(MESSAGE)
    (folder / "new" / "5.late.host").write_bytes(MESSAGE)
    (folder / "cur" / "4.stray.host,U=11:2,T").write_bytes(MESSAGE)
    return folder


TAKEN = {
    7: {"NonJunk"},
    11: {"\\Answered", "\\Seen", "$Forwarded"},
    80: set(),
    90: {"\\Deleted"},
    91: set(),
}


def test_dovecots_uids_flags_and_keywords_stay(site: Site) -> None:
    dovecot(site)
    inbox = site.mailbox()
    assert seen(inbox) == TAKEN
    snapshot = result_of(inbox.snapshot(False))
    assert (snapshot.uidvalidity, snapshot.uidnext) == (1600000000, 92)
    assert name_of(inbox, 11) == f"{11:08x}{1600000000:08x}"
    assert [octets(inbox, uid) for uid in TAKEN] == [MESSAGE] * len(TAKEN)
    assert sorted(snapshot.keywords) == ["$Forwarded", "NonJunk"]
    assert [info.name for info in result_of(site.store().list()) if info.subscribed] == ["Sent"]
    result_of(inbox.store([11], FlagOp.REMOVE, frozenset({"$Forwarded"}), None))
    assert seen(inbox)[11] == {"\\Answered", "\\Seen"}


def test_modseq_begins_above_what_the_other_server_can_have_given(site: Site) -> None:
    dovecot(site)
    assert result_of(site.mailbox().snapshot(False)).highestmodseq >= int(site.clock.seconds())
    assert result_of(site.mailbox("Sent").snapshot(False)).highestmodseq < 10


def test_nothing_moves_on_later_looks(site: Site) -> None:
    dovecot(site)
    assert seen(site.mailbox()) == TAKEN
    for keeps_index in (True, False):
        result_of(site.stores.close())
        if not keeps_index:
            site.without_index()
        site.start()
        assert seen(site.mailbox()) == TAKEN
        assert result_of(site.mailbox().snapshot(False)).uidvalidity == 1600000000


def test_no_other_mailbox_gets_its_uidvalidity(site: Site) -> None:
    folder = dovecot(site)
    (folder / "dovecot-uidlist").rename(folder / ".Sent" / "dovecot-uidlist")
    site.clock.advance(1599999999 - site.clock.seconds())
    assert result_of(site.mailbox().snapshot(False)).uidvalidity == 1599999999
    assert result_of(site.mailbox("Sent").snapshot(False)).uidvalidity == 1600000000
    result_of(site.store().create("Fresh", ""))
    assert result_of(site.mailbox("Fresh").snapshot(False)).uidvalidity == 1600000001


def test_a_list_is_not_believed_twice(site: Site) -> None:
    """Its numbers are old once we counted on from them."""
    folder = dovecot(site)
    inbox = site.mailbox()
    site.deliver()
    result_of(inbox.expunge([92]))
    result_of(site.stores.close())
    site.without_index()
    (folder / "mailsuite-uidvalidity").unlink()
    site.start()
    assert result_of(site.mailbox().snapshot(False)).uidvalidity > 1600000000


def test_a_list_that_cannot_be_read_costs_the_uids_only(site: Site) -> None:
    folder = dovecot(site)
    (folder / "dovecot-uidlist").write_text("3 V1600000000\n7 :9.b.host\n")
    found = seen(site.mailbox())
    assert sorted(map(sorted, found.values())) == sorted(map(sorted, TAKEN.values()))
    assert result_of(site.mailbox().snapshot(False)).uidvalidity != 1600000000


class Failing(RealDisk):
    """Fails at its ``at``-th change, and at all later ones."""

    at = 1 << 30

    def __getattribute__(self, method: str) -> Any:
        found = super().__getattribute__(method)
        if method not in ("rename", "replace", "sync_folder"):
            return found

        def call(*args: Any) -> Any:
            self.at -= 1
            if self.at < 0:
                raise Temporary("the power is gone")
            return found(*args)

        return call


def known(found: dict[int, set[str]], uidnext: int) -> dict[int, set[str]]:
    """Those the other server had given a UID; the others' may jump when a block of them was reserved in vain."""
    return {uid: flags for uid, flags in found.items() if uid < uidnext}


@pytest.mark.parametrize("server", ["dovecot", "courier"])
def test_a_takeover_that_was_cut_short_is_done_again(tmp_path: Path, server: str) -> None:
    fill, expected, uidvalidity, uidnext = {
        "dovecot": (dovecot, TAKEN, 1600000000, 90), "courier": (courier, COURIERS, 700000000, 6),
    }[server]  # fmt: skip
    for at in range(100):
        disk = Failing()
        site = Site(tmp_path / f"site{at}", disk)
        fill(site)
        disk.at = at
        try:
            result_of(site.stores.open("ann@example.org"))
        except Temporary:
            site = Site(tmp_path / f"site{at}")
            found = seen(site.mailbox())
            assert known(found, uidnext) == known(expected, uidnext)
            assert sorted(map(sorted, found.values())) == sorted(map(sorted, expected.values()))
            assert result_of(site.mailbox().snapshot(False)).uidvalidity == uidvalidity
        else:
            assert at > 8
            return
    raise AssertionError("it never ended")


# -- Courier -------------------------------------------------------------------------------------------------------


def courier(site: Site) -> Path:
    folder = site.folder()
    for each in ("new", "cur", "tmp", "courierimapkeywords", ".Sent/new", ".Sent/cur"):
        (folder / each).mkdir(parents=True)
    (folder / "courierimapuiddb").write_text("1 700000000 6\n2 9.b.host,S=42\n5 8.a.host,S=42\n")
    (folder / "courierimapsubscribed").write_text("INBOX\nINBOX.Sent\n")
    many = [f"K{number:02}" for number in range(30)]
    (folder / "courierimapkeywords" / ":list").write_text(
        "\n".join(["NonJunk", *many]) + "\n\n9.b.host,S=42:0 1 30\n8.a.host,S=42:3\n"
    )
    (folder / "courierimapkeywords" / ".1.8.a.host,S=42").write_text("NonJunk\n")
    (folder / "cur" / "9.b.host,S=42:2,F").write_bytes(MESSAGE)
    (folder / "new" / "8.a.host,S=42").write_bytes(MESSAGE)
    (folder / "cur" / "7.c.host:2,S").write_bytes(MESSAGE)
    return folder


COURIERS = {2: {"\\Flagged", "NonJunk", "K00", "K29"}, 5: {"NonJunk"}, 6: {"\\Seen"}}


def test_couriers_uids_flags_keywords_and_subscriptions_stay(site: Site) -> None:
    courier(site)
    inbox = site.mailbox()
    assert seen(inbox) == COURIERS
    assert result_of(inbox.snapshot(False)).uidvalidity == 700000000
    assert {info.name for info in result_of(site.store().list()) if info.subscribed} == {"INBOX", "Sent"}
    result_of(site.store().subscribe("Sent", False))
    assert {info.name for info in result_of(site.store().list()) if info.subscribed} == {"INBOX"}


def test_dovecot_comes_before_courier(site: Site) -> None:
    """It is what a Maildir of Courier's was turned over to."""
    folder = dovecot(site)
    (folder / "courierimapuiddb").write_text("1 700000000 6\n2 9.b.host\n")
    assert seen(site.mailbox()) == TAKEN
