"""1,000 connections at once: what a crowd that is idle or reads slowly costs those who send.

    python bench/smtp_crowd.py [--messages N] [--sessions N] [--crowd N] [--runs N]

Starts a server of its own in a temporary folder, as ``make run`` does, and sends with Postfix's smtp-source over
connections that are used again.  Runs with the crowd and without it take turns.  Half of the crowd has said EHLO and is
silent; the other half asks HELP again and again and reads one octet now and then, so that its answers pile up.
Prints messages a second, the share that is left with the crowd, and what the processes hold (PSS, MiB).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from mailsuite.testing.instance import Instance

MOST_FILES = 8192


def connect(port: int, small: bool) -> socket.socket:
    """Greeted; ``small``: with room for little that is not read yet."""
    one = socket.socket()
    if small:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    one.settimeout(30)
    one.connect(("127.0.0.1", port))
    assert one.recv(512).startswith(b"220"), "no banner"
    one.sendall(b"EHLO crowd.test\r\n")
    one.recv(4096)
    return one


class Crowd:
    """``count`` connections until ``leave``."""

    def __init__(self, port: int, count: int) -> None:
        self._open = [connect(port, small=bool(n % 2)) for n in range(count)]
        self._slow = self._open[1::2]
        self._leaving = threading.Event()
        self._busy = threading.Thread(target=self._read_slowly, daemon=True)
        self._busy.start()

    def _read_slowly(self) -> None:
        for one in self._slow:
            one.setblocking(False)
            with contextlib.suppress(OSError):
                one.send(b"HELP\r\n" * 90)
        while not self._leaving.wait(1.0):
            for one in self._slow:
                with contextlib.suppress(OSError):
                    one.recv(1)

    def leave(self) -> int:
        """How many were still there."""
        self._leaving.set()
        self._busy.join()
        left = sum(map(_is_open, self._open))
        for one in self._open:
            one.close()
        return left


def _is_open(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return one.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def send(port: int, recipient: str, messages: int, sessions: int) -> float:
    """Messages a second."""
    began = time.perf_counter()
    subprocess.run(
        ["smtp-source", "-d", "-s", str(sessions), "-m", str(messages), "-l", "4096",
         "-f", "load@source.test", "-t", recipient, f"127.0.0.1:{port}"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return messages / (time.perf_counter() - began)


def memory(pid: int) -> Iterator[tuple[int, float]]:
    """The process and its children, each with its share in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            yield pid, int(line.split()[1]) / 1024
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from memory(int(child))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=6000)
    arguments.add_argument("--sessions", type=int, default=500)
    arguments.add_argument("--crowd", type=int, default=500)
    arguments.add_argument("--runs", type=int, default=3)
    wanted = arguments.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as folder:
        server = Instance(Path(folder) / "server")
        most = str(2 * (wanted.sessions + wanted.crowd))
        server.set("limits", "connections", most)
        server.set("limits", "connections_per_address", most)
        server.start()
        try:
            measure(server, wanted.messages, wanted.sessions, wanted.crowd, wanted.runs)
        finally:
            server.stop()
            print(*(line for line in server.log().splitlines() if "Traceback" in line or "fault" in line), sep="\n")


def measure(server: Instance, messages: int, sessions: int, crowd: int, runs: int) -> None:
    port, alone, together = server.ports["smtp"], [], []
    send(port, server.account, messages // 4, sessions)
    for _ in range(runs):
        alone.append(send(port, server.account, messages, sessions))
        around = Crowd(port, crowd)
        together.append(send(port, server.account, messages, sessions))
        held = dict(memory(server.pid))
        stayed = around.leave()
        print(
            f"alone {alone[-1]:6.0f}/s   with {stayed} of {crowd} others still there {together[-1]:6.0f}/s   "
            + " + ".join(f"{mib:.0f}" for mib in held.values())
            + f" MiB, {os.getloadavg()[0]:.1f} load"
        )
    share = statistics.median(together) / statistics.median(alone)
    print(f"median {statistics.median(alone):.0f} and {statistics.median(together):.0f}: {share:.0%} is left")


if __name__ == "__main__":
    main()
