"""How much a server sends at once is what its file says: ``relay.at_once``, ``relay.per_destination``."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsuite.testing.dns import DNSServer
from mailsuite.testing.instance import Instance

DOMAINS = [f"d{number}.test" for number in range(6)]
ZONE = {name: {"MX": [f"10 mx.{name}"]} for name in DOMAINS} | {f"mx.{name}": {"A": ["127.0.0.1"]} for name in DOMAINS}


class SilentHost:
    """Takes connections and greets nobody, until it ends."""

    def __init__(self) -> None:
        self.taken: list[socket.socket] = []

    @contextlib.contextmanager
    def serve(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=self._take, args=(listening,))
            thread.start()
            try:
                yield listening.getsockname()[1]
            finally:
                listening.shutdown(socket.SHUT_RDWR)
                thread.join(10)
                for one in self.taken:
                    one.close()

    def _take(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.taken.append(listening.accept()[0])


@pytest.mark.parametrize(
    ("option", "recipients"),
    [
        ("at_once", [f"u@{name}" for name in DOMAINS]),
        ("per_destination", [f"u{number}@{DOMAINS[0]}" for number in range(6)]),
    ],
)
def test_no_more_is_sent_at_once_than_the_file_says(tmp_path: Path, option: str, recipients: list[str]) -> None:
    host = SilentHost()
    with host.serve() as port, DNSServer(ZONE) as dns:
        instance = Instance(tmp_path / "i")
        instance.route_by(dns.port, port)
        instance.set("relay", option, "2")
        instance.start()
        try:
            with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=20) as client:
                for one in recipients:
                    client.sendmail("al@a.test", [one], b"Subject: x\r\n\r\nx\r\n")
            instance.wait_until(lambda: len(host.taken) >= 2, 20, "two connections")
            for _ in range(2):  # of a command each, which takes longer than to connect
                assert instance.command("queue", "list").stdout.count("al@a.test") == len(recipients)
            assert len(host.taken) == 2
        finally:
            instance.kill()
