"""MODSEQ and what is gone outlive the index, and a QRESYNC client misses nothing (RFC 7162)."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maildir_site import ANN, MESSAGE, Site

from mailsuite.disk import journal_disk
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.model import DELETED, FLAGGED, SEEN, FlagOp
from mailsuite.query import Ranges
from mailsuite.store import history
from mailsuite.store.history import FILE, Past, dump, merged, missing, ranges
from mailsuite.testing.results import result_of

NONE, SEEN_ONLY = frozenset[str](), frozenset({SEEN})


def uids_in(found: Ranges) -> set[int]:
    return {uid for low, high in found for uid in range(low, high + 1)}


# -- UIDs ------------------------------------------------------------------------------------------------------------


@given(st.sets(st.integers(1, 40)), st.integers(1, 50))
def test_ranges_hold_what_they_are_made_of(uids: set[int], uidnext: int) -> None:
    found = ranges(sorted(uids))
    assert uids_in(found) == uids
    assert all(high + 1 < low for (_, high), (low, _) in itertools.pairwise(found))
    there = sorted(uid for uid in uids if uid < uidnext)
    assert uids_in(missing(there, uidnext)) == set(range(1, uidnext)) - uids


@given(st.lists(st.sets(st.integers(1, 30)), max_size=4))
def test_ranges_are_merged(many: list[set[int]]) -> None:
    assert merged(ranges(sorted(each)) for each in many) == ranges(sorted(set().union(*many)))


# -- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"", b"x\n", b"mailsuite-modseq 1 4\nF 1\n", b"mailsuite-modseq 1 4\nQ 1 2\n", b"mailsuite-modseq 1 4\nH 1"],
)
def test_what_is_no_such_file_is_not_believed(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        Past(data)


def test_the_modseq_of_what_never_changed_follows_from_its_uid() -> None:
    past = Past(b"mailsuite-modseq 1 9\nH 1\nA 1 1\nF 4 4 FS 2\nX 9 6 1\n")
    assert [past.modseq(uid, "", False) for uid in (1, 3, 4, 5, 6, 7)] == [2, 4, 5, 6, 10, 11]
    assert [past.modseq(2, letters, trusted) for letters, trusted in (("FS", False), ("FS", True), ("S", True))] == [
        4,
        4,
        0,
    ]
    assert past.modseq(3, "S", False) == 0  # somebody may have changed it; if nobody can have, it came like that
    assert past.modseq(3, "S", True) == 4
    assert (past.gone, past.floor, past.names_gone(1), past.names_gone(2)) == ([(9, ((1, 1),))], 1, True, False)


@pytest.mark.parametrize("seed", range(30))
def test_a_file_written_anew_says_the_same(seed: int) -> None:
    rng = random.Random(seed)
    modseq, known = 5, []
    for uid in sorted(rng.sample(range(1, 60), 25)):
        modseq += rng.choice((1, 1, 1, 7))
        known.append((uid, rng.choice(("", "", "S", "Fa")), modseq))
    past = Past(dump(known, [(modseq, ((70, 75),))], 3, modseq - 60))
    assert [past.modseq(uid, letters, False) for uid, letters, _ in known] == [each for *_, each in known]
    assert past.modseq(62, "", False) == modseq + 3  # what arrives next
    assert (past.gone, past.floor) == ([(modseq, ((70, 75),))], 3)


def test_of_what_is_gone_only_the_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_GONE", 2)
    past = Past(dump([], [(modseq, ((modseq, modseq),)) for modseq in (4, 6, 9)], 1, None))
    assert (past.gone, past.floor) == ([(6, ((6, 6),)), (9, ((9, 9),))], 4)


# -- the mailbox -----------------------------------------------------------------------------------------------------


def state(site: Site, name: str = "INBOX") -> Any:
    """What a QRESYNC client compares."""
    box = site.mailbox(name)
    snapshot = result_of(box.snapshot(False))
    modseqs = {each.uid: each.items[0] for each in result_of(box.fetch(snapshot.uids, ["modseq"]))}
    gone = {at: result_of(box.vanished_since(at)) for at in range(1, snapshot.highestmodseq + 1)}
    flags = dict(zip(snapshot.uids, snapshot.flags, strict=True))
    return snapshot.uidvalidity, snapshot.uidnext, snapshot.highestmodseq, flags, modseqs, gone


def a_life(site: Site, rng: random.Random, steps: int) -> None:
    store = site.store()
    if not (site.folder() / ".Other").exists():
        result_of(store.create("Other", ""))
    for _ in range(steps):
        box = site.mailbox(rng.choice(("INBOX", "Other")))
        uids = [uid for uid in result_of(box.snapshot(rng.random() < 0.3)).uids if rng.random() < 0.3]
        flags = frozenset(rng.sample([SEEN, FLAGGED, DELETED, "$One", "$Two"], 2))
        match rng.randrange(6):
            case 0 | 1:
                site.deliver(rng.choice((NONE, NONE, flags)), name=box.name)
            case 2 | 3:
                result_of(box.store(uids, rng.choice(list(FlagOp)), flags, None))
            case 4:
                result_of(box.expunge(uids[:2]))
            case 5:
                result_of(store.copy(box, uids, rng.choice(("INBOX", "Other")), rng.random() < 0.5))


@pytest.fixture(params=["RealDisk", "JournalDisk"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    if request.param == "RealDisk":
        yield Site(tmp_path / "site")
        return
    monkeypatch.setattr(os, "fdatasync", lambda fd: None)
    monkeypatch.setattr(journal_disk, "syncfs", lambda fd: None)
    disk = JournalDisk(str(tmp_path / "queue" / "journal"), 1 << 20)
    disk.open(keep=False)
    yield Site(tmp_path / "site", disk)
    disk.close()


@pytest.mark.parametrize("seed", range(8))
def test_without_its_index_a_mailbox_is_the_same_after_an_orderly_stop(
    site: Site, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    if seed % 2:
        monkeypatch.setattr(history, "SMALL", 400)  # written anew again and again
    for _ in range(3):
        a_life(site, rng, 15)
        before = [state(site, name) for name in ("INBOX", "Other")]
        result_of(site.stores.close())
        site.without_index()
        site.start()
        assert [state(site, name) for name in ("INBOX", "Other")] == before


@pytest.mark.parametrize("seed", range(6))
def test_after_a_crash_without_its_index_nothing_is_missed(site: Site, seed: int) -> None:
    a_life(site, random.Random(seed), 25)
    *_, highest, flags, modseqs, gone = state(site)
    image = site.killed()
    image.without_index()
    image.start()
    *_, highest_now, flags_now, modseqs_now, gone_now = state(image)
    assert highest_now > highest
    assert flags_now == flags
    assert all(modseqs_now[uid] in (modseqs[uid], highest_now) or modseqs_now[uid] > highest for uid in flags)
    assert all(modseqs_now[uid] == modseqs[uid] for uid in flags if not flags[uid])
    assert all(uids_in(gone[at]) <= uids_in(gone_now[at]) for at in gone)
    assert all(not uids_in(each) & flags.keys() for each in gone_now.values())


def test_what_another_program_changed_while_there_was_no_index_is_news(site: Site) -> None:
    for flags in (NONE, NONE, SEEN_ONLY, NONE):
        site.deliver(flags)
    box = site.mailbox()
    site.see()
    result_of(box.store([1], FlagOp.ADD, SEEN_ONLY, None))
    told = result_of(box.snapshot(False)).highestmodseq
    result_of(site.stores.close())
    site.without_index()
    cur = site.folder() / "cur"
    names = {int(name.partition(",U=")[2].partition(":")[0]): name for name in os.listdir(cur)}
    os.rename(cur / names[1], cur / (names[1] + "T"))
    os.rename(cur / names[2], cur / (names[2] + "F"))
    os.unlink(cur / names[4])
    (site.folder() / "new" / "99.other").write_bytes(MESSAGE)
    site.start()
    box = site.mailbox()
    assert {1, 2} < set(result_of(box.changed_since(told))) <= {1, 2, 3, 5}
    assert 4 in uids_in(result_of(box.vanished_since(told)))
    now = result_of(box.snapshot(False)).highestmodseq
    site.restart()
    assert (result_of(site.mailbox().changed_since(now)), result_of(site.mailbox().vanished_since(now))) == ((), ())


def test_a_message_that_was_put_back_is_another(site: Site) -> None:
    for _ in range(3):
        site.deliver()
    [name] = [name for name in site.files("new") if ",U=2" in name]
    saved = (site.folder() / "new" / name).read_bytes()
    result_of(site.mailbox().expunge([2]))
    result_of(site.stores.close())
    site.without_index()
    (site.folder() / "new" / name).write_bytes(saved)
    site.start()
    assert result_of(site.mailbox().snapshot(False)).uids == (1, 3, 4)


def test_a_history_that_cannot_be_read_makes_everything_news(site: Site) -> None:
    site.deliver()
    result_of(site.mailbox().store([1], FlagOp.ADD, SEEN_ONLY, None))
    result_of(site.mailbox().expunge([1]))
    site.deliver()
    result_of(site.stores.close())
    site.without_index()
    (site.folder() / FILE).write_bytes(b"scribble\n")
    site.start()
    assert result_of(site.mailbox().vanished_since(1)) == ((1, 1),)
    site.deliver()
    before = state(site)
    result_of(site.mailbox().store([2], FlagOp.ADD, SEEN_ONLY, None))
    after = state(site)
    result_of(site.stores.close())
    site.without_index()
    site.start()
    assert before != after == state(site)


def test_a_delivery_writes_no_line(site: Site) -> None:
    site.deliver()
    size = (site.folder() / FILE).stat().st_size
    for _ in range(20):
        site.deliver()
    assert (site.folder() / FILE).stat().st_size == size
    assert result_of(site.store(ANN).status("INBOX")).highestmodseq == 22
