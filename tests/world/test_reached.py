"""What the simulation is for happens in it: these parts of the program are reached, each more than once in some seeds.

A part that a world passes by is not tested by it, however many seeds hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from mailsuite.disk.inotify import Ended, Lost, Moved
from mailsuite.disk.promised import Promise
from mailsuite.queue.unwritten import Unwritten
from mailsuite.store import attention, changing
from mailsuite.store.attention import Attention
from mailsuite.store.behind import Behind
from mailsuite.store.folder import Folder
from mailsuite.testing.world.run import run
from mailsuite.testing.world.seeds import NORMAL

#: How often each is to be reached, and the seeds that are tried at most.
ENOUGH, SEEDS = 2, NORMAL // 4

#: Of a call: whether it counts, by what it gave and was given.
Counts = Callable[..., bool]
PARTS: dict[str, tuple[Any, str, Counts]] = {
    "a mailbox is selected from memory": (Folder, "snapshot_at_hand", lambda found, *_: found is not None),
    "a session is spared a look": (Attention, "nothing_new", lambda found, *_: found),
    "the kernel tells of a name": (Attention, "_told", lambda _, self, event: isinstance(event, Moved)),
    "the kernel has lost what it would tell": (Attention, "_told", lambda _, self, event: isinstance(event, Lost)),
    "the kernel tells that a watch ended": (Attention, "_told", lambda _, self, event: isinstance(event, Ended)),
    "what was told is our own work": (attention, "is_explained", lambda explained, *_: explained),
    "what was told is another program's": (attention, "is_explained", lambda explained, *_: not explained),
    "a mailbox is not watched meanwhile": (Attention, "_unwatch", lambda _, self, followed: followed.away > 0),
    "the kernel does not tell": (Attention, "_not_followed", lambda *_: True),
    "files follow an answer": (Promise, "keep", lambda *_: True),
    "several changes are behind": (Behind, "commit", lambda _, self, *rest: self.several),
    "a file that is behind was renamed by another": (Promise, "keep", lambda _, self, missed: bool(missed)),
    "several messages are removed in one step": (changing, "expunge", lambda gone, *_: len(gone) > 1),
    "a result cannot be written": (Unwritten, "write", lambda *_: True),
}


def test_every_part_is_reached(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: Counter[str] = Counter()
    for name, (owner, method, counts) in PARTS.items():
        monkeypatch.setattr(owner, method, _counted(getattr(owner, method), name, counts, reached))
    for seed in range(SEEDS):
        with TemporaryDirectory(dir=scratch) as folder:
            assert run(seed, folder).problems == ()
        if all(reached[name] >= ENOUGH for name in PARTS):
            return
    assert {name: reached[name] for name in PARTS if reached[name] < ENOUGH} == {}


def _counted(work: Callable[..., Any], name: str, counts: Counts, reached: Counter[str]) -> Callable[..., Any]:
    def counting(*args: Any, **more: Any) -> Any:
        found = work(*args, **more)
        reached[name] += counts(found, *args)
        return found

    return counting
