"""Memory of a server while mail waits for a host that is dead.

    python -m bench.queue_waiting [--messages N] [--size OCTETS] [--recipients N]

A real server takes messages for one domain by SMTP (Postfix's ``smtp-source``, 20 sessions) whose host refuses every
connection.  Prints resident memory of the server and of its second process, in MiB, and what the server's was at most:
before, when all was accepted, when every message was tried, after ``mailsuite queue list``, and when every message was
tried again after ``mailsuite queue kick``.  Example: ``python -m bench.queue_waiting --messages 5000 --size 100000``.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from bench.abuse.memory import family
from bench.program import Arguments, end_in_order
from mailsuite.testing.instance import Instance, running


def memory(pid: int, what: str = "VmRSS") -> int:
    """In MiB."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def tell(when: str, pid: int, waiting: str) -> None:
    others = ", ".join(f"{memory(each)}" for each in family(pid) if each != pid)
    print(
        f"{when:<10} {memory(pid):4} MiB, at most {memory(pid, 'VmHWM'):4}, beside it {others}; {waiting}", flush=True
    )


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


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 50_000, "messages that wait")
    parser.size(2000, "octets of each")
    parser.count("--recipients", 1, "recipients of each")
    given = parser.parse_args()
    parser.needs("smtp-source", "Postfix")
    end_in_order()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        instance = Instance(Path(folder) / "server")
        instance.set("smarthost", "host", '"127.0.0.1"')
        instance.set("smarthost", "port", str(nobody.getsockname()[1]))
        instance.set("smarthost", "tls", '"none"')
        with running(instance):
            measure(instance, given)


def measure(instance: Instance, given: argparse.Namespace) -> None:
    tell("before", instance.pid, "nothing waits")
    began, since = time.monotonic(), time.time()
    ends = ["-f", "load@source.test", "-t", "u@dead.test", f"127.0.0.1:{instance.ports['smtp']}"]
    counts = ["-m", str(given.messages), "-l", str(given.size), "-r", str(given.recipients)]
    subprocess.run(["smtp-source", "-d", "-s", "20", *counts, *ends], check=True, stdout=subprocess.DEVNULL)
    tell("accepted", instance.pid, f"{given.messages / (time.monotonic() - began):.0f} messages a second")
    wait(instance, given.messages, since)
    tell("tried", instance.pid, f"{given.messages} wait")
    instance.command("queue", "list")
    tell("listed", instance.pid, f"{given.messages} wait")
    since = time.time()
    instance.command("queue", "kick")
    wait(instance, given.messages, since)
    tell("kicked", instance.pid, f"{given.messages} wait")


if __name__ == "__main__":
    main()
