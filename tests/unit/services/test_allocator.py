"""What threads needed for a while goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock

from mailsuite.services.allocator import EVERY, GivingBack, keep_little

#: Six threads check passwords, 19 MiB each; prints the octets that are resident afterwards.
_PROGRAM = """
import threading
from mailsuite.directory.passwords import hash_password
from mailsuite.services.allocator import keep_little
keep_little()
together = threading.Barrier(6)
def work():
    for _ in range(4):
        together.wait()
        hash_password("a password of some length")
threads = [threading.Thread(target=work) for _ in range(6)]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(int(open("/proc/self/statm").read().split()[1]) * 4096)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured with /proc")
def test_password_checks_leave_nothing_behind() -> None:
    if not keep_little():
        pytest.skip("another C library than glibc")
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True, text=True)
    assert int(done.stdout) < 60 * 1024 * 1024


#: Takes 64 MiB in pieces between which something stays, and frees all else; prints MiB that are resident then, and when
#: they were given back.
_BETWEEN = """
import ctypes
from mailsuite.services.allocator import give_back, keep_little
def resident():
    return int(open("/proc/self/statm").read().split()[1]) // 256
keep_little()
pieces = [b"x" * (64 << 10) for _ in range(1000)]
stay = pieces[9::10]
before = resident()
del pieces
print(before - resident(), give_back(), before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured with /proc")
def test_what_is_free_between_others_goes_back() -> None:
    if not keep_little():
        pytest.skip("another C library than glibc")
    done = subprocess.run([sys.executable, "-c", _BETWEEN], capture_output=True, check=True, text=True)
    kept, given, back = done.stdout.split()
    assert int(kept) < 10
    assert given == "True"
    assert int(back) > 40


def test_it_is_given_back_in_a_thread_from_start_to_stop() -> None:
    asked = []

    def run(work: Callable[[], bool]) -> Deferred[bool]:
        asked.append(work)
        return execute(work)

    clock = Clock()
    giving = GivingBack(clock, run)
    giving.stop()
    giving.start()
    clock.pump([EVERY] * 3)
    giving.stop()
    clock.pump([EVERY] * 3)
    assert len(asked) == 3
    assert clock.getDelayedCalls() == []
