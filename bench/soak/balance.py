"""The balance: where every message is when all is over, against what the ledger says."""

from __future__ import annotations

import imaplib
import re
from collections import Counter
from itertools import pairwise

import msgspec

from bench.soak.ledger import Entry, Ledger, Place
from mailsuite.queue.runner import RunnerSettings
from mailsuite.testing.instance import Instance

_AT_ONCE = 200
#: Messages that a killed server may send again to one host: as many as it has places for it.
PLACES = RunnerSettings().per_destination
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")


class Balance(msgspec.Struct, frozen=True):
    """``lost`` and ``wrong`` are to be empty.  Counts of messages at a place."""

    acknowledged: int
    unacknowledged: int
    there: int
    deleted: int
    relayed: int
    twice_at_sink: int
    repeated_after_kills: int
    lost: tuple[str, ...]
    wrong: tuple[str, ...]


def balance(instance: Instance, ledger: Ledger) -> Balance:
    """The server runs, and nobody else uses it."""
    found: Counter[tuple[str, Place]] = Counter()
    for place in (Place.IMAP, Place.POP3):
        found += _read_all(instance, ledger, place)
    lost, wrong = [], list(ledger.wrong)
    far = [entry for entry in ledger.entries.values() if entry.place is Place.FAR]
    for key, entry in ledger.entries.items():
        if entry.place is Place.FAR:
            copies, several = len(entry.reached), again_in_one_life(entry)
            needed = entry.answered
        else:
            copies, several = found[key], found[key] > 1
            needed = entry.answered and not entry.maybe_gone
        if needed and not copies:
            lost.append(f"{entry.token} for {entry.place.value}")
        if several:
            wrong.append(f"{entry.token} is {copies} times at {entry.place.value}")
    repeated = Counter(life for entry in far for life in lives_that_forgot(entry))
    wrong += [f"{n} messages were relayed again after one kill, not {PLACES}" for n in repeated.values() if n > PLACES]
    return Balance(
        acknowledged=sum(entry.answered for entry in ledger.entries.values()),
        unacknowledged=sum(not entry.answered for entry in ledger.entries.values()),
        there=sum(found.values()),
        deleted=sum(entry.gone for entry in ledger.entries.values()),
        relayed=sum(bool(entry.reached) for entry in far),
        twice_at_sink=sum(len(entry.reached) > 1 for entry in far),
        repeated_after_kills=repeated.total(),
        lost=tuple(lost),
        wrong=tuple(wrong),
    )


def again_in_one_life(entry: Entry) -> bool:
    """Whether a server that had its answer sent it again: nothing excuses that."""
    return any(one.life == another.life and not one.cut for one, another in pairwise(entry.reached))


def lives_that_forgot(entry: Entry) -> list[int]:
    """Those that ended, by a kill, with the sink's answer not on disk: the next sent it again."""
    return [one.life for one, another in pairwise(entry.reached) if one.life < another.life and not one.cut]


def _read_all(instance: Instance, ledger: Ledger, place: Place) -> Counter[tuple[str, Place]]:
    found: Counter[tuple[str, Place]] = Counter()
    with imaplib.IMAP4("127.0.0.1", instance.ports["imap"], 120) as client:
        client.login(f"{place.value}@{instance.domain}", instance.password)
        client.select("INBOX", readonly=True)
        uids = client.uid("SEARCH", "ALL")[1][0].split()
        for start in range(0, len(uids), _AT_ONCE):
            part = b",".join(uids[start : start + _AT_ONCE]).decode()
            for item in client.uid("FETCH", part, "(FLAGS BODY.PEEK[])")[1]:
                if isinstance(item, tuple):
                    _account(item[0], item[1], ledger, place, found)
    return found


def _account(head: bytes, octets: bytes, ledger: Ledger, place: Place, found: Counter[tuple[str, Place]]) -> None:
    entry = ledger.seen(octets, place)
    if entry is None:
        return
    found[entry.token, place] += 1
    flags = _FLAGS.search(head)
    if entry.flagged and (flags is None or b"\\Flagged" not in flags[1]):
        ledger.complain(f"{entry.token}: its flag is lost")


def queue_is_empty(instance: Instance) -> bool:
    """Nothing waits for other hosts."""
    return instance.command("queue", "list", "--json").stdout.strip() in ("[]", "")
