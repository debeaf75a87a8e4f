"""What happened in a world, line by line, and its digest: equal digests mean the same run."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from typing import TextIO

from mailsuite.testing.world.clock import Timeline

#: Lines that are kept for whoever wants to know what led to a failure.
KEPT = 300
#: Names a file that gets every line.
FILE = "MAILSUITE_WORLD_TRACE"


class Trace:
    """``note`` what happens; cheap enough for every segment of the network."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._start = timeline.now
        self._hash = hashlib.blake2b(digest_size=16)
        self._last: deque[str] = deque(maxlen=KEPT)
        self.count = 0
        path = os.environ.get(FILE, "")
        self._file: TextIO | None = open(path, "w", encoding="utf-8") if path else None  # noqa: SIM115 - for its life

    def note(self, who: str, what: str) -> None:
        line = f"{self._timeline.now - self._start:14.6f} {who}: {what}"
        self._hash.update(line.encode("utf-8", "backslashreplace") + b"\n")
        self._last.append(line)
        self.count += 1
        if self._file is not None:
            print(line, file=self._file)

    def digest(self) -> str:
        return self._hash.hexdigest()

    def tail(self, lines: int = KEPT) -> str:
        return "\n".join(list(self._last)[-lines:])

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
