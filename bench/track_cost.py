"""What ``mailsuite track`` costs a message that is received for one mailbox: processor time in microseconds.

    python bench/track_cost.py [MESSAGES]

The reactor's share (telling) and the writing thread's share, apart; a real file, batches as a busy server has them.
"""

from __future__ import annotations

import sys
import tempfile
import time

from twisted.internet.task import Clock

from mailsuite.happenings import Accepted, Placed
from mailsuite.offload import Inline
from mailsuite.track.database import Database
from mailsuite.track.recorder import EVERY, Recorder

HEADER = (
    b"Received: from a.example ([192.0.2.1])\r\n\tby mx.example with ESMTPS id 237t1k88f5lgdj1v;\r\n"
    + b"\tSat, 21 Nov 2026 15:00:00 +0000\r\nFrom: Ann <ann@else.example>\r\nTo: bob@here.example\r\n"
    + b"Subject: a message as they are\r\nDate: Sat, 21 Nov 2026 15:00:00 +0000\r\n"
    + b"Message-ID: <20261121.150000.12345@else.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
)
A_SECOND = 3000


class Measured(Inline):
    """Adds up what the work given to threads takes."""

    spent = 0.0

    def run_in(self, lane, work, *args, **kwargs):
        before = time.process_time()
        answer = super().run_in(lane, work, *args, **kwargs)
        self.spent += time.process_time() - before
        return answer


def main(messages: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock, offload = Clock(), Measured()
        recorder = Recorder(Database(f"{folder}/track.sqlite", 1e9, 256 << 20), clock, offload)
        began = time.process_time()
        for number in range(messages):
            id = f"237t{number:012}"
            recorder.happened(
                Accepted(
                    *(clock.seconds(), id, "ann@else.example", ("bob@here.example",), 4000, "192.0.2.1:40000"),
                    *("smtp", "a.example", "TLSv1.3", "", HEADER),
                )
            )
            recorder.happened(Placed(clock.seconds(), id, "bob@here.example/INBOX", number))
            if number % A_SECOND == A_SECOND - 1:
                clock.advance(EVERY)
        recorder.close()
        whole = time.process_time() - began
    print(f"reactor  {(whole - offload.spent) / messages * 1e6:6.1f} us a message")
    print(f"thread   {offload.spent / messages * 1e6:6.1f} us a message")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60_000)
