"""A POP3 client that fetches everything, one message after the other."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from bench.figures.figure import Figure, Measured, Wanted, in_turns
from bench.figures.mailbox import maildir
from bench.figures.servers import Served, can_have, dovecot, ours


def pop3(wanted: Wanted) -> list[Figure]:
    """LOGIN and STAT, UIDL, then RETR of all."""
    units = {"login and STAT": "s", "UIDL": "s", "RETR": "/s", "mail": "MB/s"}
    with maildir(wanted.count(3000)) as corpus:
        theirs = (lambda: _theirs(corpus)) if can_have("dovecot") else None
        return in_turns(wanted.runs, units, lambda: _ours(corpus), theirs, "Dovecot")


def _ours(corpus: Path) -> Measured:
    with ours(inbox=corpus) as served:
        return _drained(served)


def _theirs(corpus: Path) -> Measured:
    with dovecot(inbox=corpus) as served:
        return _drained(served)


def _drained(served: Served) -> Measured:
    with socket.create_connection(("127.0.0.1", served.pop3), 60) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.recv(512)
        begun = time.perf_counter()
        _ask(client, f"USER {served.user}", b"\r\n")
        _ask(client, f"PASS {served.password}", b"\r\n")
        count = int(_ask(client, "STAT", b"\r\n").split()[1])
        measured = {"login and STAT": time.perf_counter() - begun}
        begun = time.perf_counter()
        _ask(client, "UIDL", b"\r\n.\r\n")
        measured["UIDL"] = time.perf_counter() - begun
        begun, octets = time.perf_counter(), 0
        for number in range(1, count + 1):
            octets += len(_ask(client, f"RETR {number}", b"\r\n.\r\n"))
        took = time.perf_counter() - begun
        return measured | {"RETR": count / took, "mail": octets / took / 1e6}


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
