"""What is kept of a mailbox in memory is what its index says, and is bounded."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest
from maildir_site import ANN, Site

from mailsuite.model import DELETED, FLAGGED, SEEN, FlagOp
from mailsuite.store import changing
from mailsuite.store.contents import Contents, Shelf
from mailsuite.testing.results import result_of

SEEN_ONLY, NONE = frozenset({SEEN}), frozenset[str]()


def held(uids: list[int]) -> Contents:
    return Contents(uids, [NONE] * len(uids), set(uids), 10 * len(uids))


def test_what_is_handed_out_is_shared_until_something_changes() -> None:
    contents = held([1, 2, 5])
    before = contents.uids, contents.flags
    assert contents.uids is before[0]
    contents.change({2: SEEN_ONLY, 9: SEEN_ONLY})
    assert before == ((1, 2, 5), (NONE, NONE, NONE))
    assert contents.flags == (NONE, SEEN_ONLY, NONE)
    assert contents.unseen == 2


def test_messages_are_kept_in_order_whatever_order_they_come_in() -> None:
    contents = held([1, 5])
    contents.add([7, 6, 3], [SEEN_ONLY, NONE, NONE], [6], 30)
    assert contents.uids == (1, 3, 5, 6, 7)
    assert contents.flags == (NONE, NONE, NONE, NONE, SEEN_ONLY)
    contents.remove([1, 6], 20)
    assert (contents.uids, contents.recent, contents.size, contents.unseen) == ((3, 5, 7), {5}, 30, 2)


def test_the_first_unseen_message_is_looked_for_again_when_something_changed() -> None:
    contents = held([1, 2, 5])
    assert contents.first_unseen == 1
    contents.change({1: SEEN_ONLY})
    assert contents.first_unseen == 2
    contents.change({2: SEEN_ONLY, 5: SEEN_ONLY})
    assert contents.first_unseen == 0
    contents.add([6], [NONE], [], 1)
    assert contents.first_unseen == 4
    contents.remove([1], 1)
    assert contents.first_unseen == 3
    assert held([]).first_unseen == 0


class Holder:
    def __init__(self) -> None:
        self.away = 0

    def put_away(self) -> None:
        self.away += 1


def test_those_used_longest_ago_forget_when_there_are_too_many_messages() -> None:
    shelf, holders = Shelf(limit=100), [Holder() for _ in range(3)]
    for holder in (holders[0], holders[1], holders[0]):
        shelf.use(holder, 45)
    shelf.use(holders[2], 45)
    assert [holder.away for holder in holders] == [0, 1, 0]
    shelf.leave(holders[2])
    shelf.use(holders[1], 45)
    assert [holder.away for holder in holders] == [0, 1, 0]
    shelf.use(holders[1], 500)  # one that is too large for the bound is kept as long as it is used
    assert [holder.away for holder in holders] == [1, 1, 0]


def looks_right(folder: Any) -> None:
    kept = folder.contents
    uids, letters, recent, size = folder.account.index.contents(folder.id)
    assert kept.uids == tuple(uids)
    assert kept.flags == tuple(map(folder.lettering.flags_of, uids, letters))
    assert (kept.recent, kept.size, len(kept)) == (recent, size, len(uids))
    counts = Counter(flag for flags in kept.flags for flag in flags)
    assert (kept.unseen, kept.deleted) == (len(kept) - counts[SEEN], counts[DELETED])


@pytest.mark.parametrize("seed", range(8))
def test_it_follows_every_change(site: Site, seed: int) -> None:
    rng = random.Random(seed)
    store = site.store()
    result_of(store.create("Other", ""))
    boxes = [site.mailbox(), site.mailbox("Other")]
    keywords = [f"$K{number}" for number in range(30)]
    for _ in range(40):
        box = rng.choice(boxes)
        snapshot = result_of(box.snapshot(rng.random() < 0.3))
        some = [uid for uid in snapshot.uids if rng.random() < 0.4]
        flags = frozenset(rng.sample([SEEN, FLAGGED, DELETED, *keywords], 2))
        match rng.randrange(7):
            case 0 | 1:
                site.deliver(flags if rng.random() < 0.5 else NONE)
            case 2:
                result_of(box.store(some, rng.choice(list(FlagOp)), flags, None))
            case 3:
                result_of(box.expunge(some[:2]))
            case 4:
                result_of(store.copy(box, some, rng.choice(["INBOX", "Other"]), rng.random() < 0.4))
            case 5:
                folder = site.folder("" if box is boxes[0] else "Other") / "cur"
                for name in sorted(os.listdir(folder))[:2]:
                    os.rename(folder / name, folder / (name.partition(":")[0] + ":2,FS"))
                site.clock.advance(5)
            case 6:
                box.folder.put_away()
        for each in boxes:
            result_of(each.look())
            looks_right(each.folder)


@pytest.mark.parametrize("unit", [1, 2, 100])
def test_what_does_not_fit_into_one_unit_is_done_in_several(
    site: Site, unit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changing, "A_UNIT", unit)
    store, inbox = site.store(), site.mailbox()
    for _ in range(5):
        site.deliver()
    result_of(store.create("Other", ""))
    done, late = result_of(inbox.store([1, 2, 3, 4, 5, 9], FlagOp.ADD, SEEN_ONLY, None))
    assert ([(uid, flags) for uid, flags, _ in done], late) == ([(uid, SEEN_ONLY) for uid in range(1, 6)], [])
    status = result_of(store.status("INBOX"))
    assert (status.unseen, status.highestmodseq) == (0, max(modseq for *_, modseq in done))
    copied = result_of(store.copy(inbox, [1, 2, 3, 4], "Other", False))
    assert (copied.sources, copied.targets) == ((1, 2, 3, 4), (1, 2, 3, 4))
    assert result_of(inbox.expunge([1, 3, 4, 5])) == [1, 3, 4, 5]
    assert result_of(inbox.snapshot(False)).uids == (2,)
    assert len(site.files("cur")) + len(site.files("new")) == 1
    assert result_of(site.store(ANN).status("Other")).messages == 4
