"""A file system that is small enough to be filled: a tmpfs, where this process may mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mailsuite.testing.children import signals_later

#: MiB it holds: at first, and for each minute, in which log, tracker and mailboxes grow.
SIZE, MORE = 512, 64


@contextlib.contextmanager
def small_disk(folder: Path, minutes: float) -> Iterator[str]:
    """``folder`` made, and a file system of its own if that can be; gives an empty text then, else why not."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        yield "only root can mount a small file system: no disk is filled"
        return
    size = f"{SIZE + round(MORE * minutes)}m"
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "soak", str(folder)]
    mounted = False
    try:
        with signals_later():
            done = subprocess.run(mount, capture_output=True, text=True, check=False, start_new_session=True)
            mounted = done.returncode == 0
        yield "" if mounted else f"no small file system can be mounted here ({done.stderr.strip()}): no disk is filled"
    finally:
        if mounted:
            # whoever was killed may not have ended yet; lazily: the file system goes when its last user does
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
