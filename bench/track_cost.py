"""What ``mailsuite track`` costs a message that is received for one mailbox.

    python -m bench.track_cost [--messages N]

Prints microseconds of processor time a message: the reactor's share (telling) and the writing thread's share, apart.
A real file, and batches as a busy server has them.  Example: ``python -m bench.track_cost --messages 200000``.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bench.program import Arguments
from mailsuite.happenings import Accepted, Placed
from mailsuite.offload import Inline
from mailsuite.track.database import Database
from mailsuite.track.recorder import EVERY, Recorder

_P = ParamSpec("_P")
_T = TypeVar("_T")
HEADER = (
    b"Received: from a.example ([192.0.2.1])\r\n\tby mx.example with ESMTPS id 237t1k88f5lgdj1v;\r\n"
    + b"\tSat, 21 Nov 2026 15:00:00 +0000\r\nFrom: Ann <ann@else.example>\r\nTo: bob@here.example\r\n"
    + b"Subject: a message as they are\r\nDate: Sat, 21 Nov 2026 15:00:00 +0000\r\n"
    + b"Message-ID: <20261121.150000.12345@else.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
)
CHECKS = ("relay", "size", "loop", "quota", "sender", "rates")
A_SECOND = 3000


class Measured(Inline):
    """Adds up what the work given to threads takes."""

    spent = 0.0

    def run_in(self, lane: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Deferred[_T]:
        before = time.process_time()
        answer = super().run_in(lane, work, *args, **kwargs)
        self.spent += time.process_time() - before
        return answer


def receive(recorder: Recorder, clock: Clock, messages: int) -> None:
    """So many messages of two happenings each."""
    for number in range(messages):
        id = f"237t{number:012}"
        recorder.happened(
            Accepted(
                *(clock.seconds(), id, "ann@else.example", ("bob@here.example",), 4000, "192.0.2.1:40000"),
                *("smtp", "a.example", "TLSv1.3", "", HEADER, "", clock.seconds(), False, CHECKS),
            )
        )
        recorder.happened(Placed(clock.seconds(), id, "bob@here.example/INBOX", number))
        if number % A_SECOND == A_SECOND - 1:
            clock.advance(EVERY)
    recorder.close()


def measure(path: str, messages: int) -> None:
    clock, offload = Clock(), Measured()
    recorder = Recorder(Database(path, keep=1e9, size=1 << 40), clock, offload)
    began = time.process_time()
    receive(recorder, clock, messages)
    whole = time.process_time() - began
    with sqlite3.connect(path) as database:
        (rows,) = database.execute("SELECT count(*) FROM happenings").fetchone()
    if rows != 2 * messages:
        raise RuntimeError(f"{rows} rows were written of {messages} messages")
    print(f"reactor  {(whole - offload.spent) / messages * 1e6:6.1f} us a message")
    print(f"thread   {offload.spent / messages * 1e6:6.1f} us a message")


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 60_000, "messages that are received")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        measure(f"{folder}/track.sqlite", asked.messages)


if __name__ == "__main__":
    main()
