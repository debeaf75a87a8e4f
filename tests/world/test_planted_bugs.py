"""The world bites: bugs that a mail server may well have are found within the usual number of seeds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from mailsuite.disk.inotify import Moved
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.errors import MailError
from mailsuite.interfaces import IDisk, IPromise
from mailsuite.model import Delayed, Delivered, Status
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.unwritten import Unwritten
from mailsuite.routing import mx
from mailsuite.services.delivery import Delivery
from mailsuite.store.attention import Attention
from mailsuite.store.counters import Counters
from mailsuite.store.filename import read_base, split
from mailsuite.testing.world.run import run
from mailsuite.testing.world.seeds import NORMAL
from mailsuite.testing.world.town import Town

#: Changes the code, or the town.
Plant = Callable[[pytest.MonkeyPatch, Town], None]


def drop_an_fsync(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    """Deliveries are answered while the journal is in the kernel's memory."""
    for server in town.servers:
        server.ignored_syncs = "record_all file"


def answer_before_commit(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    commit = Delivery.commit

    def hasty(self: Delivery, *args: Any) -> Deferred[None]:
        commit(self, *args).addErrback(lambda failure: None)
        return succeed(None)

    monkeypatch.setattr(Delivery, "commit", hasty)


def settle_twice(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    """Some recipients that were served are taken for delayed, and served again."""
    settle = DiskQueue.settle

    def forgetful(self: DiskQueue, id: str, outcomes: Sequence[Any], *args: Any) -> Deferred[Any]:
        if id.endswith(("b", "c", "d")):
            id_seen = id in _once
            _once.add(id)
            if not id_seen:
                outcomes = [_again(outcome) for outcome in outcomes]
        return settle(self, id, outcomes, *args)

    _once: set[str] = set()
    monkeypatch.setattr(DiskQueue, "settle", forgetful)


def _again(outcome: Any) -> Any:
    return Delayed(outcome.recipient, Status(4, 0, 0), "again") if isinstance(outcome, Delivered) else outcome


def forget_the_own_mx_cut(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    monkeypatch.setattr(mx, "better_than", lambda domain, records, own: tuple(records))


def reuse_a_uid(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    """After a crash counting goes on above the messages that are there, so the UIDs of those that were removed come
    again.  No index, history or file name contradicts that: only who has seen the mailbox before can tell."""
    load = Counters.load

    def forgetful(disk: IDisk, path: str) -> Counters | None:
        counters = load(disk, path)
        if counters is not None and not counters.exact:
            names = [name for inside in ("new", "cur") for name in os.listdir(f"{os.path.dirname(path)}/{inside}")]
            highest = max((read_base(split(name)[0]).uid for name in names), default=0)
            counters = Counters(disk, path, counters.uidvalidity, highest + 1, counters.modseq, exact=False)
        return counters

    monkeypatch.setattr(Counters, "load", forgetful)


def be_deaf(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    """The kernel tells which names come and go, and nobody listens: who looks at a mailbox that is vouched for gets
    what is in memory."""
    told = Attention._told

    def told_less(self: Attention, event: Any) -> None:
        if not isinstance(event, Moved):
            told(self, event)

    monkeypatch.setattr(Attention, "_told", told_less)


def promise_what_is_not_recorded(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    """Files follow an answer, and what they are to be called is in memory only."""
    promise = JournalDisk.promise

    def hollow(self: JournalDisk, *args: Any) -> IPromise:
        append = self._journal.append
        with monkeypatch.context() as patched:
            patched.setattr(self._journal, "append", lambda units: append(()))
            return promise(self, *args)

    monkeypatch.setattr(JournalDisk, "promise", hollow)


def give_places_away(monkeypatch: pytest.MonkeyPatch, town: Town) -> None:
    """Messages were sent, which cannot be written down, and others take their places."""

    async def write(self: Unwritten, id: str, error: MailError) -> bool:
        return False

    monkeypatch.setattr(Unwritten, "write", write)


#: The invariant that each breaks, as it is told; docs/simulation.md has them all.
LOST = r"letter \d+ for \S+ is not with \S+, and its sender was not told"
DOUBLED = r"letter \d+ is \d+ times with \S+, and was sent \d+ times"
GIVEN_UP = r"letter \d+ for \S+ was given up without a reason"
UID_TWICE = (
    r"\S+: (UID \d+|UIDL \w+|\[.*\]) (names? two messages|(is|are) there again|is new, and UIDNEXT was \d+ before)"
)
UNTOLD = r"\S+: not told within \d+ s that .*"
UNDONE = rf"\S+: UID \d+ (has lost \[.*\]|is there again)|{DOUBLED}"
REPEATED = r"\d+ letters were sent again, and there were places for \d+"
BROKEN: dict[Plant, str] = {
    drop_an_fsync: LOST,
    answer_before_commit: LOST,
    settle_twice: DOUBLED,
    forget_the_own_mx_cut: GIVEN_UP,
    reuse_a_uid: UID_TWICE,
    be_deaf: UNTOLD,
    promise_what_is_not_recorded: UNDONE,
    give_places_away: REPEATED,
}


@pytest.mark.parametrize("plant", BROKEN, ids=lambda plant: plant.__name__)
def test_planted_bug_is_found(plant: Plant, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it does to mail and to who reads it, and by nothing else: not by an error in a log, nor by a plant that
    no longer fits the program."""
    for seed in range(NORMAL):
        with monkeypatch.context() as patched, TemporaryDirectory(dir=scratch) as folder:
            outcome = run(seed, folder, lambda town: plant(patched, town))
        if outcome.problems:
            assert [each for each in outcome.problems if not re.fullmatch(BROKEN[plant], each)] == [], outcome
            print(outcome)
            return
    pytest.fail(f"{NORMAL} seeds find nothing")
