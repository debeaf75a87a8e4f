"""What a client is told, and when, RFC 3501 section 7: numbering, held-back expunges, flags, silence."""

from __future__ import annotations

import pytest
from imap_views import ALL, NONE, flagged, snapshot, told

from mailsuite import query
from mailsuite.imap.view import View
from mailsuite.model import (
    ANSWERED,
    DELETED,
    FLAGGED,
    SEEN,
    Arrived,
    FlagOp,
    FlagsChanged,
    Gone,
    Overflow,
    Vanished,
)
from mailsuite.query import SAVED, STAR, Numbers, Uids


@pytest.fixture
def view() -> View:
    """UIDs 10, 20, 30, 40."""
    return View(snapshot((10, 20, 30, 40)))


def test_sessions_share_what_has_not_changed_for_them() -> None:
    """A large mailbox that many look at, and one more SELECT of it, cost nothing for its messages."""
    given = snapshot((10, 20, 30, 40))
    one, other = View(given), View(given)
    assert one.uids is other.uids is given.uids
    one.apply((Arrived((50,), (NONE,)), FlagsChanged((20,), (flagged(SEEN),), 3), Vanished((10,), 4)))
    assert told(one) == "* 1 EXPUNGE\r\n* 4 EXISTS\r\n* 1 RECENT\r\n* 1 FETCH (FLAGS (\\Seen))\r\n"
    assert list(one.uids) == [20, 30, 40, 50]
    assert (other.uids, other.flags_of(20), told(other)) == (given.uids, NONE, "")


# -- SELECT


def test_opening_lines() -> None:
    opening = View(snapshot((3, 5, 9), {3: flagged(SEEN), 9: flagged("$Junk")}, recent=(9,))).opening()
    assert b"".join(opening).decode().split("\r\n")[:-1] == [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)",
        "* 3 EXISTS",
        "* 1 RECENT",
        "* OK [UNSEEN 2] the first unseen message",
        "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk \\*)] "
        "these are kept, new keywords too",
        "* OK [UIDVALIDITY 7] UIDs are valid",
        "* OK [UIDNEXT 10] the next UID",
        "* OK [HIGHESTMODSEQ 1] the highest so far",
    ]


def test_opening_lines_of_an_empty_mailbox_for_reading() -> None:
    opening = b"".join(View(snapshot(()), read_only=True).opening())
    assert b"UNSEEN" not in opening
    assert b"* 0 EXISTS\r\n* 0 RECENT\r\n* OK [PERMANENTFLAGS ()] read-only\r\n" in opening


def test_imap4rev2_has_no_recent_and_tells_uids() -> None:
    view = View(snapshot((3, 5), recent=(5,)))
    view.speak_rev2()
    opening = b"".join(view.opening())
    assert b"RECENT" not in opening
    assert b"UNSEEN" not in opening
    view.apply([Arrived((7,), (NONE,), recent=True), FlagsChanged((3,), (flagged(SEEN),), 9)])
    assert told(view) == "* 3 EXISTS\r\n* 1 FETCH (UID 3 FLAGS (\\Seen))\r\n"
    assert view.rendered([5, 7]) == [b"()", b"()"]
    view.overflowed = True
    view.resync(snapshot((3, 5, 7), {3: flagged(SEEN)}, recent=(7,)), {})
    assert told(view) == ""


# -- numbers and UIDs


@pytest.mark.parametrize(
    ("messages", "uids"),
    [
        (Numbers(((1, 1),)), [10]),
        (Numbers(((2, 3),)), [20, 30]),
        (Numbers(((STAR, STAR),)), [40]),
        (Numbers(((3, STAR),)), [30, 40]),
        (Numbers(((9, STAR),)), [40]),
        (Numbers(((3, 4), (1, 3))), [10, 20, 30, 40]),
        (Uids(((20, 20),)), [20]),
        (Uids(((11, 39),)), [20, 30]),
        (Uids(((1, STAR),)), [10, 20, 30, 40]),
        (Uids(((STAR, STAR),)), [40]),
        (Uids(((4000, STAR),)), [40]),
        (Uids(((50, 60), (1, 5))), []),
        (Uids(((30, 30), (10, 20), (15, 35))), [10, 20, 30]),
    ],
)
def test_resolves_sets(view: View, messages: Numbers | Uids, uids: list[int]) -> None:
    assert view.resolve(messages) == uids


def test_a_number_beyond_the_mailbox_is_an_error_a_uid_is_not(view: View) -> None:
    for ranges in (((5, 5),), ((1, 5),)):
        with pytest.raises(ValueError, match="there are 4 messages, number 5 is none of them"):
            view.resolve(Numbers(ranges))
    with pytest.raises(ValueError, match="there is 1 message,"):
        View(snapshot((7,))).resolve(Numbers(((2, 2),)))
    assert View(snapshot(())).resolve(Numbers(((1, STAR),))) == []
    assert View(snapshot(())).resolve(ALL) == []


