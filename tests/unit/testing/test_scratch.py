"""testing.scratch: a folder that goes, whatever ends whoever made it; and whether there is room for one."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailsuite.testing.scratch import in_memory, require_room, scratch_folder

MAKES_ONE = """
import sys, time
from pathlib import Path
from mailsuite.testing.scratch import scratch_folder
with scratch_folder("made-", sys.argv[1]) as folder:
    (folder / "deep" / "inside").mkdir(parents=True)
    print("made", flush=True)
    time.sleep(60)
"""


def test_it_is_there_and_goes(tmp_path: Path) -> None:
    with scratch_folder("some-", str(tmp_path)) as folder:
        (folder / "file").write_text("x")
        assert folder.name.startswith("some-")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
def test_it_goes_when_its_maker_is_killed(number: signal.Signals, tmp_path: Path) -> None:
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKES_ONE, str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    with maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == b"made\n"
        assert len(list(tmp_path.iterdir())) == 1
        os.killpg(maker.pid, number)
    end = time.monotonic() + 20
    while list(tmp_path.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_room_is_asked_for(tmp_path: Path) -> None:
    require_room(str(tmp_path), 1)
    with pytest.raises(OSError, match=r"MiB left, and 1099511627776 MiB are needed") as why:
        require_room(str(tmp_path), 1 << 60)
    assert why.value.errno == errno.ENOSPC
    assert os.path.isdir(in_memory())
