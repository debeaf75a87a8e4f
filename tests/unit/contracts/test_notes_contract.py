"""What every INotes does: the double, and the one beside a Maildir."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailsuite.disk.real import RealDisk
from mailsuite.errors import NotAllowed, NotFound, TooMany, Unsupported
from mailsuite.interfaces import INotes
from mailsuite.model import INBOX, FlagOp
from mailsuite.offload import Inline
from mailsuite.store.maildir import MaildirStores
from mailsuite.testing.memory_store import EPOCH, MemoryStores
from mailsuite.testing.results import failure_of, result_of

ANN, BOB = "ann@example.org", "bob@example.org"


def memory(folder: Path) -> Any:
    return MemoryStores()


def maildir(folder: Path) -> Any:
    clock = Clock()
    clock.advance(EPOCH)
    return MaildirStores(str(folder), RealDisk(), Inline(), clock, "mail.example.org")


@pytest.fixture(params=[memory, maildir])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return result_of(request.param(tmp_path).open(ANN))


def seen(store: Any, name: str = INBOX, user: str = ANN) -> dict[str, bytes]:
    return dict(result_of(store.notes.annotations(name, user)))


def test_is_an_inotes(store: Any) -> None:
    assert verifyObject(INotes, store.notes)


def test_private_annotations_are_their_users_alone(store: Any) -> None:
    result_of(store.notes.annotate(INBOX, ANN, {"/private/a": b"ann's", "/shared/a": b"all"}, ()))
    result_of(store.notes.annotate(INBOX, BOB, {"/private/a": b"bob's"}, ("/shared/nothing",)))
    assert seen(store) == {"/private/a": b"ann's", "/shared/a": b"all"}
    assert seen(store, user=BOB) == {"/private/a": b"bob's", "/shared/a": b"all"}
    result_of(store.notes.annotate(INBOX, BOB, {}, ("/private/a", "/shared/a")))
    assert seen(store) == {"/private/a": b"ann's"}
    assert seen(store, user=BOB) == seen(store, "") == {}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.text(st.characters(min_codepoint=0x1A, max_codepoint=0x7E, exclude_characters="*%/"), min_size=1),
    value=st.binary(),
)
def test_keeps_any_name_and_any_octets(store: Any, name: str, value: bytes) -> None:
    entry = f"/private/{name}".lower()
    result_of(store.notes.annotate("", ANN, {entry: value}, ()))
    assert seen(store, "")[entry] == value
    result_of(store.notes.annotate("", ANN, {}, (entry,)))
    assert seen(store, "") == {}


def test_keeps_so_many_and_changes_nothing_when_that_is_too_few(store: Any) -> None:
    full = {f"/shared/{number}": b"x" for number in range(100)}
    result_of(store.notes.annotate(INBOX, ANN, full, ()))
    failure_of(store.notes.annotate(INBOX, ANN, {"/shared/0": b"y", "/shared/more": b"x"}, ("/private/a",)), TooMany)
    assert seen(store) == full
    result_of(store.notes.annotate(INBOX, ANN, {"/shared/more": b"x", "/private/own": b"x"}, ("/shared/0",)))
    assert len(seen(store)) == 101


def test_all_users_together_keep_so_many(store: Any) -> None:
    full = {f"/private/{number}": b"x" for number in range(100)}
    for number in range(10):
        result_of(store.notes.annotate(INBOX, f"user{number}@example.org", full, ()))
    failure_of(store.notes.annotate(INBOX, BOB, {"/private/a": b"x"}, ()), TooMany)
    result_of(store.notes.annotate(INBOX, "user1@example.org", {"/private/1": b"y"}, ("/private/2",)))
    result_of(store.notes.annotate(INBOX, BOB, {"/private/a": b"x"}, ()))


def test_they_go_along_and_away_with_the_mailbox(store: Any) -> None:
    result_of(store.create("Work", ""))
    result_of(store.notes.annotate("Work", ANN, {"/shared/a": b"x"}, ()))
    result_of(store.rename("Work", "Job"))
    assert seen(store, "Job") == {"/shared/a": b"x"}
    failure_of(store.notes.annotations("Work", ANN), NotFound)
    result_of(store.delete("Job"))
    failure_of(store.notes.annotate("Job", ANN, {"/shared/a": b"x"}, ()), NotFound)
    result_of(store.create("Job", ""))
    assert seen(store, "Job") == {}
    result_of(store.notes.annotate(INBOX, ANN, {"/shared/a": b"x"}, ()))
    result_of(store.rename(INBOX, "Past"))
    assert seen(store, "Past") == seen(store) == {"/shared/a": b"x"}


def test_the_special_use_is_the_mailboxs_own(store: Any) -> None:
    result_of(store.create("Work", "\\Sent"))
    assert seen(store, "Work") == {"/private/specialuse": b"\\Sent"}
    assert seen(store, "Work", BOB) == {}
    result_of(store.notes.annotate("Work", ANN, {"/private/specialuse": b"\\junk  \\Drafts"}, ()))
    assert [info.special_use for info in result_of(store.list())] == ["", "\\Drafts \\Junk"]
    failure_of(
        store.notes.annotate("Work", ANN, {"/private/specialuse": b"\\All", "/private/a": b"x"}, ()), Unsupported
    )
    failure_of(store.notes.annotate("Work", BOB, {}, ("/private/specialuse",)), Unsupported)
    assert seen(store, "Work") == {"/private/specialuse": b"\\Drafts \\Junk"}
    result_of(store.notes.annotate("Work", ANN, {}, ("/private/specialuse",)))
    assert seen(store, "Work") == {}


# -- access --------------------------------------------------------------------------------------------------------

GUEST = "größe@example.org"


def test_an_access_list_gives_and_takes_rights(store: Any) -> None:
    notes = store.notes
    assert notes.owner(INBOX) == ANN
    assert result_of(notes.rights(INBOX, ANN)) == "lrswipkxtea"
    assert result_of(notes.rights(INBOX, GUEST)) == ""
    result_of(notes.permit(INBOX, GUEST, FlagOp.REPLACE, "wrl"))
    result_of(notes.permit(INBOX, GUEST, FlagOp.ADD, "sd"))
    result_of(notes.permit(INBOX, "anyone", FlagOp.ADD, "p"))
    result_of(notes.permit(INBOX, GUEST, FlagOp.REMOVE, "w"))
    result_of(notes.permit(INBOX, f"-{GUEST}", FlagOp.REPLACE, "e"))
    assert result_of(notes.access(INBOX)) == {GUEST: "lrste", "anyone": "p", f"-{GUEST}": "e"}
    assert result_of(notes.rights(INBOX, GUEST)) == "lrspt"
    assert result_of(notes.rights(INBOX, BOB)) == "p"
    result_of(notes.permit(INBOX, GUEST, FlagOp.REPLACE, ""))
    assert result_of(notes.rights(INBOX, GUEST)) == "p"
    failure_of(notes.permit(INBOX, ANN, FlagOp.REPLACE, "l"), NotAllowed)
    failure_of(notes.permit(INBOX, f"-{ANN}", FlagOp.ADD, "l"), NotAllowed)
    failure_of(notes.permit("Nowhere", BOB, FlagOp.ADD, "l"), NotFound)
    failure_of(notes.rights("Nowhere", ANN), NotFound)


def test_an_access_list_is_bounded(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailsuite.store.access.MAX_IDENTIFIERS", 2)
    for name in ("anyone", BOB):
        result_of(store.notes.permit(INBOX, name, FlagOp.ADD, "l"))
    failure_of(store.notes.permit(INBOX, GUEST, FlagOp.ADD, "l"), TooMany)
    result_of(store.notes.permit(INBOX, BOB, FlagOp.ADD, "r"))


def test_access_lists_are_inherited_and_go_along(store: Any) -> None:
    result_of(store.create("Work", ""))
    result_of(store.notes.permit("Work", BOB, FlagOp.ADD, "lr"))
    result_of(store.create("Work/a/b", ""))
    result_of(store.rename("Work/a", "Job"))
    result_of(store.create("Other", ""))
    assert result_of(store.notes.accesses()) == {name: {BOB: "lr"} for name in ("Work", "Job", "Job/b")}


def test_a_private_annotation_of_anybody_is_kept(store: Any) -> None:
    result_of(store.notes.annotate(INBOX, GUEST, {"/private/a": b"x"}, ()))
    assert seen(store, user=GUEST) == {"/private/a": b"x"}


@pytest.mark.parametrize("make", [memory, maildir])
def test_tells_who_shares(make: Any, tmp_path: Path) -> None:
    stores = make(tmp_path)
    ann, bob, guest = (result_of(stores.open(name)).notes for name in (ANN, BOB, GUEST))
    assert result_of(bob.sharers()) == []
    result_of(ann.permit(INBOX, BOB, FlagOp.ADD, "l"))
    result_of(guest.permit(INBOX, "anyone", FlagOp.ADD, "l"))
    assert result_of(bob.sharers()) == sorted([ANN, GUEST])
    assert result_of(ann.sharers()) == [GUEST]
    result_of(ann.permit(INBOX, BOB, FlagOp.REMOVE, "l"))
    assert result_of(bob.sharers()) == [GUEST]
