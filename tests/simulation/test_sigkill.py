"""A real server under load, killed at random instants and started again: every message that got 250 or OK is there."""

from __future__ import annotations

import contextlib
import imaplib
import random
import re
import smtplib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import KILLS, SEEDS

from mailsuite.testing.instance import Instance

#: Seconds after which no further round begins, for each seed.
ENOUGH = 2.5 * KILLS
#: Octets of lines in a message: small ones, and some past what a draft keeps in memory.
SIZES = (200, 200, 3_000, 40_000, 1_500_000)
_TOKEN = re.compile(rb"^X-Token: (\S+)", re.MULTILINE)


def letter(token: str, size: int) -> bytes:
    """Ends in a line that says it is whole."""
    line = f"{token} ".encode() * (72 // len(token) + 1)
    body = (line + b"\r\n") * (size // len(line) + 1)
    return b"X-Token: %s\r\nSubject: load\r\n\r\n%sthe end of %s\r\n" % (token.encode(), body, token.encode())


class Load:
    """Threads that send until the server dies.  ``sizes``: by token, what was tried; ``answered``: what got its
    answer."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.sizes: dict[str, int] = {}
        self.answered: set[str] = set()
        self.surprises: list[Exception] = []
        self._round = 0

    def until(self, seconds: float) -> None:
        """Let three sessions send, kill the server after so many seconds, and wait for their end."""
        self._round += 1
        work = (self._smtp, self._smtp, self._append)
        threads = [threading.Thread(target=self._run, args=(each, n)) for n, each in enumerate(work)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.instance.kill()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "a client does not notice that the server is gone"

    def _run(self, work: Callable[[Callable[[], str]], None], number: int) -> None:
        rng = random.Random(f"{self._round} {number}")
        count = 0

        def next_token() -> str:
            nonlocal count
            count += 1
            token = f"r{self._round}s{number}n{count}"
            self.sizes[token] = rng.choice(SIZES)
            return token

        try:
            with contextlib.suppress(OSError, smtplib.SMTPServerDisconnected, imaplib.IMAP4.abort):
                work(next_token)
        except Exception as error:
            self.surprises.append(error)

    def _smtp(self, next_token: Callable[[], str]) -> None:
        with smtplib.SMTP("127.0.0.1", self.instance.ports["smtp"], timeout=20) as client:
            while True:
                token = next_token()
                client.sendmail("eve@c.test", [self.instance.account], letter(token, self.sizes[token]))
                self.answered.add(token)

    def _append(self, next_token: Callable[[], str]) -> None:
        with imaplib.IMAP4("127.0.0.1", self.instance.ports["imap"], timeout=20) as client:
            client.login(self.instance.account, self.instance.password)
            while True:
                token = next_token()
                answer = client.append("INBOX", "(\\Seen)", None, letter(token, self.sizes[token]))
                assert answer[0] == "OK", answer
                self.answered.add(token)


def stored(instance: Instance) -> dict[str, list[bytes]]:
    """Token -> the octets after the header of each copy, as they lie in the mailboxes."""
    found: dict[str, list[bytes]] = {}
    for path in instance.mail():
        head, _, body = path.read_bytes().partition(b"\n\n")
        token = _TOKEN.search(head)
        assert token is not None, f"torn: {path.name}"
        found.setdefault(token[1].decode(), []).append(body)
    return found


def shown(instance: Instance) -> list[bytes]:
    """What a client sees of INBOX: UIDs with their sizes."""
    with imaplib.IMAP4("127.0.0.1", instance.ports["imap"], timeout=60) as client:
        client.login(instance.account, instance.password)
        client.select("INBOX", readonly=True)
        answer, lines = client.uid("FETCH", "1:*", "(RFC822.SIZE)")
        assert answer == "OK"
        return [line for line in lines if line]


@pytest.mark.parametrize("seed", range(max(1, SEEDS // 2)))
def test_sigkill_under_load_loses_nothing_that_was_answered(
    seed: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(seed)
    instance = Instance(tmp_path / "i")
    load = Load(instance)
    end = time.monotonic() + ENOUGH
    kills = 0
    instance.start()
    try:
        while kills < KILLS and time.monotonic() < end:
            load.until(rng.uniform(0.05, 0.8))
            kills += 1
            instance.start()
        uids = [int(uid) for uid in re.findall(rb"UID (\d+)", b"\n".join(shown(instance)))]
    finally:
        instance.kill()
    assert not load.surprises
    found = stored(instance)
    assert not load.answered - found.keys(), f"lost after {kills} kills"
    torn = [
        token
        for token, bodies in found.items()
        if any(
            body != letter(token, load.sizes[token]).partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")
            for body in bodies
        )
    ]
    assert not torn
    assert len(uids) == len(set(uids)) == sum(map(len, found.values()))
    assert kills >= 2, "the machine is too slow to show anything"
    assert len(load.answered) > kills, "hardly any load"
    record_property("kills", kills)
    record_property("messages", len(load.answered))
