"""What takes the place of clocks, chance and costs that are no arguments, while a world runs.

dnspython reads the wall clock and makes its own query numbers; argon2 takes 20 ms on purpose; ``mailsuite.disk`` uses
the module ``os`` (``simulated_disk``); SQLite has to know when a disk is full.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import argon2
import dns.asyncquery
import dns.asyncresolver
import dns.entropy
import dns.query
import dns.resolver

from mailsuite.directory import passwords
from mailsuite.testing.simulated_disk import Recorder, simulated
from mailsuite.testing.world.clock import Timeline
from mailsuite.testing.world.disks import Disks

#: As weak as argon2 lets it be.
_CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=16, salt_len=8)


@contextlib.contextmanager
def standing_in(timeline: Timeline, rng: random.Random, disks: Disks) -> Iterator[None]:
    """For as long as a world runs; one world at a time."""
    clock = SimpleNamespace(time=lambda: timeline.now)
    modules: list[Any] = [dns.resolver, dns.asyncresolver, dns.query, dns.asyncquery]
    changes = [
        *((module, "time", clock) for module in modules if hasattr(module, "time")),
        (dns.entropy, "random_16", lambda: rng.getrandbits(16)),
        (passwords, "_HASHER", _CHEAP),
        (sqlite3, "connect", disks.connect),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    for module, name, value in changes:
        setattr(module, name, value)
    try:
        with simulated(cast(Recorder, disks)):
            yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
