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
from mailsuite.errors import NotFound, TooMany, Unsupported
from mailsuite.interfaces import INotes
from mailsuite.model import INBOX
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
