"""What other programs do is seen at once, and our own work costs no look."""

from __future__ import annotations

import errno
import gc
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from attended import Attended
from maildir_site import ANN, MESSAGE, Site, seen
from twisted.internet.defer import Deferred

from mailsuite.disk.inotify import Ended, Told, events
from mailsuite.disk.placement import record_all
from mailsuite.model import Arrived, FlagOp, FlagsChanged, ToMailbox, Vanished
from mailsuite.store import attention, scan
from mailsuite.store.amounts import USUAL
from mailsuite.store.behind import Behind
from mailsuite.store.folder import Folder
from mailsuite.testing.results import result_of

MAX_NAMES = USUAL.names


@pytest.fixture
def attended(site: Site) -> Attended:
    return Attended(site)


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each look that listed the folder."""
    made: list[str] = []
    listing = scan.listing
    monkeypatch.setattr(scan, "listing", lambda *given: (given[1] and made.append(given[0])) or listing(*given))
    return made


def test_mail_flags_and_removals_of_other_programs_are_heard_at_once(attended: Attended) -> None:
    attended.quietly(lambda folder: (folder / "new" / "5.x.host").write_bytes(MESSAGE))
    assert attended.wait() == [Arrived((1,), (frozenset(),), modseq=2)]
    [name] = attended.site.files("new")
    attended.quietly(lambda folder: (folder / "new" / name).rename(folder / "cur" / f"{name}:2,S"))
    [changed] = attended.wait()
    assert isinstance(changed, FlagsChanged)
    assert changed.flags == (frozenset({"\\Seen"}),)
    attended.quietly(lambda folder: (folder / "cur" / f"{name}:2,S").unlink())
    [vanished] = attended.wait()
    assert isinstance(vanished, Vanished)
    assert vanished.uids == (1,)


def test_nothing_is_heard_before_its_time(attended: Attended) -> None:
    attended.quietly(lambda folder: (folder / "new" / "5.x.host").write_bytes(MESSAGE))
    assert attended.wait(attention.DELAY * 0.9) == []
    assert attended.wait(attention.DELAY * 0.1) != []


def test_our_own_work_costs_no_listing(attended: Attended, listings: list[str]) -> None:
    site, inbox = attended.site, attended.inbox
    for _ in range(5):
        site.deliver()
    assert [change.uids for change in attended.wait()] == [(uid,) for uid in range(1, 6)]
    result_of(inbox.store([2, 3], FlagOp.ADD, frozenset({"\\Seen"}), None))
    attended.wait()
    site.see()
    attended.wait()
    result_of(inbox.expunge([3, 4]))
    result_of(site.store().create("Copies", ""))
    result_of(site.store().copy(inbox, [1], "Copies", False))
    result_of(site.store().copy(inbox, [1], "INBOX", True))
    attended.wait()
    assert seen(inbox).keys() == {2, 5, 6}
    assert [path for path in listings if "Copies" not in path] == []


def test_among_much_work_of_our_own_the_folders_times_decide(
    attended: Attended, listings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    explained = attention.is_explained
    monkeypatch.setattr(
        attention, "is_explained", lambda folder, names: compared.append(len(names)) or explained(folder, names)
    )
    for _ in range(MAX_NAMES + 5):
        attended.site.deliver()
    attended.wait()
    assert listings == []
    attended.site.deliver()
    for _ in range(MAX_NAMES + 5):
        attended.site.deliver()
    attended.site.drop("new", "5.x.host")
    assert len(attended.wait()) == MAX_NAMES + 7
    assert len(listings) == 1
    assert compared == [MAX_NAMES] * 2


def test_other_programs_are_heard_between_our_own_work(attended: Attended) -> None:
    attended.site.deliver()
    attended.quietly(lambda folder: (folder / "cur" / "5.x.host:2,F").write_bytes(MESSAGE))
    attended.site.deliver()
    assert sorted(uid for change in attended.wait() for uid in change.uids) == [1, 2, 3]


def test_what_happened_before_the_watch_began_is_looked_for(attended: Attended) -> None:
    attended.watch.close()
    snapshot = result_of(attended.inbox.snapshot(False))
    attended.site.drop("new", "5.x.host")
    attended.watch = attended.inbox.watch(snapshot.at, lambda: None)
    assert attended.wait() == [Arrived((1,), (frozenset(),), modseq=2)]


def test_hidden_files_cost_nothing(attended: Attended, listings: list[str]) -> None:
    attended.quietly(lambda folder: (folder / "new" / ".hidden").write_bytes(b"x"))
    attended.wait()
    assert listings == []


def test_events_that_were_lost_are_made_up_for(attended: Attended) -> None:
    attended.eyes[0].forget(1)
    attended.eyes[0].forget(2)
    attended.eyes[0]._told = lambda event: None  # as if the kernel's queue had no room
    attended.site.drop("new", "5.x.host")
    assert attended.wait() == []
    attended.inbox._attention._told(attention.Lost())
    assert attended.wait() == [Arrived((1,), (frozenset(),), modseq=2)]


def test_what_comes_during_a_look_is_looked_at_next(attended: Attended, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Deferred[None]] = []
    with monkeypatch.context() as patch:
        patch.setattr(attended.inbox._lane, "run_unasked", lambda *_: looks.append(Deferred()) or looks[-1])
        attended.quietly(lambda folder: (folder / "new" / "5.x.host").write_bytes(MESSAGE))
        attended.wait()
        attended.quietly(lambda folder: (folder / "new" / "6.x.host").write_bytes(MESSAGE))
        attended.wait()
        assert len(looks) == 1
    looks[0].callback(None)
    assert attended.wait() == [Arrived((1, 2), (frozenset(), frozenset()), modseq=3)]


def test_a_mailbox_that_nobody_watches_is_not_followed(attended: Attended, listings: list[str]) -> None:
    assert attended.inbox.prompt
    other = attended.inbox.watch(0, lambda: None)
    attended.watch.close()
    assert attended.inbox.prompt
    other.close()
    attended.wait(attention.LINGER * 0.9)
    assert attended.inbox.prompt, "who selects it again is answered at once"
    attended.wait(attention.LINGER * 0.1)
    assert not attended.inbox.prompt
    attended.site.drop("new", "5.x.host")
    attended.wait()
    assert listings == []
    attended.inbox.watch(0, lambda: None)
    assert attended.inbox.prompt


def test_only_so_many_are_followed_though_nobody_watches_them(
    attended: Attended, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each keeps its account open."""
    monkeypatch.setattr(attention, "MAX_LINGERING", 2)
    names = ["a", "b", "c"]
    for name in names:
        result_of(attended.site.store().create(name, ""))
        result_of(attended.site.mailbox(name).snapshot(True))
    assert [attended.site.mailbox(name).prompt for name in names] == [False, True, True]
    assert attended.inbox.prompt


