"""A POP3 client that fetches everything, one message after the other."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from bench.figures.figure import Measured, Measurement, Wanted, in_turns
from bench.figures.mailbox import in_words, maildir
from bench.figures.servers import Served, can_have, dovecot, ours

FIRST, AGAIN = "first login and STAT", "login and STAT"


def pop3(wanted: Wanted) -> Measurement:
    """LOGIN and STAT, for the first time and again, UIDL, then RETR of all. At the first login mailsuite computes the
    argon2id hash of the password, which Dovecot has in clear."""
    units = {FIRST: "s", AGAIN: "s", "UIDL": "s", "RETR": "/s", "mail": "MB/s"}
    with maildir(wanted.count(3000)) as corpus:
        theirs = (lambda: _theirs(corpus)) if can_have("dovecot") else None
        return Measurement(in_words(corpus), in_turns(wanted.runs, units, lambda: _ours(corpus), theirs, "Dovecot"))


def _ours(corpus: Path) -> Measured:
    with ours(inbox=corpus) as served:
        return _drained(served)


def _theirs(corpus: Path) -> Measured:
    with dovecot(inbox=corpus) as served:
        return _drained(served)


def _drained(served: Served) -> Measured:
    """What is in a mailbox of files from elsewhere is found out at the first login, and known at all others."""
    with _connected(served) as client:
        first, _ = _logged_in(client, served)
        _ask(client, "QUIT", b"\r\n")
    with _connected(served) as client:
        again, count = _logged_in(client, served)
        begun = time.perf_counter()
        _ask(client, "UIDL", b"\r\n.\r\n")
        uidl = time.perf_counter() - begun
        begun, octets = time.perf_counter(), 0
        for number in range(1, count + 1):
            octets += len(_ask(client, f"RETR {number}", b"\r\n.\r\n"))
        took = time.perf_counter() - begun
        return {FIRST: first, AGAIN: again, "UIDL": uidl, "RETR": count / took, "mail": octets / took / 1e6}


def _connected(served: Served) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", served.pop3), 60)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.recv(512)
    return client


def _logged_in(client: socket.socket, served: Served) -> tuple[float, int]:
    """Seconds until we know how many messages there are, and that."""
    begun = time.perf_counter()
    _ask(client, f"USER {served.user}", b"\r\n")
    _ask(client, f"PASS {served.password}", b"\r\n")
    count = int(_ask(client, "STAT", b"\r\n").split()[1])
    return time.perf_counter() - begun, count


def _ask(client: socket.socket, command: str, end: bytes) -> bytes:
    """The answer; RuntimeError if it is not +OK."""
    client.sendall(command.encode() + b"\r\n")
    parts = [client.recv(1 << 20)]
    while not b"".join(parts[-2:]).endswith(end):
        parts.append(client.recv(1 << 20))
        if not parts[-1]:
            break
    answer = b"".join(parts)
    if not answer.startswith(b"+OK"):
        raise RuntimeError(f"{command}: {answer[:200]!r}")
    return answer
