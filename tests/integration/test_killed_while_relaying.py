"""SIGKILL, several times, while mail comes in and is relayed: all that was accepted arrives at the next host, and twice
only what was on its way there at that instant or had just arrived: for each kill, a message for each place at most.

``MAILSUITE_RELAYED`` messages and ``MAILSUITE_RELAY_KILLS`` make it larger or smaller.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import re
import smtplib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mailsuite.testing.dns import DNSServer
from mailsuite.testing.instance import Instance
from mailsuite.testing.peer import ScriptedPeer

COUNT = int(os.environ.get("MAILSUITE_RELAYED", "1000"))
KILLS = int(os.environ.get("MAILSUITE_RELAY_KILLS", "5"))
#: Connections to the next host at the same time, and those that bring mail.
PLACES, SENDERS = 8, 5
ZONE = {"b.test": {"MX": ["10 mx.b.test"]}, "mx.b.test": {"A": ["127.0.0.1"]}}
_TOKEN = re.compile(rb"^X-Token: (\d+)\r\n", re.MULTILINE)


def letter(token: int) -> bytes:
    """Some larger than others; it ends in a line that says it is whole."""
    return b"X-Token: %d\r\nSubject: load\r\n\r\n%sthe end of %d\r\n" % (token, b"text\r\n" * (token % 7 * 300), token)


class Load:
    """``SENDERS`` threads that send letters until there are no more or the server dies; ``answered`` got their 250."""

    def __init__(self, instance: Instance) -> None:
        self.answered: set[int] = set()
        self._instance = instance
        self._tokens: Iterator[int] = iter(range(COUNT))
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a client does not notice that the server is gone"

    def _send(self) -> None:
        port = self._instance.ports["smtp"]
        gone = contextlib.suppress(OSError, smtplib.SMTPServerDisconnected)
        with gone, smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            for token in self._tokens:
                client.sendmail("al@a.test", [f"u{token % 50}@b.test"], letter(token))
                self.answered.add(token)


def taken(peer: ScriptedPeer) -> list[int]:
    """Letters in the order in which they came; each was whole."""
    came = []
    for message in tuple(peer.messages):
        found = _TOKEN.search(message.octets)
        assert found is not None
        came.append(int(found[1]))
        assert message.octets.endswith(letter(came[-1]))
    return came


def repeated(came: Sequence[int], kills: Sequence[int]) -> list[int]:
    """How many letters came again because of each kill; ``kills`` are the numbers of letters that had come before."""
    counted = [0] * len(kills)
    lives: dict[int, int] = {}
    for index, token in enumerate(came):
        life = bisect.bisect_right(kills, index)
        before = lives.get(token)
        if before is not None:
            assert before < life, f"letter {token} came twice without a kill"
            counted[before] += 1
        lives[token] = life
    return counted


def test_all_that_was_accepted_arrives_and_little_of_it_twice(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    peer = ScriptedPeer()
    with peer.serve() as port, DNSServer(ZONE) as dns:
        instance, kills = Instance(tmp_path / "i"), list[int]()
        instance.route_by(dns.port, port)
        instance.set("relay", "per_destination", str(PLACES))
        load = Load(instance)
        try:
            for kill in range(1, KILLS + 1):
                instance.start()
                load.start()
                enough = COUNT * kill // (KILLS + 1)
                instance.wait_until(lambda enough=enough: len(peer.messages) >= enough, 60, f"{enough} to arrive")
                instance.kill()
                load.join()
                instance.wait_until(lambda: all(one.ended for one in peer.sessions), 10, "what was sent to be read")
                kills.append(len(peer.messages))
            instance.start()
            load.start()
            load.join()
            instance.wait_until(lambda: "is empty" in instance.command("queue", "list").stdout, 60, "the rest")
        finally:
            instance.kill()
    came = taken(peer)
    assert load.answered - set(came) == set(), "lost"
    assert len(load.answered) >= COUNT - KILLS * SENDERS
    again = repeated(came, kills)
    record_property("twice", again)
    # A place is another message's when the result of the one before is on disk.
    assert max(again) <= PLACES, f"came again after each kill: {again}"
