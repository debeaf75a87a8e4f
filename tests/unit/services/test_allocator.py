"""What threads needed for a while goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mailsuite.services.allocator import keep_little

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
