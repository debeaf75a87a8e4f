"""A program that needs a terminal, typed at as a person would: wait for what it shows, then press keys."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from types import TracebackType
from typing import Self


class Terminal:
    """``command`` on a pseudo terminal; ended at the end of the ``with`` block if it has not ended itself."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = ""
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", "LINES": "40", "COLUMNS": "120", **env},
        )
        os.close(theirs)

    def see(self, text: str, patience: float = 30) -> None:
        """Wait until ``text`` was shown since the last call."""
        end = time.monotonic() + patience
        while text not in self.shown:
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"{text!r} never came; shown: {self.shown[-2000:]!r}")
        self.shown = ""

    def _read(self, patience: float) -> bool:
        if not select.select([self._ours], [], [], patience)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux: the other end is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self, patience: float = 20) -> int:
        """Read on until the program has ended; its exit status."""
        stop = time.monotonic() + patience
        while self._process.poll() is None and time.monotonic() < stop:
            self._read(0.1)
        return self._process.wait(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        os.close(self._ours)
