"""1,000 connections at once: what a crowd that is idle or reads slowly costs those who send.

    python -m bench.smtp_crowd [--messages N] [--sessions N] [--crowd N] [--runs N]

Starts a server of its own in a temporary folder, as ``make run`` does, and sends with Postfix's smtp-source over
connections that are used again.  Runs with the crowd and without it take turns.  Half of the crowd has said EHLO and is
silent; the other half asks HELP again and again and reads one octet now and then, so that its answers pile up.
Prints messages a second, the share that is left with the crowd, and what the processes hold (PSS, MiB).
Example: ``python -m bench.smtp_crowd --crowd 2000 --runs 1``.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from bench.figures.sessions import shared
from bench.program import Arguments, end_in_order
from mailsuite.testing.instance import Instance, running


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


def main() -> None:
    parser = Arguments(__doc__)
    parser.count("--messages", 6000, "messages of a run")
    parser.count("--sessions", 500, "connections that send")
    parser.count("--crowd", 500, "connections of the crowd")
    parser.count("--runs", 3, "runs with and without the crowd, of which the median counts")
    asked = parser.parse_args()
    parser.needs("smtp-source", "Postfix")
    end_in_order()
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = Instance(Path(folder) / "server")
        # A busy server has not noticed the end of every connection of the run before.
        most = str(2 * (asked.sessions + asked.crowd) + 100)
        server.set("limits", "connections", most)
        server.set("limits", "connections_per_address", most)
        with running(server):
            measure(server, asked.messages, asked.sessions, asked.crowd, asked.runs)
        if wrong := [line for line in server.log().splitlines() if "Traceback" in line or "fault" in line]:
            raise RuntimeError("the server's log: " + "; ".join(wrong[:5]))


def measure(server: Instance, messages: int, sessions: int, crowd: int, runs: int) -> None:
    port, alone, together = server.ports["smtp"], [], []
    send(port, server.account, messages // 4 + 1, sessions)
    for _ in range(runs):
        alone.append(send(port, server.account, messages, sessions))
        around = Crowd(port, crowd)
        together.append(send(port, server.account, messages, sessions))
        held = shared(server.pid) / 2**20
        stayed = around.leave()
        print(
            f"alone {alone[-1]:6.0f}/s   with {stayed} of {crowd} others still there {together[-1]:6.0f}/s   "
            f"{held:.0f} MiB, {os.getloadavg()[0]:.1f} load",
            flush=True,
        )
    share = statistics.median(together) / statistics.median(alone)
    print(f"median {statistics.median(alone):.0f} and {statistics.median(together):.0f}: {share:.0%} is left")


if __name__ == "__main__":
    main()
