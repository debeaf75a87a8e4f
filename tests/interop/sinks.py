"""Postfix's smtp-sink: takes mail and does what it is told with it, on loopback addresses of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


class Sink:
    """At ``address:port``; what it takes is dumped into ``folder``, which every user must be able to reach."""

    def __init__(self, program: str, address: str, port: int, folder: Path) -> None:
        self.address = address
        self._program = program
        self._port = port
        self._folder = folder / address
        self._folder.mkdir()
        self._folder.chmod(0o777)

    @contextlib.contextmanager
    def running(self, *options: str) -> Iterator[Sink]:
        """With these options, until the end."""
        user = ("-u", "nobody") if os.geteuid() == 0 else ()
        command = [self._program, "-4", *user, *options, "-d", "%s.", f"{self.address}:{self._port}", "100"]
        process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self._until_it_listens(process)
            yield self
        finally:
            process.kill()
            process.communicate()

    def _until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        """Without a connection, which would count as one that it treats badly."""
        for _ in range(200):
            if process.poll() is not None:
                raise RuntimeError(process.communicate()[1].decode())
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.address, self._port))
                except OSError:
                    return
            time.sleep(0.02)
        raise TimeoutError(f"smtp-sink does not listen on {self.address}:{self._port}")

    @property
    def taken(self) -> list[bytes]:
        """The messages with the fields that it puts on top; of one that broke off, as much as came."""
        return [path.read_bytes() for path in self._folder.iterdir()]


def free_port(addresses: Sequence[str]) -> int:
    """One that is free at all of them."""
    for _ in range(100):
        with contextlib.ExitStack() as probes:
            first = probes.enter_context(socket.socket())
            first.bind((addresses[0], 0))
            port: int = first.getsockname()[1]
            try:
                for address in addresses[1:]:
                    probes.enter_context(socket.socket()).bind((address, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free at all addresses")
