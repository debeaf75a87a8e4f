"""A large queue: how long a start takes, how much memory it needs, how long a full listing takes.

    python -m bench.queue_large [--messages N] [--domains N] [--tried SHARE] [--folder DIR]

Writes that many small messages as queue files, loads them in a process of its own as a server does, and lists them
with ``mailsuite queue``.  Prints seconds by the clock and of a processor, MiB of resident memory, and lines listed; of
100,000 messages also what start, memory and the full listing may be at most, and status 1 says that one is more.
Example: ``python -m bench.queue_large --messages 500000 --folder q``, which keeps the files in ``q``, and takes those
that are there already.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.figures.figure import Measured, judged
from bench.program import Arguments, end_in_order, share
from mailsuite.model import Address, Envelope, Pending, Recipient
from mailsuite.queue.file import Head, Places, State, encode_head, encode_state

#: Messages, their domains, the share that was tried before; what is promised of so many.
MESSAGES, DOMAINS, TRIED = 100_000, 1000, 0.5
START, MEMORY, LISTING = "start", "memory at most", "full listing"
PROMISED = {START: 5.0, MEMORY: 300.0, LISTING: 3.0}
UNITS = {START: "s", MEMORY: "MiB", LISTING: "s"}
MESSAGE = b"Received: by mail.example.org\nSubject: hello\nFrom: al@example.org\n\n" + b"some text in a line\n" * 40


def write(folder: str, messages: int, domains: int, tried: float) -> None:
    rng = random.Random(1)
    places = Places(folder)
    for each in (places.messages, places.state, places.tmp, places.corrupt):
        os.makedirs(each, exist_ok=True)
    now = time.time()
    for number in range(messages):
        id = f"m{number:09}"
        recipient = Recipient(Address(f"user{number}", f"domain{rng.randrange(domains)}.example.net"))
        envelope = Envelope(id, Address(f"sender{number % 500}", "example.org"), (recipient,), now - 3600)
        size = len(MESSAGE) + MESSAGE.count(b"\n")
        Path(places.messages, id).write_bytes(encode_head(Head(envelope, size)) + MESSAGE)
        if rng.random() < tried:
            words = "mx.example.net[192.0.2.1]:25 refused the connection"
            pending = (Pending(recipient, 3, "4.4.1", words, "mx.example.net", due=now + 1800),)
            Path(places.state, id).write_bytes(encode_state(State(pending, now + 1800, 3)))


class Loaded(msgspec.Struct, frozen=True):
    """What a start took, by the clock and of a processor; MiB of memory before and after."""

    messages: int
    seconds: float
    processor: float
    before: int
    memory: int


def serve(folder: str) -> None:
    """In a process of its own: load, tell how long that took, answer until standard input ends; then tell the most
    memory that it had."""
    from twisted.internet import reactor, stdio  # noqa: PLC0415
    from twisted.internet.protocol import Protocol  # noqa: PLC0415
    from twisted.python.failure import Failure  # noqa: PLC0415

    from mailsuite.disk.journal_disk import JournalDisk  # noqa: PLC0415
    from mailsuite.net.control import listen  # noqa: PLC0415
    from mailsuite.net.sessions import Overview  # noqa: PLC0415
    from mailsuite.offload import Offload  # noqa: PLC0415
    from mailsuite.queue.disk import DiskQueue  # noqa: PLC0415
    from mailsuite.testing.memory_store import MemoryStores  # noqa: PLC0415
    from mailsuite.testing.quotas import MemoryQuotas  # noqa: PLC0415

    disk = JournalDisk(Places(folder).journal)
    disk.open()
    offload = Offload(reactor)
    before = _memory()
    queue = DiskQueue(folder, disk, offload, reactor)
    began, used = time.perf_counter(), time.process_time()

    class End(Protocol):
        def connectionLost(self, reason: object = None) -> None:
            reactor.stop()

    def loaded(count: int) -> None:
        took, processor = time.perf_counter() - began, time.process_time() - used
        listen(Places(folder).control, queue, MemoryQuotas(MemoryStores()), lambda: Overview((), {}), reactor)
        print(msgspec.json.encode(Loaded(count, took, processor, before, _memory())).decode(), flush=True)
        stdio.StandardIO(End())

    def failed(failure: Failure) -> None:
        failure.printTraceback()
        reactor.stop()

    offload.start()
    reactor.callWhenRunning(lambda: queue.load().addCallback(loaded).addErrback(failed))
    reactor.run()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)
    offload.stop()
    disk.close()


def _memory() -> int:
    """Resident, in MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 2**20


def list_all(folder: str, tell: Callable[[str], None], *arguments: str) -> float:
    """Seconds."""
    start = "from mailsuite.cli.main import main; main()"
    command = [sys.executable, "-c", start, "queue", *arguments, "--queue", folder]
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=True)
    took, using = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = using.ru_utime + using.ru_stime - used.ru_utime - used.ru_stime
    lines = done.stdout.count(b"\n")
    tell(f"{'queue ' + ' '.join(arguments):<15} {took:.2f} s, {processor:.2f} s of a processor, {lines} lines")
    return took


def measure(folder: str, tell: Callable[[str], None] = print) -> Measured:
    """The server ends when its standard input does, whatever happens here."""
    command = [sys.executable, "-m", "bench.queue_large", "--serve", folder]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        if not (line := server.stdout.readline()):
            raise RuntimeError("the queue could not be loaded")
        own = msgspec.json.decode(line, type=Loaded)
        tell(f"start           {own.seconds:.2f} s, {own.processor:.2f} s of a processor, {own.messages} messages")
        tell(f"memory          {own.memory} MiB, {own.before} of them before")
        listing = list_all(folder, tell, "list")
        for arguments in (("list", "--json"), ("stats",), ("list", "--domain", "domain1.example.net")):
            list_all(folder, tell, *arguments)
        server.stdin.close()
        peak = int(server.stdout.read())
    tell(f"memory at most  {peak} MiB")
    return {START: own.seconds, MEMORY: peak, LISTING: listing}


def main() -> int:
    parser = Arguments(__doc__)
    parser.count("--messages", MESSAGES, "messages in the queue")
    parser.count("--domains", DOMAINS, "domains that they go to")
    words = "share of them that was tried before, 0 to 1 (%(default)s)"
    parser.add_argument("--tried", type=share, default=TRIED, metavar="SHARE", help=words)
    parser.add_argument("--folder", default="", metavar="DIR", help="keep the queue in DIR, or take the one there")
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return 0
    end_in_order()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or temporary
        if not os.path.isdir(Places(folder).messages):
            write(folder, given.messages, given.domains, given.tried)
        there = len(os.listdir(Places(folder).messages))
        measured = measure(folder)
    return judged(measured, UNITS, PROMISED) if there == MESSAGES else 0


if __name__ == "__main__":
    sys.exit(main())
