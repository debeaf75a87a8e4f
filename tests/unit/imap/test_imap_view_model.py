"""Whatever happens to a mailbox, and whenever it is told: a client that believes it knows in the end what is there."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from imap_views import ALL, NONE, flagged, snapshot, told

from mailsuite.imap.view import View
from mailsuite.model import DELETED, FLAGGED, SEEN, Arrived, FlagOp, Flags, FlagsChanged, Vanished


class Client:
    """Believes what it is told, as RFC 3501 section 7 says it should."""

    def __init__(self, view: View) -> None:
        self.messages: list[int | None] = [None] * view.messages
        self.flags: dict[int, str] = {}

    def hear(self, text: str) -> None:
        for line in text.splitlines():
            number, word = re.match(r"\* (?:(\d+) )?(\w+)", line).groups()  # type: ignore[union-attr]
            if word == "EXPUNGE":
                del self.messages[int(number) - 1]
            elif word == "EXISTS":
                assert int(number) >= len(self.messages)
                self.messages += [None] * (int(number) - len(self.messages))
            elif word == "FETCH":
                uid, flags = re.search(r"UID (\d+) FLAGS \((.*)\)\)", line).groups()  # type: ignore[union-attr]
                assert self.messages[int(number) - 1] in (None, int(uid))
                self.messages[int(number) - 1] = int(uid)
                self.flags[int(uid)] = flags


FLAG_SETS = st.sampled_from([NONE, flagged(SEEN), flagged(SEEN, FLAGGED), flagged("kw"), flagged(DELETED)])
PLACES = st.lists(st.integers(0, 30), max_size=8)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(1, 3), FLAG_SETS),
        st.tuples(st.just("vanish"), st.lists(st.integers(0, 30), max_size=4), st.none()),
        st.tuples(st.just("flags"), st.integers(0, 30), FLAG_SETS),
        st.tuples(st.just("store"), PLACES, FLAG_SETS),
        st.tuples(st.just("silent"), PLACES, FLAG_SETS),
        st.tuples(st.just("tell"), st.booleans(), st.none()),
        st.tuples(st.just("resync"), st.none(), st.none()),
    ),
    max_size=30,
)


class World:
    """A mailbox as plain Python, a view of it, and a client that hears what the view tells."""

    def __init__(self, count: int) -> None:
        self.truth: dict[int, Flags] = dict.fromkeys(range(1, count + 1), NONE)
        self.next, self.modseq = count + 1, 1
        self.view = View(snapshot(self.truth))
        self.client = Client(self.view)
        self.hear(self.view.flag_rows(self.view.resolve(ALL), uid=True).decode())

    def hear(self, text: str) -> None:
        self.client.hear(text)

    def pick(self, place: int) -> int | None:
        held = [uid for uid in self.truth if self.view.holds(uid)]
        return held[place % len(held)] if held else None

    def arrive(self, count: int, flags: Flags) -> None:
        uids = tuple(range(self.next, self.next + count))
        self.next += count
        self.truth.update(dict.fromkeys(uids, flags))
        self.view.apply([Arrived(uids, (flags,) * count)])

    def vanish(self, places: list[int], _: object) -> None:
        uids = {uid for place in places for uid in list(self.truth)[place : place + 1]}
        for uid in uids:
            del self.truth[uid]
        self.view.apply([Vanished(tuple(sorted(uids)), 1)])

    def flags(self, place: int, flags: Flags) -> None:
        if (uid := self.pick(place)) is not None:
            self.modseq += 1
            self.truth[uid] = flags
            self.view.apply([FlagsChanged((uid,), (flags,), self.modseq)])

    def store(self, places: list[int], flags: Flags, silent: bool = False) -> None:
        uids = sorted({uid for place in places if (uid := self.pick(place)) is not None})
        self.modseq += 1
        self.truth.update(dict.fromkeys(uids, flags))
        self.view.stored([(uid, flags, self.modseq) for uid in uids], FlagOp.REPLACE, flags, silent)
        self.view.apply([FlagsChanged(tuple(uids), (flags,) * len(uids), self.modseq)])
        if silent:
            shown = " ".join(sorted(flags, key=lambda f: (f[0] != "\\", f)))
            self.client.flags.update(dict.fromkeys(uids, shown))

    def silent(self, places: list[int], flags: Flags) -> None:
        self.store(places, flags, silent=True)

    def tell(self, expunges: bool, _: object) -> None:
        before = list(self.client.messages)
        self.hear(told(self.view, expunges, uid=True))
        if not expunges:
            now = self.client.messages[: len(before)]
            assert all(old in (None, new) for old, new in zip(before, now, strict=True))

    def resync(self, _: object, __: object) -> None:
        self.view.resync(snapshot(self.truth, self.truth), {})

    def check(self) -> None:
        self.hear(told(self.view, True, uid=True))
        assert len(self.client.messages) == len(self.truth) == self.view.messages
        assert self.view.resolve(ALL) == list(self.truth)
        for number, (uid, flags) in enumerate(self.truth.items(), 1):
            assert self.client.messages[number - 1] in (None, uid)
            assert self.view.numbers([uid]) == [number]
            known = self.client.flags.get(uid)
            assert known is None or frozenset(known.replace(" \\Recent", "").replace("\\Recent", "").split()) == flags
        assert told(self.view) == ""


@given(st.integers(0, 6), STEPS)
@settings(max_examples=300, deadline=None)
def test_client_and_server_agree_after_everything_was_told(count: int, steps: list[tuple[str, object, object]]) -> None:
    world = World(count)
    for step, one, other in steps:
        getattr(world, step)(one, other)
    world.check()
