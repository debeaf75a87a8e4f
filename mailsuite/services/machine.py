"""What a server takes of the machine that it runs on, beside the reactor and the content of its files.

Threads, the disk, a process that helps, the kernel's word on what other programs do, chance, the wall clock.  In one
place, so that ``mailsuite.testing.world`` can run the same server on a machine that is simulated.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from mailsuite.config.interfaces import Interface, own_interfaces
from mailsuite.disk.findable import Examine
from mailsuite.disk.inotify import Inotify, Told
from mailsuite.disk.journal_disk import JournalDisk
from mailsuite.disk.placer_process import PlacerProcess
from mailsuite.disk.summary import Summarize
from mailsuite.interfaces import IPool
from mailsuite.offload import Offload
from mailsuite.store.amounts import USUAL, Amounts
from mailsuite.store.attention import Eyes


class Machine(msgspec.Struct, frozen=True):
    #: The threads.
    offload: IPool
    #: The disk with its journal in the folder of that name.
    disk: Callable[[str], JournalDisk]
    #: Renders files for the index, and reads what there is to find in them.
    summarize: Summarize
    examine: Examine
    #: What tells of other programs' changes.
    open_eyes: Callable[[Told], Eyes]
    #: Raises OSError where the system does not say.
    interfaces: Callable[[], Sequence[Interface]]
    #: A source of chance; no secrets are made of it.
    chance: Callable[[], random.Random]
    #: Epoch seconds by the clock that dates files.
    now: Callable[[], float]
    pid: Callable[[], int]
    #: What is too much to be done before an answer.
    amounts: Amounts = USUAL


def this_machine(reactor: Any, threads: int) -> Machine:
    """The real one.  Nothing is opened and no thread runs until the parts are opened."""
    placer = PlacerProcess(time.monotonic)
    return Machine(
        offload=Offload(reactor, threads),
        disk=lambda folder: JournalDisk(folder, placer=placer),
        summarize=placer.summarize,
        examine=placer.examine,
        open_eyes=lambda told: Inotify(reactor, told),
        interfaces=own_interfaces,
        chance=random.Random,
        now=time.time,
        pid=os.getpid,
    )