def test_who_was_followed_once_does_not_keep_the_account_open(attended: Attended) -> None:
    result_of(attended.inbox.snapshot(True))
    account = attended.inbox.folder.account
    attended.watch.close()
    del attended.inbox
    attended.wait(20)
    gc.collect()
    assert not account.users


def test_a_renamed_mailbox_is_still_heard_of(attended: Attended) -> None:
    store = attended.site.store()
    result_of(store.create("Old", ""))
    mailbox = attended.site.mailbox("Old")
    watch = mailbox.watch(result_of(mailbox.snapshot(False)).at, lambda: None)
    result_of(store.rename("Old", "New"))
    attended.wait()
    (attended.site.folder("New") / "cur" / "5.x.host:2,").write_bytes(MESSAGE)
    attended.wait()
    assert [change.uids for change in watch.take()] == [(1,)]


def test_a_mailbox_that_another_program_removed_is_followed_no_more(attended: Attended) -> None:
    result_of(attended.site.store().create("Old", ""))
    mailbox = attended.site.mailbox("Old")
    mailbox.watch(0, lambda: None)
    attended.wait()
    shutil.rmtree(attended.site.folder("Old"))
    attended.wait()
    assert not mailbox.prompt
    assert attended.inbox.prompt


@pytest.mark.parametrize("most", [0, 1])
def test_a_bounded_number_is_followed(attended: Attended, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(attention, "MAX_FOLDERS", 1 + most)
    result_of(attended.site.store().create("Other", ""))
    other = attended.site.mailbox("Other")
    other.watch(0, lambda: None)
    assert other.prompt == bool(most)


def test_a_system_that_tells_nothing_is_asked_once(site: Site) -> None:
    asked = []

    def open_eyes(told: Told) -> Any:
        asked.append(told)
        raise OSError(errno.ENOSYS, "Function not implemented")

    site.open_eyes = open_eyes
    site.restart()
    for _ in range(2):
        site.mailbox().watch(0, lambda: None)
        assert not site.mailbox().prompt
    assert len(asked) == 1


def test_watches_that_run_out_leave_none_half_followed(attended: Attended, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten = []
    eyes = attended.eyes[0]
    watch = eyes.watch

    def full(path: str) -> int:
        if path.endswith("cur"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return watch(path)

    monkeypatch.setattr(eyes, "watch", full)
    monkeypatch.setattr(eyes, "forget", forgotten.append)
    result_of(attended.site.store().create("Other", ""))
    attended.site.mailbox("Other").watch(0, lambda: None)
    assert not attended.site.mailbox("Other").prompt
    assert len(forgotten) == 1


def test_a_closed_store_listens_no_more(attended: Attended, tmp_path: Path) -> None:
    attended.site.drop("new", "5.x.host")
    attended.eyes[0].doRead()
    assert attended.site.clock.getDelayedCalls() != []
    result_of(attended.site.stores.close())
    assert attended.eyes[0].fileno() == -1
    assert attended.site.clock.getDelayedCalls() == []
    attended.eyes.clear()


def test_of_our_own_work_on_many_messages_nothing_is_told(attended: Attended) -> None:
    site, told = attended.site, MAX_NAMES + 1
    result_of(site.store().create("Other", ""))
    for _ in range(told):
        site.deliver()
    uids = result_of(attended.inbox.snapshot(True)).uids
    attended.wait(10)
    eyes = attended.eyes[0]
    result_of(attended.inbox.store(uids, FlagOp.ADD, frozenset({"\\Seen"}), None))
    result_of(site.store().copy(attended.inbox, uids, "INBOX", False))
    result_of(attended.inbox.expunge(uids))
    assert {type(event) for event in events(os.read(eyes.fileno(), 1 << 16))} == {Ended}
    assert sum(len(change.uids) for change in attended.wait()) == 3 * told


def test_what_others_do_while_we_look_away_is_found_later(attended: Attended) -> None:
    site = attended.site
    for _ in range(MAX_NAMES + 1):
        site.deliver()
    uids = result_of(attended.inbox.snapshot(True)).uids
    attended.wait(10)
    held: Deferred[None] = Deferred()
    working = attended.inbox._attention.while_away(len(uids), [attended.inbox.folder], lambda: held)
    attended.quietly(lambda folder: (folder / "new/99.M1P1.other").write_bytes(MESSAGE))
    assert attended.wait() == []
    attended.inbox.folder.sight.doubt()  # as after any change of our own that others may have been hidden behind
    held.callback(None)
    result_of(working)
    assert [type(change) for change in attended.wait(attention.QUIET)] == [Arrived]
    assert attended.inbox.prompt


@pytest.fixture
def looks(attended: Attended, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each look at the folder that asked the file system."""
    made: list[str] = []
    look = Folder.look

    def noted(folder: Folder, force: bool = False) -> None:
        made.append(folder.name)
        look(folder, force)

    monkeypatch.setattr(Folder, "look", noted)
    return made


def test_while_files_follow_an_answer_there_is_nothing_to_look_at(
    attended: Attended, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held: Deferred[None] = Deferred()
    attended.inbox._attention.while_away(MAX_NAMES + 1, [attended.inbox.folder], lambda: held)
    with monkeypatch.context() as patched:
        patched.setattr(Behind, "pending", True)
        result_of(attended.inbox.look())
    assert looks == []
    result_of(attended.inbox.look())
    assert looks == ["INBOX"]


def test_a_look_where_nothing_happened_asks_nothing(attended: Attended, looks: list[str]) -> None:
    for _ in range(3):
        result_of(attended.inbox.look())
    assert looks == []
    attended.site.clock.advance(attention.LOOK_EVERY)
    result_of(attended.inbox.look())
    result_of(attended.inbox.look())
    assert looks == ["INBOX"], "what another host does to a shared disk is not told"


def test_a_look_sees_what_another_program_did_just_now(attended: Attended, looks: list[str]) -> None:
    attended.site.drop("new", "5.x.host")  # the reactor has not read of it yet
    result_of(attended.inbox.look())
    assert looks == ["INBOX"]
    assert [type(change) for change in attended.watch.take()] == [Arrived]


def test_a_look_sees_what_is_durable_and_not_placed_yet(attended: Attended, looks: list[str]) -> None:
    site, inbox = attended.site, attended.inbox
    placed = record_all(site.disk, [site.placements(MESSAGE, [ToMailbox(ANN, "INBOX")])])
    result_of(inbox.look())
    assert [type(change) for change in attended.watch.take()] == [Arrived]
    assert looks == ["INBOX"]
    placed.finish()


def test_a_look_that_is_not_followed_asks_each_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = site.mailbox()
    site.drop("new", "5.x.host")
    result_of(inbox.look())
    assert list(seen(inbox)) == [1]
    assert not inbox.prompt


def unheard(attended: Attended) -> None:
    """Another program delivers, of which the kernel tells nothing, nor the folders' times."""
    told, attended.eyes[0]._told = attended.eyes[0]._told, lambda event: None
    attended.quietly(lambda folder: (folder / "new" / "5.x.host").write_bytes(MESSAGE))
    attended.eyes[0].doRead()
    attended.eyes[0]._told = told


def waits(attended: Attended, seconds: float = 4 * attention.QUIET) -> list[type]:
    """What it hears of in looks from now on."""
    for _ in range(int(seconds / attention.DELAY)):
        attended.site.clock.advance(attention.DELAY)
    return [type(change) for change in attended.watch.take()]


def test_what_is_hidden_behind_more_names_than_count_is_found_when_times_are_past_doubt(attended: Attended) -> None:
    attended.site.deliver()
    attended.wait()
    for _ in range(MAX_NAMES + 1):
        attended.site.deliver()
    attended.eyes[0].doRead()
    unheard(attended)
    assert Arrived in waits(attended, attention.DELAY)
    assert waits(attended) == [Arrived]


@pytest.mark.parametrize("behind", [False, True])
def test_what_was_lost_is_found_when_times_are_past_doubt(
    attended: Attended, monkeypatch: pytest.MonkeyPatch, behind: bool
) -> None:
    attended.site.deliver()
    attended.wait()
    unheard(attended)
    with monkeypatch.context() as patched:
        patched.setattr(Behind, "pending", behind)
        attended.inbox._attention._told(attention.Lost())
        assert waits(attended, attention.DELAY) == []
    assert waits(attended) == [Arrived]


def test_looks_end_when_times_are_past_doubt(attended: Attended, looks: list[str]) -> None:
    for inside in ("new", "cur"):
        os.utime(attended.site.folder() / inside, (1000, 1000))
    attended.inbox._attention._told(attention.Lost())
    waits(attended)
    assert looks == ["INBOX"]
