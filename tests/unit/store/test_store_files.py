"""The small plain files of a folder, and the names of its messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailsuite.errors import Corrupt, InvalidName, TooMany
from mailsuite.store import subscriptions
from mailsuite.store.counters import MODSEQ_BLOCK, UID_BLOCK, Counters
from mailsuite.store.filename import MAX_UID, Sizes, Unique, delivery_order, read_base, split, with_numbers
from mailsuite.store.keywords import Keywords, More
from mailsuite.testing.disk import MemoryDisk

# -- message file names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "base", "letters"),
    [
        ("1.a.h", "1.a.h", ""),
        ("1.a.h:2,", "1.a.h", ""),
        ("1.a.h,S=5:2,FSa", "1.a.h,S=5", "FSa"),
        ("1.a.h:1,xyz", "1.a.h", ""),
        ("1.a.h:", "1.a.h", ""),
    ],
)
def test_split(filename: str, base: str, letters: str) -> None:
    assert split(filename) == (base, letters)


@pytest.mark.parametrize(
    ("base", "sizes"),
    [
        ("1.a.h,S=5,W=6,U=7", Sizes(5, 6, 7)),
        ("1.a.h,W=6,S=5", Sizes(5, 6, 0)),
        ("1.a.h", Sizes(0, 0, 0)),
        ("1.U=3.h,U=x,S=1x", Sizes(0, 0, 0)),
        (f"1.a.h,U={MAX_UID + 1}", Sizes(0, 0, 0)),
        ("1.a.h,U=" + "9" * 400, Sizes(0, 0, 0)),
    ],
)
def test_numbers_in_a_base(base: str, sizes: Sizes) -> None:
    assert read_base(base) == sizes


@settings(max_examples=100)
@given(st.text("1.a,SWU=23", max_size=20), st.integers(0, 99), st.integers(0, 99), st.integers(1, 99))
def test_numbers_put_in_are_read_back(base: str, stored: int, wire: int, uid: int) -> None:
    named = with_numbers(base, Sizes(stored, wire, uid))
    assert read_base(named) == Sizes(stored, wire, uid)
    assert with_numbers(named, Sizes(stored, wire, uid)) == named


def test_names_are_unique_and_safe() -> None:
    unique = Unique("my/host:name", lambda: 42)
    names = [unique.name(1.5), unique.name(1.5)]
    assert names == ["1.M500000P42Q1.my_host_name", "1.M500000P42Q2.my_host_name"]


def test_delivery_order_is_by_time() -> None:
    assert sorted(["10.x", "9.y", "x", "10.a"], key=delivery_order) == ["x", "9.y", "10.a", "10.x"]


# -- keywords ------------------------------------------------------------------------------------------------------


def test_letters_and_flags_there_and_back() -> None:
    keywords = Keywords()
    flags = frozenset({"\\Seen", "\\Draft", "$Forwarded", "NonJunk", "$Label1"})
    assert keywords.learn(flags)
    assert not keywords.learn(frozenset({"NONJUNK"}))
    letters, more = keywords.letters(flags)
    assert (letters, more) == ("DPSab", frozenset())
    again = Keywords.parse(keywords.dump(), "file")
    assert again.flags(letters) == flags
    assert again.unexplained("Sabz") == "z"


@pytest.mark.parametrize("keyword", ["a b", "", "a\n", "ü", "x" * 101])
def test_what_cannot_be_a_keyword(keyword: str) -> None:
    with pytest.raises(InvalidName):
        Keywords().learn(frozenset({keyword}))


@pytest.mark.parametrize("data", [b"A NonJunk\n", b"a\n", b"ab x\n", b"a x y\n", b"\n"])
def test_a_keyword_file_that_is_not_ours_is_named(data: bytes) -> None:
    with pytest.raises(Corrupt, match="some/path"):
        Keywords.parse(data, "some/path")
    with pytest.raises(Corrupt, match="some/path"):
        More.parse(data, "some/path")


def test_keywords_without_letters_are_bounded() -> None:
    more = More()
    assert more.put(7, frozenset({"b", "a"}))
    assert not more.put(7, frozenset({"a", "b"}))
    assert more.dump() == b"7 a b\n"
    assert More.parse(more.dump(), "file").by_uid == {7: {"a", "b"}}
    with pytest.raises(TooMany):
        more.put(8, frozenset(f"k{number}" for number in range(200)))
    assert more.put(7, frozenset())
    assert more.dump() == b""


# -- counters ------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk() -> MemoryDisk:
    disk = MemoryDisk()
    disk.make_folder("/d")
    return disk


def loaded(disk: MemoryDisk) -> Counters:
    counters = Counters.load(disk, "/d/c")
    assert counters is not None
    return counters


def test_counters_reserve_in_blocks_and_settle_exactly(disk: MemoryDisk) -> None:
    assert Counters.load(disk, "/d/c") is None
    counters = Counters.create(disk, "/d/c", 17)
    disk.synced.clear()
    for expected in range(1, 500):
        assert counters.arrive(1) == (expected, expected + 1)
    assert len(disk.synced) == 2  # one write and its folder
    after_a_crash = loaded(disk)
    assert (after_a_crash.uidvalidity, after_a_crash.exact) == (17, False)
    assert after_a_crash.uidnext >= counters.uidnext
    assert after_a_crash.modseq >= counters.modseq
    counters.settle((1, 2))
    after_a_stop = loaded(disk)
    assert (after_a_stop.uidnext, after_a_stop.modseq, after_a_stop.exact) == (500, 500, True)
    assert (after_a_stop.times, after_a_crash.times) == ((1, 2), None)


@pytest.mark.parametrize("step", [1, 7, UID_BLOCK - 1, UID_BLOCK, UID_BLOCK + 1, 5 * UID_BLOCK])
def test_whatever_was_used_lies_below_what_is_on_disk(disk: MemoryDisk, step: int) -> None:
    counters = Counters.create(disk, "/d/c", 17)
    for _ in range(2 * UID_BLOCK // step + 3):
        last, modseq = (first + step - 1 for first in counters.arrive(step))
        assert loaded(disk).uidnext > last
        assert loaded(disk).modseq >= modseq
        if step == 7:
            counters.settle((1, 2))


def test_many_modseqs_are_reserved_too(disk: MemoryDisk) -> None:
    counters = Counters.create(disk, "/d/c", 17)
    for _ in range(MODSEQ_BLOCK + 5):
        modseq = counters.next_modseq()
    assert loaded(disk).modseq >= modseq


def test_uids_end(disk: MemoryDisk) -> None:
    counters = Counters.create(disk, "/d/c", 17)
    counters.at_least(MAX_UID - 3)
    assert counters.arrive(2)[0] == MAX_UID - 3
    with pytest.raises(TooMany):
        counters.arrive(2)


def test_a_failed_reservation_gives_no_number(disk: MemoryDisk) -> None:
    counters = Counters.create(disk, "/d/c", 17)
    disk.fail("replace", OSError("full"))
    with pytest.raises(OSError, match="full"):
        counters.arrive(1)
    counters.arrive(1)
    assert loaded(disk).uidnext > counters.uidnext


# -- subscriptions -------------------------------------------------------------------------------------------------


def test_subscriptions_as_dovecot_writes_them() -> None:
    names = {"INBOX", "a.b/c", "Entwürfe", "back\\slash"}
    plain = subscriptions.dump(names)
    assert sorted(plain.split()) == [b"Entw&APw-rfe", b"INBOX", b"a\\2eb.c", b"back\\5cslash"]
    assert subscriptions.parse(plain) == names
    version_2 = b"V\t2\n\na\\2eb\tc\nEntw&APw-rfe\nINBOX\nback\\5cslash\n"
    assert subscriptions.parse(version_2) == names
    assert subscriptions.parse(b"..\n\xff\n&bad\nok\n") == {"ok"}
