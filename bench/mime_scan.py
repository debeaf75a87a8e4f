"""What it costs to index a message: ``mime.render.summary`` over a corpus, in microseconds a message.

    python bench/mime_scan.py CORPUS.py [COUNT]

``CORPUS.py`` is a module with ``messages(count)`` that yields (octets with LF line ends, date).
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time

from mailsuite.mime.header import select
from mailsuite.mime.lines import to_crlf
from mailsuite.mime.render import summary
from mailsuite.mime.search import Content
from mailsuite.query import Body

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


def corpus(path: str, count: int) -> list[bytes]:
    spec = importlib.util.spec_from_file_location("corpus", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path}: no Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [message for message, _ in module.messages(count)]


def main() -> None:
    messages = corpus(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
    wire = [to_crlf(message) for message in messages]
    headers = [message[: summary(message).header_size] for message in wire]
    print(f"{len(messages)} messages, {statistics.median(map(len, messages)):.0f} octets at the median")
    for name, work, inputs in (
        ("summary, LF", summary, messages),
        ("summary, CRLF", summary, wire),
        ("ten header fields", lambda block: select(block, FIELDS), headers),
        ("search in the body", lambda message: Content(message).holds(Body("zebra quarter")), messages),
    ):
        times = []
        for each in inputs:
            started = time.perf_counter()
            work(each)
            times.append((time.perf_counter() - started) * 1e6)
        times.sort()
        print(f"{name:20} median {statistics.median(times):8.1f} us   p99 {times[len(times) * 99 // 100]:8.1f} us")


if __name__ == "__main__":
    main()
