"""Memory of a server while mail waits for a host that is dead.

    python -m bench.queue_waiting [--messages N] [--size OCTETS] [--recipients N]

A real server takes messages for one domain by SMTP (Postfix's ``smtp-source``, 20 sessions) whose host refuses every
connection.  Prints resident memory of the server and of its second process, in MiB, what the server's was at most, and
what both have together (PSS): before, when all was accepted, when every message was tried, after ``mailsuite queue
list``, and when every message was tried again after ``mailsuite queue kick``.  Of 50,000 messages for one recipient
each it also says what the most may be, and status 1 says that it is more.  Example: ``python -m bench.queue_waiting
--messages 5000 --size 100000``.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.abuse.memory import family
from bench.figures.figure import Measured, judged
from bench.figures.sessions import shared
from bench.program import Arguments, end_in_order
from mailsuite.testing.instance import Instance, running

#: Messages, octets of each; what is promised of so many.
MESSAGES, OCTETS = 50_000, 2000
OWN, TOGETHER = "its own process", "all processes"
PROMISED = {OWN: 150.0, TOGETHER: 150.0}
UNITS = {OWN: "MiB", TOGETHER: "MiB"}


def memory(pid: int, what: str = "VmRSS") -> int:
    """In MiB."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


class Watch:
    """Tells of a server's memory, and keeps the most of all its processes together."""

    def __init__(self, pid: int, tell: Callable[[str], None]) -> None:
        self._pid = pid
        self._tell = tell
        self.together = 0.0

    def look(self, when: str, waiting: str) -> None:
        pid = self._pid
        others = ", ".join(f"{memory(each)}" for each in family(pid) if each != pid)
        together = shared(pid) / 2**20
        self.together = max(self.together, together)
        own = f"{memory(pid):4} MiB, at most {memory(pid, 'VmHWM'):4}, beside it {others}, together {together:.0f}"
        self._tell(f"{when:<10} {own}; {waiting}")


def wait(instance: Instance, messages: int, since: float) -> None:
    """Until of so many an attempt after ``since`` is written down."""
    tried: set[str] = set()

    def all_tried() -> bool:
        with os.scandir(instance.folder / "queue/state") as entries:
            for entry in entries:
                if entry.name not in tried and _is_newer(entry, since):
                    tried.add(entry.name)
        return len(tried) >= messages

    instance.wait_until(all_tried, 300, "every message to be tried")


def _is_newer(entry: os.DirEntry[str], since: float) -> bool:
    """False for one that is being written, which may be called otherwise at any moment."""
    try:
        return not entry.name.startswith(".") and entry.stat().st_mtime >= since
    except FileNotFoundError:
        return False


def measure(messages: int, size: int, recipients: int, tell: Callable[[str], None] = print) -> Measured:
    """The most that it held."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        instance = Instance(Path(folder) / "server")
        instance.set("smarthost", "host", '"127.0.0.1"')
        instance.set("smarthost", "port", str(nobody.getsockname()[1]))
        instance.set("smarthost", "tls", '"none"')
        with running(instance):
            watch = Watch(instance.pid, tell)
            watch.look("before", "nothing waits")
            since = time.time()
            speed = send(instance, messages, size, recipients)
            watch.look("accepted", f"{speed:.0f} messages a second")
            wait(instance, messages, since)
            watch.look("tried", f"{messages} wait")
            instance.command("queue", "list")
            watch.look("listed", f"{messages} wait")
            since = time.time()
            instance.command("queue", "kick")
            wait(instance, messages, since)
            watch.look("kicked", f"{messages} wait")
            return {OWN: memory(instance.pid, "VmHWM"), TOGETHER: watch.together}


def send(instance: Instance, messages: int, size: int, recipients: int) -> float:
    """Messages a second."""
    began = time.monotonic()
    ends = ["-f", "load@source.test", "-t", "u@dead.test", f"127.0.0.1:{instance.ports['smtp']}"]
    counts = ["-m", str(messages), "-l", str(size), "-r", str(recipients)]
    subprocess.run(["smtp-source", "-d", "-s", "20", *counts, *ends], check=True, stdout=subprocess.DEVNULL)
    return messages / (time.monotonic() - began)


def main() -> int:
    parser = Arguments(__doc__)
    parser.count("--messages", MESSAGES, "messages that wait")
    parser.size(OCTETS, "octets of each")
    parser.count("--recipients", 1, "recipients of each")
    given = parser.parse_args()
    parser.needs("smtp-source", "Postfix")
    end_in_order()
    measured = measure(given.messages, given.size, given.recipients)
    usual = (given.messages, given.recipients) == (MESSAGES, 1)
    return judged(measured, UNITS, PROMISED) if usual else 0


if __name__ == "__main__":
    sys.exit(main())
