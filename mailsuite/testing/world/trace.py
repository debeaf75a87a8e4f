"""What happened in a world, line by line, and its digest: equal digests mean the same run."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable

from mailsuite.testing.world.clock import Timeline

#: Lines that are kept for whoever wants to know what led to a failure.
KEPT = 300


class Trace:
    """``note`` what happens; cheap enough for every segment of the network.  ``keep`` gets every line."""

    def __init__(self, timeline: Timeline, keep: Callable[[str], None] = lambda line: None) -> None:
        self._timeline = timeline
        self._start = timeline.now
        self._hash = hashlib.blake2b(digest_size=16)
        self._last: deque[str] = deque(maxlen=KEPT)
        self.count = 0
        self._keep = keep

    def note(self, who: str, what: str) -> None:
        line = f"{self._timeline.now - self._start:14.6f} {who}: {what}"
        self._hash.update(line.encode("utf-8", "backslashreplace") + b"\n")
        self._last.append(line)
        self.count += 1
        self._keep(line)

    def digest(self) -> str:
        return self._hash.hexdigest()

    def tail(self, lines: int = KEPT) -> str:
        return "\n".join(list(self._last)[-lines:])


class TraceFile:
    """Every line of a trace, in ``path``.  Raises OSError where that cannot be made; what cannot be written later harms
    nobody who is in the middle of something, and is in ``failed`` at the end."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - for its life
        self.failed: OSError | None = None
        self._writing = False
        self._then: Callable[[], None] | None = None

    def keep(self, line: str) -> None:
        self._writing = True
        self._try(self._file.write, line + "\n")
        self._writing = False
        if self._then is not None:
            self._then()

    def after_line(self, then: Callable[[], None]) -> None:
        """Call it now, or as soon as the line that a signal has interrupted is written."""
        if self._writing:
            self._then = then
        else:
            then()

    def close(self) -> None:
        self._try(self._file.close)

    def _try(self, write: Callable[..., object], *what: str) -> None:
        try:
            write(*what)
        except OSError as error:
            self.failed = self.failed or error
