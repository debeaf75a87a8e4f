"""What must hold of a server that starts after a power cut, given what was acknowledged before it.

A ``View`` is split into facts: a mailbox is there, a message is there with these flags, a recipient waits.  Facts that
the step under way does not change must hold as they were acknowledged; of those that it changes, each must be as before
the step or as after it, and for an atomic step all on the same side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec
from crash_world import EPOCH, Box, Seen, View

#: Why a step is partial: MODSEQ tells of what it did to names only, until it is done.
TWO_FILES = "known gap: letters in names and the list of further keywords are two files"
#: The same: the beginning of its unit may be there, and what is gone is not noted if the index is older than that.
IN_ORDER = "there is no journal"

Fact: TypeAlias = tuple[object, ...]


class Expectation(msgspec.Struct, frozen=True):
    """``told``: every view that a client had, the last is ``before``, the state all acknowledged steps have led to.
    ``after`` is what the step under way would have led to, or ``before`` if there was none; ``partial`` as in
    ``Step``.  ``shown``: the highest UID that a file name of a mailbox (its path) had before the cut."""

    told: tuple[View, ...]
    before: View
    after: View
    partial: str
    shown: Mapping[tuple[str, str], int]

    def told_with(self, view: View) -> tuple[View, ...]:
        """What clients know once they have seen ``view``."""
        return (view,) if self.partial in (TWO_FILES, IN_ORDER) else (*self.told, view)


def problems(expected: Expectation, found: View) -> list[str]:
    """In words, what is not as it must be."""
    return [
        *_facts(expected, found),
        *_conservation(expected, found),
        *_counters(expected, found),
        *_uids(expected, found),
        *_modseqs(expected, found),
        *_vanished(expected, found),
    ]


# -- the facts -----------------------------------------------------------------------------------------------------


def facts(view: View) -> dict[Fact, object]:
    """Name of a fact -> what is true of it."""
    found: dict[Fact, object] = {}
    for (account, name), box in view.boxes.items():
        found["mailbox", account, name] = True
        for uid, seen in box.messages.items():
            found["message", account, name, uid] = (seen.octets, seen.flags, round(seen.date))
    found |= {("name", *name): True for name in view.names}
    for id, waiting in view.queue.items():
        queued = waiting.queued
        found["queued", id] = (waiting.octets, queued.pending, queued.held, queued.attempts, _due(waiting.queued))
    return found


def _due(queued: object) -> object:
    """When a message that was tried is due; before that, always."""
    return queued.due if queued.attempts else 0  # type: ignore[attr-defined]


def _facts(expected: Expectation, found: View) -> Iterator[str]:
    before, after, now = facts(expected.before), facts(expected.after), facts(found)
    _rename_new(before, after, now, expected.before)
    sides = set()
    for fact in {**before, **after, **now}:
        was, becomes, value = before.get(fact), after.get(fact), now.get(fact)
        if value not in (was, becomes):
            if not expected.partial or not _between(was, value, becomes):
                yield f"{fact} is {_short(value)}, was {_short(was)}, was to become {_short(becomes)}"
        elif was != becomes:
            sides.add("before" if value == was else "after")
    if not expected.partial and len(sides) > 1:
        yield "half done: a part of one step is there, a part is not"


def _rename_new(before: dict[Fact, object], after: dict[Fact, object], now: dict[Fact, object], view: View) -> None:
    """A message that nobody was told of may be there under another UID, one that was not given out yet."""
    for fact in [fact for fact in now if fact[0] == "message" and fact not in before and fact not in after]:
        _, account, name, uid = fact
        box = view.boxes.get((account, name))  # type: ignore[arg-type]
        for other, value in after.items():
            wanted = other[:3] == fact[:3] and other not in before and other not in now and value == now[fact]
            if wanted and box and uid >= box.uidnext:  # type: ignore[operator]
                now[other] = now.pop(fact)
                break


def _between(was: object, value: object, becomes: object) -> bool:
    """Some of the flags are changed, nothing else."""
    if not (isinstance(was, tuple) and isinstance(value, tuple) and isinstance(becomes, tuple) and len(value) == 3):
        return False
    flags = [each[1] for each in (was, value, becomes)]
    same = was[0] == value[0] == becomes[0] and was[2] == value[2] == becomes[2]
    return same and flags[0] & flags[2] <= flags[1] <= flags[0] | flags[2]


def _short(value: object) -> str:
    return repr((value[0][-20:], *value[1:]) if isinstance(value, tuple) else value)[:700]


# -- whole-state rules ---------------------------------------------------------------------------------------------


def _conservation(expected: Expectation, found: View) -> Iterator[str]:
    """What is there before and after a step is there at any time between, in whatever mailbox."""
    now = _octets(found)
    for octets, count in (_octets(expected.before) & _octets(expected.after)).items():
        if now[octets] < count:
            yield f"a message is lost, or a copy of it: {octets[-60:]!r}"


def _octets(view: View) -> Counter[bytes]:
    counted = Counter(seen.octets for box in view.boxes.values() for seen in box.messages.values())
    counted.update(waiting.octets for waiting in view.queue.values())
    return counted


def _by_uidvalidity(view: View) -> dict[tuple[str, int], Box]:
    return {(account, box.uidvalidity): box for (account, _), box in view.boxes.items()}


def _counters(expected: Expectation, found: View) -> Iterator[str]:
    now = _by_uidvalidity(found)
    if len(now) < len(found.boxes):
        yield "two mailboxes of an account have one UIDVALIDITY"
    for view in expected.told:
        for (account, uidvalidity), box in _by_uidvalidity(view).items():
            there = now.get((account, uidvalidity))
            if there and there.uidnext < box.uidnext:
                yield f"UIDNEXT went back from {box.uidnext} to {there.uidnext}"
            if there and there.highestmodseq < box.highestmodseq:
                yield f"HIGHESTMODSEQ went back from {box.highestmodseq} to {there.highestmodseq}"
    for key, box in found.boxes.items():
        there = expected.after.boxes.get(key)
        if there and there.uidvalidity < EPOCH and box.uidvalidity != there.uidvalidity:
            yield f"UIDVALIDITY of {key}, which another server gave, changed to {box.uidvalidity}"
        told = [view.boxes[key].uidvalidity for view in (*expected.told, expected.after) if key in view.boxes]
        if key in expected.before.boxes and key in expected.after.boxes and box.uidvalidity not in told[-2:]:
            yield f"UIDVALIDITY of {key} changed from {told} to {box.uidvalidity}"
        if told and box.uidvalidity < min(told):
            yield f"UIDVALIDITY of {key} went back from {told} to {box.uidvalidity}"


def _uids(expected: Expectation, found: View) -> Iterator[str]:
    named: dict[tuple[str, int, int], bytes] = {}
    for view in (*expected.told, expected.after, found):
        for (account, uidvalidity), box in _by_uidvalidity(view).items():
            for uid, seen in box.messages.items():
                if named.setdefault((account, uidvalidity, uid), seen.octets) != seen.octets:
                    yield f"UID {uid} of {account} names two messages"
    for key, highest in expected.shown.items():
        there, was = found.boxes.get(key), expected.before.boxes.get(key)
        if there and was and there.uidvalidity == was.uidvalidity and there.uidnext <= highest:
            yield f"UIDNEXT of {key} is {there.uidnext}, but UID {highest} was given out"


def _modseqs(expected: Expectation, found: View) -> Iterator[str]:
    """A QRESYNC client (RFC 7162) that knows one of the told states hears of everything that is otherwise now."""
    now = _by_uidvalidity(found)
    for view in expected.told:
        for key, box in _by_uidvalidity(view).items():
            for uid, seen in now[key].messages.items() if key in now and expected.partial != TWO_FILES else ():
                if _news(box.messages.get(uid), seen) and seen.modseq <= box.highestmodseq:
                    yield f"UID {uid} changed, but MODSEQ {seen.modseq} is not above {box.highestmodseq}"
    for key, box in found.boxes.items():
        if any(seen.modseq > box.highestmodseq for seen in box.messages.values()):
            yield f"a MODSEQ in {key} is above HIGHESTMODSEQ"


def _vanished(expected: Expectation, found: View) -> Iterator[str]:
    """That client also hears of every message that is gone, and of none that is there."""
    now = _by_uidvalidity(found)
    for view in expected.told if expected.partial != IN_ORDER else ():
        for key, box in _by_uidvalidity(view).items():
            if key not in now or box.highestmodseq not in now[key].vanished:
                continue
            ranges = now[key].vanished[box.highestmodseq]
            told = {uid for low, high in ranges for uid in range(low, min(high, low + 5000) + 1)}
            if missed := box.messages.keys() - now[key].messages.keys() - told:
                yield f"UIDs {sorted(missed)} are gone since MODSEQ {box.highestmodseq}, which nobody is told"
            if wrong := told & now[key].messages.keys():
                yield f"UIDs {sorted(wrong)} are there, and said to be gone since MODSEQ {box.highestmodseq}"


def _news(known: Seen | None, seen: Seen) -> bool:
    return known is None or known.flags != seen.flags