def test_numbers_of_uids(view: View) -> None:
    assert view.numbers([10, 20, 30, 40]) == [1, 2, 3, 4]
    assert view.numbers([20, 40]) == [2, 4]
    assert view.numbers([]) == []
    for uids in ([15], [20, 25], [20, 30, 50], [50]):
        with pytest.raises(KeyError):
            view.numbers(uids)


def test_queries_lose_what_belongs_to_the_session() -> None:
    view = View(snapshot((10, 20, 30, 40), recent=(20, 30)))
    asked = query.And(
        (
            query.Or(Numbers(((2, 3), (STAR, STAR))), query.IsRecent()),
            query.Not(Uids(((35, STAR),))),
            query.Text("x"),
        )
    )
    assert view.localize(asked, 0) == query.And(
        (
            query.Or(Uids(((20, 40),)), Uids(((20, 20), (30, 30)))),
            query.Not(Uids(((40, 40),))),
            query.Text("x"),
        )
    )
    assert view.localize(Numbers(((7, 9),)), 0) == Uids(())
    assert view.localize(query.Age(True, 60), 100.9) == query.Dated(query.When.BEFORE, 40)
    assert view.localize(query.Age(False, 60), 100.9) == query.Dated(query.When.SINCE, 40)


def test_saved_messages_are_those_that_are_still_there() -> None:
    view = View(snapshot((10, 20, 30, 40)))
    assert view.resolve(Numbers(SAVED)) == []
    view.saved = ((20, 20), (30, 30))
    assert view.resolve(Numbers(SAVED)) == view.resolve(Uids(SAVED)) == [20, 30]
    view.apply([Vanished((20,), 9)])
    assert view.resolve(Numbers(SAVED)) == [30]
    assert view.expunge_issued(Numbers(SAVED))
    view.tell(True, False)
    assert view.localize(Numbers(SAVED), 0) == Uids(((30, 30),))
    assert not view.expunge_issued(Numbers(SAVED))


# -- arrivals and expunges


def test_arrivals(view: View) -> None:
    view.apply([Arrived((50, 60), (NONE, flagged(SEEN)))])
    assert view.messages == 4
    assert view.resolve(ALL) == [10, 20, 30, 40]
    assert not view.holds(50)
    assert told(view) == "* 6 EXISTS\r\n* 2 RECENT\r\n"
    assert view.resolve(Numbers(((STAR, STAR),))) == [60]
    assert told(view) == ""


def test_arrivals_that_are_not_recent_for_this_session(view: View) -> None:
    view.apply([Arrived((50,), (NONE,), recent=False)])
    assert told(view) == "* 5 EXISTS\r\n"


def test_an_arrival_heard_twice_counts_once(view: View) -> None:
    view.apply([Arrived((40, 50), (NONE, NONE)), Arrived((50,), (NONE,))])
    assert told(view) == "* 5 EXISTS\r\n* 1 RECENT\r\n"


def test_expunges_go_from_the_highest_number_down(view: View) -> None:
    view.apply([Vanished((10, 30), 2)])
    assert told(view) == "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n"
    assert view.numbers([20, 40]) == [1, 2]
    assert view.messages == 2


def test_expunges_wait_while_they_are_not_allowed(view: View) -> None:
    view.apply([Vanished((20,), 2)])
    assert told(view, expunges=False) == ""
    assert view.messages == 4
    assert view.numbers([30]) == [3]
    assert view.resolve(Numbers(((1, 3),))) == [10, 30]
    assert view.expunge_issued(Numbers(((1, 3),)))
    assert not view.expunge_issued(Uids(((30, STAR),)))
    assert not view.holds(20)
    view.apply([Arrived((50,), (NONE,))])
    assert told(view, expunges=False) == "* 5 EXISTS\r\n* 1 RECENT\r\n"
    assert told(view) == "* 2 EXPUNGE\r\n"
    assert view.resolve(Numbers(((2, 2),))) == [30]
    assert not view.expunge_issued(ALL)


def test_what_came_and_went_untold_is_never_mentioned(view: View) -> None:
    view.apply([Arrived((50, 60), (NONE, NONE)), Vanished((50,), 2)])
    assert told(view, expunges=False) == "* 5 EXISTS\r\n* 1 RECENT\r\n"
    assert view.resolve(Uids(((41, STAR),))) == [60]
    view.apply([Arrived((70,), (NONE,)), Vanished((70,), 2)])
    assert told(view) == ""


def test_an_expunge_of_ones_own_is_told_once(view: View) -> None:
    assert not view.overflowed
    view.apply([Vanished((20,), 9)])
    assert not view.holds(20)
    view.apply([Vanished((20,), 2)])
    assert told(view) == "* 2 EXPUNGE\r\n"
    view.apply([Vanished((20,), 2)])
    assert told(view) == ""


