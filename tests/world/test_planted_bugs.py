"""The world bites: bugs that a mail server may well have are found within the usual number of seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from mailsuite.interfaces import IDisk
from mailsuite.model import Delayed, Delivered, Status
from mailsuite.queue.disk import DiskQueue
from mailsuite.routing import mx
from mailsuite.services.delivery import Delivery
from mailsuite.steps import Step
from mailsuite.store.counters import Counters
from mailsuite.testing.world.run import run
from mailsuite.testing.world.town import Town

#: Seeds of an ordinary ``make simulate``.
NORMAL = 200
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
    """What was given out is not noted before it is used."""

    def careless(self: Counters, uidnext: int, modseq: int, beside: Sequence[Step]) -> None:
        disk: IDisk = self._disk
        if beside:
            disk.commit(beside)

    monkeypatch.setattr(Counters, "_reserve", careless)


#: What is said when they are found.
WORDS: dict[Plant, str] = {
    drop_an_fsync: "and its sender was not told",
    answer_before_commit: "and its sender was not told",
    settle_twice: "times with",
    forget_the_own_mx_cut: "was given up without a reason",
    reuse_a_uid: "UNIQUE constraint failed: message.key",  # the index knows the UID already
}


@pytest.mark.parametrize("plant", WORDS, ids=lambda plant: plant.__name__)
def test_planted_bug_is_found(plant: Plant, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what it is: a plant that no longer fits the program would be noticed as well."""
    for seed in range(NORMAL):
        with monkeypatch.context() as patched, TemporaryDirectory(dir=scratch) as folder:
            outcome = run(seed, folder, lambda town: plant(patched, town))
        assert not [each for each in outcome.problems if "TypeError" in each or "AttributeError" in each], outcome
        if any(WORDS[plant] in each for each in outcome.problems):
            print(outcome)
            return
    pytest.fail(f"{NORMAL} seeds find nothing")
