"""What a mail client waits for: steps over one connection, in the order in which clients take them.

In mail that came in through mailsuite (``imap``), and in a mailbox that no server has seen before (``found``)."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.figures.figure import Measured, Measurement, Wanted, in_turns
from bench.figures.mailbox import deliver, in_words, maildir
from bench.figures.rest import until_at_rest
from bench.figures.servers import Served, can_have, dovecot, ours
from mailsuite.store.catching_up import DELAY, QUIET

#: What Thunderbird asks for.
_FIELDS = (
    "BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups "
    "In-Reply-To Content-Type Reply-To)]"
)
#: Name of the figure -> command, timed once each in this order.
STEPS = {
    "SELECT, first": "SELECT INBOX",
    "SELECT": "SELECT INBOX",
    "flags of all": "UID FETCH 1:* (FLAGS)",
    "sizes of all, first": "UID FETCH 1:* (FLAGS RFC822.SIZE INTERNALDATE)",
    "envelopes of all, first": "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    "envelopes of all": "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    "header fields of all, first": f"UID FETCH 1:* (UID RFC822.SIZE FLAGS {_FIELDS})",
    "header fields of all": f"UID FETCH 1:* (UID RFC822.SIZE FLAGS {_FIELDS})",
    "structures of all, first": "FETCH 1:* (BODYSTRUCTURE)",
    "structures of all": "FETCH 1:* (BODYSTRUCTURE)",
    "bodies of all": "FETCH 1:* (BODY.PEEK[])",
    "search unseen": "UID SEARCH UNSEEN",
    "search subject, first": "UID SEARCH SUBJECT lantern",
    "search subject": "UID SEARCH SUBJECT lantern",
    "search bodies, first": 'UID SEARCH BODY "velvet window"',
    "search bodies": 'UID SEARCH BODY "velvet window"',
    "sort by date": "UID SORT (REVERSE DATE) UTF-8 ALL",
    "thread": "UID THREAD REFERENCES UTF-8 ALL",
    "flag all": "STORE 1:* +FLAGS.SILENT (\\Flagged)",
    "copy all": "COPY 1:* bench-copy",
}
#: Those that show what a server has to learn of mail that it has never seen.
FIRST = tuple(name for name in STEPS if name.endswith("first"))
#: Name of the figure -> its unit.
UNITS = dict.fromkeys((*STEPS, "flags back", "expunge all"), "s") | dict.fromkeys(
    ("single messages", "NOOP", "APPEND"), "/s"
)
#: Seconds after which mailsuite has begun at the latest to index, for searches, what came in.
BEHIND = DELAY + QUIET + 1.0
_LETTER = b"From: a@b.test\r\nSubject: kept\r\n\r\n" + b"0123456789abcdef" * 4 + b"\r\n" * 50


class Client:
    """Counts octets and knows when the tagged answer has come; nothing of an answer is kept but its end."""

    def __init__(self, served: Served) -> None:
        self._socket = socket.create_connection(("127.0.0.1", served.imap), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.recv(65536)
        self._number = 0
        self.ask(f"LOGIN {served.user} {served.password}")

    def ask(self, command: str, more: bytes = b"") -> bytes:
        """The end of its answer; RuntimeError if it is not OK."""
        self._number += 1
        tag = b"zQ%d " % self._number
        self._socket.sendall(tag + command.encode() + more + b"\r\n")
        tail = b""
        while True:
            data = self._socket.recv(1 << 20)
            if not data:
                raise RuntimeError(f"closed after {command}")
            tail = (tail + data)[-8192:]
            last = tail[tail.rfind(b"\r\n", 0, -2) + 2 :] if tail.count(b"\r\n") > 1 else tail
            if tail.endswith(b"\r\n") and last.startswith(tag):
                if not last.startswith(tag + b"OK"):
                    raise RuntimeError(f"{command[:60]}: {last[:200]!r}")
                return tail

    def timed(self, command: str) -> float:
        begun = time.perf_counter()
        self.ask(command)
        return time.perf_counter() - begun

    def exists(self) -> int:
        """Messages in INBOX."""
        found = re.search(rb"\* (\d+) EXISTS", self.ask("SELECT INBOX"))
        assert found is not None
        return int(found[1])


def steps(served: Served, count: int) -> Measured:
    """All of it once.  Before each the server is left until it rests."""
    client = Client(served)
    client.ask("CREATE bench-copy")
    measured = {name: _at_rest(served, client, command) for name, command in STEPS.items()}
    measured["flags back"] = _at_rest(served, client, "STORE 1:* -FLAGS.SILENT (\\Flagged)")
    some, appended = _singles(count), _appends(count)
    until_at_rest(served.pid)
    begun = time.perf_counter()
    for number in range(1, some + 1):
        client.ask(f"FETCH {number} (BODY.PEEK[])")
    measured["single messages"] = some / (time.perf_counter() - begun)
    begun = time.perf_counter()
    for _ in range(some):
        client.ask("NOOP")
    measured["NOOP"] = some / (time.perf_counter() - begun)
    begun = time.perf_counter()
    for _ in range(appended):
        client.ask("APPEND bench-copy", b" {%d+}\r\n" % len(_LETTER) + _LETTER)
    measured["APPEND"] = appended / (time.perf_counter() - begun)
    client.ask("SELECT bench-copy")
    client.ask("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    measured["expunge all"] = _at_rest(served, client, "EXPUNGE")
    return measured


def _at_rest(served: Served, client: Client, command: str) -> float:
    until_at_rest(served.pid)
    return client.timed(command)


def _singles(count: int) -> int:
    """Messages that are fetched one by one, and NOOPs."""
    return min(count, 1000)


def _appends(count: int) -> int:
    return _singles(count) // 4 + 1


def imap(wanted: Wanted) -> Measurement:
    """One connection to a mailbox of mail that came in through mailsuite, over SMTP, and that is indexed; Dovecot is
    given the same files. Before each step the servers are left until they rest. Nobody waits for a password here."""
    count = wanted.count(5000)
    with maildir(count) as corpus, tempfile.TemporaryDirectory(prefix="bench-delivered") as folder:
        workload = (
            f"{in_words(corpus)}; {_singles(count):,} single messages and as many NOOP, {_appends(count):,} APPEND of "
            f"{len(_LETTER)} octets"
        )
        files = Path(folder) / "Maildir"
        peer = (lambda: _theirs(files, count)) if can_have("dovecot") else None
        return Measurement(workload, in_turns(wanted.runs, UNITS, lambda: _ours(count, files), peer, "Dovecot"))


def _ours(count: int, files: Path) -> Measured:
    """And the files as they are before, for the other server."""
    with ours() as served:
        deliver(served, count)
        client = Client(served)
        client.exists()
        client.ask(f"STORE 1:{max(1, count * 7 // 10)} +FLAGS.SILENT (\\Seen)")
        client.ask("LOGOUT")
        time.sleep(BEHIND)
        until_at_rest(served.pid)
        shutil.rmtree(files, ignore_errors=True)
        for name in ("cur", "new", "tmp"):
            shutil.copytree(served.inbox / name, files / name)
        return steps(served, count)


def _theirs(files: Path, count: int) -> Measured:
    with dovecot(inbox=files) as served:
        return steps(served, count)


def found(wanted: Wanted) -> Measurement:
    """What is slow the first time, in a Maildir that another program left there and no server has seen before. Nobody
    waits, neither for a password nor for the index that mailsuite makes in the background."""
    count = wanted.count(5000)
    units = dict.fromkeys(FIRST, "s")
    with maildir(count) as corpus:
        peer = (lambda: _looked(dovecot, corpus)) if can_have("dovecot") else None
        figures = in_turns(wanted.runs, units, lambda: _looked(ours, corpus), peer, "Dovecot")
        return Measurement(in_words(corpus), figures)


def _looked(server: Callable[..., AbstractContextManager[Served]], corpus: Path) -> Measured:
    with server(inbox=corpus) as served:
        client = Client(served)
        return {name: client.timed(STEPS[name]) for name in FIRST}