def test_recent_messages_that_vanish_are_counted_out() -> None:
    view = View(snapshot((10, 20), recent=(20,)))
    view.apply([Vanished((20,), 2)])
    assert told(view) == "* 2 EXPUNGE\r\n* 0 RECENT\r\n"


def test_many_expunges_at_once() -> None:
    view = View(snapshot(range(1, 1001), {1000: flagged(SEEN)}))
    view.apply([Vanished(tuple(range(1, 1001, 2)), 2)])
    assert told(view) == "".join(f"* {n} EXPUNGE\r\n" for n in range(999, 0, -2))
    assert view.resolve(ALL) == list(range(2, 1001, 2))
    assert view.numbers([2, 1000]) == [1, 500]
    assert view.rendered([998, 1000]) == [b"()", b"(\\Seen)"]


def test_messages_to_expunge() -> None:
    view = View(snapshot((10, 20, 30), {10: flagged(DELETED), 30: flagged(DELETED, SEEN)}))
    assert view.deleted(ALL) == [10, 30]
    assert view.deleted(Uids(((11, 40),))) == [30]
    view.apply([Vanished((30,), 2)])
    assert view.deleted(ALL) == [10]


# -- flags


def test_flags_of_others_are_told(view: View) -> None:
    view.apply([FlagsChanged((20, 30), (flagged(SEEN), flagged(SEEN, ANSWERED)), 5)])
    assert view.flags_of(20) == flagged(SEEN)
    assert told(view, expunges=False) == "* 2 FETCH (FLAGS (\\Seen))\r\n* 3 FETCH (FLAGS (\\Answered \\Seen))\r\n"
    assert told(view) == ""


def test_flags_with_the_uid_in_a_uid_command(view: View) -> None:
    view.apply([FlagsChanged((20,), (flagged(SEEN),), 5)])
    assert told(view, uid=True) == "* 2 FETCH (UID 20 FLAGS (\\Seen))\r\n"


def test_flags_that_a_fetch_showed_are_not_told_again(view: View) -> None:
    changed = FlagsChanged((10, 20, 30, 40), (flagged(SEEN),) * 4, 5)
    view.apply([changed])
    view.flag_rows([10], uid=False)
    view.rendered([20])
    view.rendered_flags(30)
    assert told(view) == "* 4 FETCH (FLAGS (\\Seen))\r\n"


def test_flags_that_came_back_to_what_they_were_are_not_told(view: View) -> None:
    view.apply([FlagsChanged((20,), (flagged(SEEN),), 5), FlagsChanged((20,), (NONE,), 6)])
    assert told(view) == ""


def test_flags_use_the_numbers_after_the_expunges(view: View) -> None:
    view.apply([FlagsChanged((10, 30), (flagged(SEEN), flagged(SEEN)), 5), Vanished((10,), 6)])
    assert told(view) == "* 1 EXPUNGE\r\n* 2 FETCH (FLAGS (\\Seen))\r\n"


def test_flags_of_arrivals_are_not_told_unasked(view: View) -> None:
    view.apply([Arrived((50,), (NONE,), recent=False), FlagsChanged((50,), (flagged(SEEN),), 5)])
    assert told(view) == "* 5 EXISTS\r\n"
    assert view.flags_of(50) == flagged(SEEN)


def test_a_new_keyword_is_announced_first(view: View) -> None:
    view.apply([FlagsChanged((20,), (flagged("$Junk"),), 5)])
    lines = told(view).split("\r\n")
    assert lines[0] == "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)"
    assert lines[1].startswith("* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk \\*)]")
    assert lines[2] == "* 2 FETCH (FLAGS ($Junk))"


def test_a_keyword_may_come_with_an_arrival(view: View) -> None:
    view.apply([Arrived((50,), (flagged("$Junk"),), recent=False)])
    answer = told(view)
    assert answer.startswith("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)\r\n")
    assert answer.endswith("* 5 EXISTS\r\n")


def test_recent_is_shown_among_the_flags() -> None:
    view = View(snapshot((10, 20), {10: flagged(SEEN)}, recent=(10,)))
    assert view.rendered_flags(10) == b"(\\Seen \\Recent)"
    assert view.rendered([10, 20]) == [b"(\\Seen \\Recent)", b"()"]
    assert view.flag_rows([10, 20], uid=True) == (
        b"* 1 FETCH (UID 10 FLAGS (\\Seen \\Recent))\r\n* 2 FETCH (UID 20 FLAGS ())\r\n"
    )
    assert view.flag_rows([20], uid=False) == b"* 2 FETCH (FLAGS ())\r\n"


# -- the session's own STORE


