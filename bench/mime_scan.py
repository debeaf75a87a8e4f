"""What it costs to look into a message: to make its summary for the index, to pick header fields, to search its body.

    python -m bench.mime_scan [--messages N] [--maildir DIR]

Prints microseconds of processor time a message, the median and the 99th percentile.  The messages are those of
``mailsuite.testing.corpus``, or the files of a Maildir, which say more about real mail.
Example: ``python -m bench.mime_scan --maildir ~/Maildir --messages 5000``.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.program import Arguments, existing_folder
from mailsuite.mime.header import select
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.render import summary
from mailsuite.mime.search import content
from mailsuite.query import Body
from mailsuite.testing.corpus import messages

FIELDS = (
    b"from",
    b"to",
    b"cc",
    b"bcc",
    b"subject",
    b"date",
    b"message-id",
    b"references",
    b"in-reply-to",
    b"x-priority",
)


def stored(maildir: Path | None, count: int) -> list[bytes]:
    """Messages with LF line ends."""
    if maildir is None:
        return [message.replace(b"\r\n", b"\n") for message in messages(count)]
    files = (file for inside in ("cur", "new") for file in sorted((maildir / inside).glob("*")))
    return [file.read_bytes() for file in itertools.islice(files, count)]


def report(name: str, work: Callable[[bytes], object], inputs: Sequence[bytes]) -> None:
    times = []
    for each in inputs:
        started = time.process_time_ns()
        work(each)
        times.append((time.process_time_ns() - started) / 1000)
    times.sort()
    print(f"{name:20} median {statistics.median(times):8.1f} us   p99 {times[len(times) * 99 // 100]:8.1f} us")


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 1000, "messages at most")
    parser.add_argument("--maildir", type=existing_folder, metavar="DIR", help="take those of this Maildir")
    asked = parser.parse_args()
    lf = stored(asked.maildir, asked.messages)
    if not lf:
        parser.error(f"no messages in cur and new of {asked.maildir}")
    crlf = [to_crlf(message) for message in lf]
    headers = [message[: summary(message).header_size] for message in crlf]
    print(f"{len(lf)} messages, {statistics.median(map(len, lf)):.0f} octets at the median")
    report("summary, LF", summary, lf)
    report("summary, CRLF", summary, crlf)
    report("ten header fields", lambda block: select(block, FIELDS), headers)
    report("search in the body", lambda message: content(message).holds(Body("zebra quarter")), lf)


if __name__ == "__main__":
    main()
