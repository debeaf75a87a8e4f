"""Which flags changed, RFC 7162 section 3.1.12: never taken for unchanged when it is not known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailsuite.imap import flag_changes
from mailsuite.imap.flag_changes import FlagChanges
from mailsuite.model import ANSWERED, DELETED, SEEN


def one(*flags: str) -> frozenset[str]:
    return frozenset(flags)


def test_a_flag_counts_from_its_last_change_on() -> None:
    changes = FlagChanges(10, 5)
    changes.note(3, one(SEEN, DELETED), 11)
    changes.note(3, one(DELETED), 13)
    assert changes.unchanged(3, one(SEEN), 11)
    assert not changes.unchanged(3, one(SEEN), 10)
    assert changes.unchanged(3, one(ANSWERED), 10)
    assert not changes.unchanged(3, one(SEEN, DELETED), 12)
    assert changes.unchanged(3, one(SEEN, DELETED), 13)


def test_what_is_not_known_counts_as_changed() -> None:
    changes = FlagChanges(10, 5)
    changes.note(3, one(SEEN), 11)
    assert not changes.unchanged(3, one(ANSWERED), 9)
    assert not changes.unchanged(4, one(ANSWERED), 10)
    changes.note(6, one(SEEN), 12)
    assert not changes.unchanged(6, one(ANSWERED), 12)
    changes.arrive(6, 13)
    assert not changes.unchanged(6, one(ANSWERED), 12), "it came later"
    changes.start(20, 6)
    assert not changes.unchanged(3, one(ANSWERED), 20)
    changes.note(6, one(SEEN), 21)
    assert changes.unchanged(6, one(ANSWERED), 20)


def test_messages_that_came_later_count_from_when_they_were_there() -> None:
    changes = FlagChanges(10, 5)
    changes.arrive(7, 12)
    changes.note(6, one(SEEN), 13)
    changes.arrive(8, 14)
    changes.note(8, one(DELETED), 15)
    assert changes.unchanged(6, one(ANSWERED), 12)
    assert not changes.unchanged(6, one(ANSWERED), 11)
    assert not changes.unchanged(6, one(SEEN), 12)
    assert changes.unchanged(8, one(SEEN), 14)
    assert not changes.unchanged(8, one(SEEN), 13)
    changes.start(10, 8)
    changes.note(8, one(DELETED), 16)
    assert not changes.unchanged(8, one(SEEN), 13), "though it is from before the beginning, it came after 13"
    assert changes.unchanged(8, one(SEEN), 14)


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from((SEEN, DELETED, ANSWERED))), max_size=40), st.data())
def test_with_little_room_it_never_errs_on_the_other_side(changed: list[tuple[int, str]], data: st.DataObject) -> None:
    changes = FlagChanges(0, 9)
    most, flag_changes.MOST = flag_changes.MOST, 3
    try:
        for modseq, (uid, flag) in enumerate(changed, 1):
            changes.note(uid, one(flag), modseq)
            assert len(changes._changed) <= 3
    finally:
        flag_changes.MOST = most
    uid, since = data.draw(st.integers(1, 9)), data.draw(st.integers(0, 40))
    if changes.unchanged(uid, one(SEEN), since):
        later = [pair for modseq, pair in enumerate(changed, 1) if modseq > since]
        assert (uid, SEEN) not in later