ECHO = FlagsChanged((20,), (flagged(SEEN),), 5)
RESULT = [(20, flagged(SEEN), 5)]


@pytest.mark.parametrize("echo_first", [True, False])
def test_a_store_is_answered_once(view: View, echo_first: bool) -> None:
    if echo_first:
        view.apply([ECHO])
    view.stored(RESULT, FlagOp.ADD, flagged(SEEN), silent=False)
    view.apply([ECHO])
    assert told(view) == "* 2 FETCH (FLAGS (\\Seen))\r\n"
    assert told(view) == ""


def test_a_store_that_changes_nothing_is_answered_too(view: View) -> None:
    view.stored([(20, NONE, 1)], FlagOp.REMOVE, flagged(SEEN), silent=False)
    assert told(view) == "* 2 FETCH (FLAGS ())\r\n"


@pytest.mark.parametrize("echo_first", [True, False])
def test_a_silent_store_is_silent(view: View, echo_first: bool) -> None:
    if echo_first:
        view.apply([ECHO])
    view.stored(RESULT, FlagOp.ADD, flagged(SEEN), silent=True)
    assert view.flags_of(20) == flagged(SEEN)
    view.apply([ECHO])
    assert told(view) == ""
    assert view.flags_of(20) == flagged(SEEN)


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_silent_store_is_not_silent_about_others(view: View, order: str) -> None:
    both = flagged(SEEN, FLAGGED)
    others = [FlagsChanged((20,), (flagged(FLAGGED),), 4), FlagsChanged((20,), (both,), 5)]
    if order == "before":
        view.apply(others)
    view.stored([(20, both, 5)], FlagOp.ADD, flagged(SEEN), silent=True)
    if order == "after":
        view.apply(others)
    assert told(view) == "* 2 FETCH (FLAGS (\\Flagged \\Seen))\r\n"


def test_a_silent_replace(view: View) -> None:
    view.stored([(20, flagged(SEEN), 5)], FlagOp.REPLACE, flagged(SEEN), silent=True)
    view.stored([(20, NONE, 6)], FlagOp.REMOVE, flagged(SEEN), silent=True)
    assert told(view) == ""
    view.apply([FlagsChanged((20,), (flagged(SEEN),), 7)])
    assert told(view) == "* 2 FETCH (FLAGS (\\Seen))\r\n"


def test_a_late_result_does_not_undo_a_later_change(view: View) -> None:
    view.apply([FlagsChanged((20,), (flagged(SEEN),), 5), FlagsChanged((20,), (flagged(FLAGGED),), 6)])
    view.stored(RESULT, FlagOp.REPLACE, flagged(SEEN), silent=True)
    assert told(view) == "* 2 FETCH (FLAGS (\\Flagged))\r\n"


def test_a_result_for_what_has_vanished_is_not_told(view: View) -> None:
    view.apply([Vanished((20,), 6)])
    view.stored(RESULT, FlagOp.ADD, flagged(SEEN), silent=False)
    assert told(view, expunges=False) == ""
    view.stored([(10, NONE, 7)], FlagOp.ADD, NONE, silent=False)
    view.apply([Vanished((10,), 8)])
    assert told(view) == "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n"


# -- lost changes


def test_a_resync_finds_what_was_missed(view: View) -> None:
    view.apply([Overflow()])
    assert view.overflowed
    view.resync(snapshot((10, 30, 40, 50), {30: flagged(SEEN), 50: flagged("kw")}, recent=(50,)), {})
    assert not view.overflowed
    assert not view.gone
    answer = told(view)
    assert answer.startswith("* 2 EXPUNGE\r\n* FLAGS (")
    assert answer.endswith("* 4 EXISTS\r\n* 1 RECENT\r\n* 2 FETCH (FLAGS (\\Seen))\r\n")


def test_a_resync_with_another_uidvalidity_ends_the_selection(view: View) -> None:
    view.resync(snapshot((1,), uidvalidity=8), {})
    assert view.gone


def test_a_mailbox_that_is_gone_is_noted(view: View) -> None:
    view.apply([Gone()])
    assert view.gone


@pytest.mark.parametrize("uids", [(10, 20, 30), (10, 30), (10, 15, 30), (5, 10, 20), (20, 30, 40, 50)])
def test_the_flags_of_many_go_to_the_messages_that_have_these_uids(view: View, uids: tuple[int, ...]) -> None:
    view.stored([(uid, flagged(f"k{uid}"), 5) for uid in uids], FlagOp.REPLACE, NONE, silent=False)
    for uid in view.uids:
        assert view.flags_of(uid) == (flagged(f"k{uid}") if uid in uids else NONE)
    assert [line.split()[1] for line in told(view).splitlines() if "FETCH" in line] == [
        str(number) for number, uid in enumerate(view.uids, 1) if uid in uids
    ]
