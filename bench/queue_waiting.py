"""Memory of a server while mail waits for a host that is dead.

    python bench/queue_waiting.py [--messages 50000] [--size 2000] [--recipients 1] [--instance DIR]

A real server takes messages for one domain by SMTP (Postfix's ``smtp-source``, 20 sessions) whose host refuses every
connection.  Prints resident memory of the server and of its second process, in MiB: before, at most, and at the end,
when every message was tried.
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mailsuite.testing.instance import Instance, running


def memory(pid: int, what: str = "VmRSS") -> int:
    """In MiB."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def children(pid: int) -> list[int]:
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(word) for words in found for word in words]


def tell(when: str, pid: int, waiting: str) -> None:
    others = ", ".join(f"{memory(child)}" for child in children(pid))
    print(
        f"{when:<10} {memory(pid):4} MiB, at most {memory(pid, 'VmHWM'):4}, beside it {others}; {waiting}", flush=True
    )


def tried(instance: Instance) -> int:
    """Messages of which every attempt so far is written down."""
    return sum(1 for _ in (instance.folder / "queue/state").iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--recipients", type=int, default=1)
    given = parser.parse_args()
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
    began = time.monotonic()
    ends = ["-f", "load@source.test", "-t", "u@dead.test", f"127.0.0.1:{instance.ports['smtp']}"]
    counts = ["-m", str(given.messages), "-l", str(given.size), "-r", str(given.recipients)]
    subprocess.run(["smtp-source", "-d", "-s", "20", *counts, *ends], check=True, stdout=subprocess.DEVNULL)
    tell("accepted", instance.pid, f"{given.messages / (time.monotonic() - began):.0f} messages a second")
    instance.wait_until(lambda: tried(instance) >= given.messages, 300, "every message to be tried")
    tell("tried", instance.pid, f"{tried(instance)} wait")
    instance.command("queue", "list")
    tell("listed", instance.pid, f"{tried(instance)} wait")
    command = [sys.executable, "-c", "from mailsuite.cli.main import main; main()", "queue", "kick"]
    subprocess.run([*command, "--config", str(instance.config)], check=True)
    tell("kicked", instance.pid, f"{tried(instance)} wait")


if __name__ == "__main__":
    main()
