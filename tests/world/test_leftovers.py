"""Nothing is left of a world that is over, and little of the mail that went through a server."""

from __future__ import annotations

import gc
import io
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mailsuite.net import imap_append
from mailsuite.services.running import Running
from mailsuite.smtp.server import ServerCore
from mailsuite.testing.world.leftovers import sweep
from mailsuite.testing.world.run import run
from mailsuite.testing.world.world import World

#: In which servers lose power: while a file is created, while clients are half open, while timers are moved.
SEEDS = (6, 9, 15, 44, 47)
#: Objects that may be there more than after the seed before: caches of modules.
FEW = 500


def test_nothing_piles_up_from_seed_to_seed(scratch: Path) -> None:
    """Memory, descriptors, threads."""
    worlds: list[weakref.ref[World]] = []
    counts: list[tuple[int, int]] = []
    objects: list[int] = []
    for number, seed in enumerate((SEEDS[0], *SEEDS)):  # the first one fills the caches
        (folder := scratch / str(number)).mkdir()
        run(seed, str(folder), lambda town: worlds.append(weakref.ref(town.world)))
        sweep()
        counts.append((len(os.listdir("/proc/self/fd")), threading.active_count()))
        objects.append(len(gc.get_objects()))
    assert [world() for world in worlds] == [None] * len(worlds)
    assert len(set(counts)) == 1, counts
    assert max(objects[1:]) - objects[0] < FEW, objects


def forget_a_file(monkeypatch: pytest.MonkeyPatch, kept: list[Any], folder: Path) -> None:
    stop = Running.stop

    async def forgetful(self: Running, *args: Any) -> None:
        kept.append((folder / "a.test" / "forgotten").open("w"))
        await stop(self, *args)

    monkeypatch.setattr(Running, "stop", forgetful)


def forget_a_task(monkeypatch: pytest.MonkeyPatch, kept: list[Any], folder: Path) -> None:
    stop = Running.stop

    async def forgetful(self: Running, *args: Any) -> None:
        kept.append(never := Deferred[None]())
        Deferred.fromCoroutine(imap_append._wait(never))
        await stop(self, *args)

    monkeypatch.setattr(Running, "stop", forgetful)


def keep_what_was_read(monkeypatch: pytest.MonkeyPatch, kept: list[Any], folder: Path) -> None:
    receive = ServerCore.receive

    def keeping(self: ServerCore, data: bytes) -> None:
        kept.extend([each] for each in data)
        receive(self, data)

    monkeypatch.setattr(ServerCore, "receive", keeping)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (forget_a_file, "an open file"),
        (forget_a_task, "a task in _wait"),
        (keep_what_was_read, "pieces of memory are kept"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_server_forgets_is_noticed(
    fault: Callable[..., None], words: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    fault(monkeypatch, kept, scratch)
    problems = run(0, str(scratch)).problems
    for each in kept:
        if isinstance(each, io.IOBase):
            each.close()
    assert problems
    assert all(words in each for each in problems), problems
