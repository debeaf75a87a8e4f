"""A large queue in memory: so much for each message that 100,000 of them, and the process, stay below 300 MiB."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from twisted.internet.task import Clock

from bench.queue_large import MEMORY, MESSAGES, PROMISED, write
from mailsuite.disk.real import RealDisk
from mailsuite.offload import Inline
from mailsuite.queue.disk import DiskQueue
from mailsuite.testing.results import result_of

#: Loaded here; MiB of a process without any.
COUNT, EMPTY = 2000, 60


def test_what_a_queued_message_takes_in_memory_is_bounded(tmp_path: Path) -> None:
    write(str(tmp_path), COUNT, 100, 0.5)
    clock = Clock()
    clock.advance(1e9)
    queue = DiskQueue(str(tmp_path), RealDisk(), Inline(), clock)
    gc.collect()
    tracemalloc.start()
    try:
        assert result_of(queue.load()) == COUNT
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / COUNT < (PROMISED[MEMORY] - EMPTY) * 2**20 / MESSAGES
