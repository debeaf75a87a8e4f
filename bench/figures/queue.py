"""A queue that is full: what a start and a look at it cost, and how much memory mail needs that cannot go anywhere."""

from __future__ import annotations

import tempfile

from bench import queue_large, queue_waiting
from bench.figures.figure import Figure, Measured, Measurement, Wanted, in_turns, promised
from bench.figures.smtp import require


def queue(wanted: Wanted) -> Measurement:
    """A queue of many messages, half of them tried before: seconds until a server that is started knows all of them,
    the memory of a process that does nothing else, and seconds that `mailsuite queue list` takes to list all."""
    count = wanted.count(queue_large.MESSAGES)
    with tempfile.TemporaryDirectory(prefix="bench-queue") as folder:
        queue_large.write(folder, count, queue_large.DOMAINS, queue_large.TRIED)

        def mine() -> Measured:
            return queue_large.measure(folder, lambda line: None)

        figures = in_turns(wanted.runs, queue_large.UNITS, mine, None, "")
    words = f"{count:,} messages to {queue_large.DOMAINS:,} domains"
    return Measurement(words, _judged(figures, wanted, queue_large.PROMISED))


def waiting(wanted: Wanted) -> Measurement:
    """Memory of a server while mail waits that it took for a domain whose host refuses every connection: the most from
    the first message until all were tried, listed, and tried again by `mailsuite queue kick`. First that of its own
    process at any moment, then that of all that belong to it (PSS) after each of these steps."""
    require("smtp-source")
    count = wanted.count(queue_waiting.MESSAGES)
    measured = queue_waiting.measure(count, queue_waiting.OCTETS, 1, lambda line: None)
    figures = in_turns(1, queue_waiting.UNITS, lambda: measured, None, "")
    words = f"{count:,} messages of {queue_waiting.OCTETS:,} octets"
    return Measurement(words, _judged(figures, wanted, queue_waiting.PROMISED), runs=1)


def _judged(figures: list[Figure], wanted: Wanted, most: dict[str, float]) -> list[Figure]:
    """What is promised is promised of the usual amount."""
    return promised(figures, most) if wanted.size == 1 else figures
