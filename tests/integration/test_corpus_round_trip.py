"""Thousands of messages in through SMTP, out through IMAP and POP3, unchanged but for the trace fields on top."""

from __future__ import annotations

import hashlib
import imaplib
import importlib.util
import os
import poplib
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailsuite.testing.corpus import messages
from mailsuite.testing.instance import Instance, running

COUNT = 3000
SESSIONS = 8


def corpus() -> list[bytes]:
    """Half our own corpus, half that of the program named by ``MAILSUITE_CORPUS`` (a Python file whose
    ``messages(count, seed)`` yields (octets, date)); all our own where there is none."""
    program = os.environ.get("MAILSUITE_CORPUS")
    if not program:
        return list(messages(COUNT))
    spec = importlib.util.spec_from_file_location("other_corpus", program)
    assert spec is not None
    assert spec.loader is not None
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    lines_ended = [text.replace(b"\n", b"\r\n") for text, _ in other.messages(COUNT // 2, 1)]
    return lines_ended + list(messages(COUNT - len(lines_ended)))


def digest(message: bytes) -> str:
    return hashlib.sha256(message).hexdigest()


def without_trace(message: bytes) -> bytes:
    """The message as it was sent: the Return-Path and Received that this server put on top are cut."""
    assert message.startswith(b"Return-Path: <load@source.test>\r\nReceived: from "), message[:200]
    at = message.index(b"\r\nReceived: ") + 2
    while True:
        at = message.index(b"\r\n", at) + 2
        if message[at : at + 1] not in b" \t":
            return message[at:]


def send(instance: Instance, part: list[bytes]) -> None:
    with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=60) as client:
        for message in part:
            client.sendmail("load@source.test", [instance.account], message, mail_options=["BODY=8BITMIME"])


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, Counter[str]]]:
    sent = corpus()
    with running(Instance(tmp_path_factory.mktemp("corpus") / "i")) as instance:
        senders = [threading.Thread(target=send, args=(instance, sent[n::SESSIONS])) for n in range(SESSIONS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        yield instance, Counter(map(digest, sent))


def test_imap_gives_back_what_smtp_took(filled: tuple[Instance, Counter[str]]) -> None:
    instance, sent = filled
    with imaplib.IMAP4("127.0.0.1", instance.ports["imap"]) as imap:
        imap.login(instance.account, instance.password)
        assert imap.select("INBOX", readonly=True)[1] == [str(COUNT).encode()]
        got: Counter[str] = Counter()
        for start in range(1, COUNT + 1, 250):
            _, data = imap.fetch(f"{start}:{min(start + 249, COUNT)}", "(RFC822.SIZE BODY.PEEK[])")
            for item in data:
                if isinstance(item, tuple):
                    assert f"RFC822.SIZE {len(item[1])} " in item[0].decode()
                    got[digest(without_trace(item[1]))] += 1
    assert got == sent


def test_pop3_gives_back_what_smtp_took(filled: tuple[Instance, Counter[str]]) -> None:
    instance, sent = filled
    pop = poplib.POP3("127.0.0.1", instance.ports["pop3"])
    try:
        pop.user(instance.account)
        pop.pass_(instance.password)
        got: Counter[str] = Counter()
        for number in range(1, pop.stat()[0] + 1):
            _, lines, octets = pop.retr(number)
            message = b"\r\n".join(lines) + b"\r\n"
            assert octets >= len(message)
            got[digest(without_trace(message))] += 1
        uidls = pop.uidl()[1]
    finally:
        pop.quit()
    assert got == sent
    assert len({line.split()[1] for line in uidls}) == COUNT


def test_each_message_is_one_plain_file(filled: tuple[Instance, Counter[str]]) -> None:
    instance, _ = filled
    maildir = next((instance.folder / "store").rglob("new")).parent
    files = [path for part in ("new", "cur") for path in Path(maildir / part).iterdir()]
    assert len(files) == COUNT
    for path in files[:100]:
        stored = path.read_bytes()
        assert b"\r" not in stored
        assert f",S={len(stored)}," in path.name
        assert path.stat().st_mode & 0o777 == 0o600
