"""Messages a second: taken and delivered to one mailbox, taken and relayed.  Postfix's smtp-source sends, its smtp-sink
receives: both are C and cost little."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures.figure import LeftOut, Measured, Measurement, Wanted, in_turns
from bench.figures.servers import Served, can_have, ours, postfix
from mailsuite.testing.children import child
from mailsuite.testing.dns import DNSServer
from mailsuite.testing.foreign import free_port

SESSIONS, OCTETS = 20, 4096
#: Seconds for the last message to arrive.
LATEST = 60.0


def require(program: str) -> None:
    """``LeftOut`` if it is not installed."""
    if shutil.which(program) is None:
        raise LeftOut(f"{program} is not installed (Debian: postfix)")


def ingest(wanted: Wanted) -> Measurement:
    """From the first connection until the last message is in the Maildir, safe from a power cut: over connections that
    are used again, and with a connection for each message."""
    require("smtp-source")
    count = wanted.count(4000)

    def measured(served: Served) -> Measured:
        _send(served.smtp, "demo@demo.test", max(count // 10, 1), again=True)
        _until_there(served.inbox, max(count // 10, 1))
        return {
            "delivered, connections used again": _delivered(served, count, again=True),
            "delivered, a connection a message": _delivered(served, count, again=False),
        }

    def mine() -> Measured:
        with ours() as served:
            return measured(served)

    def theirs() -> Measured:
        with postfix() as served:
            return measured(served)

    units = dict.fromkeys(("delivered, connections used again", "delivered, a connection a message"), "/s")
    figures = in_turns(wanted.runs, units, mine, theirs if can_have("postfix") else None, "Postfix")
    return Measurement(f"{_workload(count)}, after {max(count // 10, 1):,} to warm up", figures)


def _workload(count: int) -> str:
    return f"{count:,} messages of {OCTETS:,} octets each way, over {SESSIONS} connections at a time"


def relay(wanted: Wanted) -> Measurement:
    """From the first connection until the last message has reached the next server: over connections that are used
    again, and with a connection for each message."""
    require("smtp-source")
    require("smtp-sink")
    count = wanted.count(3000)
    zone = {"far.test": {"MX": ["10 mx.far.test"]}, "mx.far.test": {"A": ["127.0.0.1"]}}

    def measured(served: Served, sink: Sink) -> Measured:
        return {
            "relayed, connections used again": _relayed(served, sink, count, again=True),
            "relayed, a connection a message": _relayed(served, sink, count, again=False),
        }

    def mine() -> Measured:
        with Sink() as sink, DNSServer(zone) as dns, ours(sink.port, dns.port) as served:
            return measured(served, sink)

    def theirs() -> Measured:
        with Sink() as sink, postfix(sink.port) as served:
            return measured(served, sink)

    units = dict.fromkeys(("relayed, connections used again", "relayed, a connection a message"), "/s")
    figures = in_turns(wanted.runs, units, mine, theirs if can_have("postfix") else None, "Postfix")
    return Measurement(_workload(count), figures)


def _relayed(served: Served, sink: Sink, count: int, again: bool) -> float:
    before, begun = sink.messages, time.perf_counter()
    _send(served.smtp, "u@far.test", count, again)
    sink.wait_for(before + count)
    return count / (time.perf_counter() - begun)


def _delivered(served: Served, count: int, again: bool) -> float:
    before, begun = _there(served.inbox), time.perf_counter()
    _send(served.smtp, "demo@demo.test", count, again)
    _until_there(served.inbox, before + count)
    return count / (time.perf_counter() - begun)


def _send(port: int, recipient: str, count: int, again: bool) -> None:
    program = ["smtp-source", *(["-d"] if again else []), "-s", str(SESSIONS), "-m", str(count), "-l", str(OCTETS)]
    order = [*program, "-f", "load@source.test", "-t", recipient, f"127.0.0.1:{port}"]
    subprocess.run(order, check=True, stdout=subprocess.DEVNULL)


def _there(inbox: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return len(os.listdir(inbox / "new"))
    return 0


def _until_there(inbox: Path, count: int) -> None:
    end = time.monotonic() + LATEST
    while (there := _there(inbox)) < count:
        if time.monotonic() > end:
            raise TimeoutError(f"{there} of {count} messages arrived")
        time.sleep(0.01)


class Sink:
    """smtp-sink, and how many messages it has got."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages = 0
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Sink:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = ["smtp-sink", "-c", *user, f"127.0.0.1:{self.port}", "1000"]
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        with self._open:  # closed by an exception here, and else by __exit__
            start = child(lambda: subprocess.Popen(command, stdout=pipe, stderr=both, start_new_session=True))
            self._process = self._open.enter_context(start)
            threading.Thread(target=self._count, daemon=True).start()
            time.sleep(0.3)
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _count(self) -> None:
        for number in self._numbers():
            self.messages = number

    def _numbers(self) -> Iterator[int]:
        assert self._process.stdout is not None
        left = b""
        while data := os.read(self._process.stdout.fileno(), 65536):
            left = (left + data)[-400:]
            if found := re.findall(rb"mesg=(\d+)", left):
                yield int(found[-1])

    def wait_for(self, count: int) -> None:
        end = time.monotonic() + LATEST
        while self.messages < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.messages} of {count} messages reached the sink")
            time.sleep(0.01)
