"""A mailbox to read: the same Maildir for every server, of the same messages on every machine."""

from __future__ import annotations

import contextlib
import itertools
import os
import smtplib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures.servers import Served
from mailsuite.testing.corpus import messages

#: Messages of one SMTP connection: fewer than servers take.
A_CONNECTION = 500


@contextlib.contextmanager
def maildir(count: int) -> Iterator[Path]:
    """With so many messages in ``cur``, seven of ten of them read; names as Dovecot and Postfix write them."""
    with tempfile.TemporaryDirectory(prefix="bench-corpus") as folder:
        for name in ("cur", "new", "tmp"):
            (Path(folder) / name).mkdir()
        for number, message in enumerate(messages(count)):
            flags = "S" if number % 10 < 7 else ""
            path = Path(folder) / "cur" / f"{1_700_000_000 + number}.M{number}P1.corpus:2,{flags}"
            path.write_bytes(message.replace(b"\r\n", b"\n"))
        yield Path(folder)


def deliver(served: Served, count: int) -> None:
    """The same messages over SMTP, and they are in their places when this returns."""
    letters = messages(count)
    for _ in range(0, count, A_CONNECTION):
        with smtplib.SMTP("127.0.0.1", served.smtp, timeout=60) as client:
            for letter in itertools.islice(letters, A_CONNECTION):
                client.sendmail("sender@source.test", served.user, letter)
    while sum(len(os.listdir(served.inbox / name)) for name in ("cur", "new")) < count:
        time.sleep(0.1)


def in_words(folder: Path) -> str:
    """How many messages, and how large together."""
    sizes = [path.stat().st_size for path in (folder / "cur").iterdir()]
    return f"{len(sizes):,} messages, {sum(sizes) / 1e6:,.1f} MB in all, the largest {max(sizes) / 1e3:,.0f} KB"
