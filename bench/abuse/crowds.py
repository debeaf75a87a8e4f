"""Many at once: connections, and guesses at passwords."""

from __future__ import annotations

import contextlib
import threading
import time

from bench.abuse.case import Aim, abuse
from bench.abuse.peer import Imap, Peer, Smtp, still_open, wait_until_closed


def left_of(peers: list[Peer], most: int, seconds: float = 2.5) -> int:
    """How many are left as soon as the server has turned away the others; AssertionError if it does not."""
    end = time.monotonic() + seconds
    while (left := still_open(peers)) > most:
        assert time.monotonic() < end, f"{left} connections are let in"
        time.sleep(0.1)
    return left


@abuse("`limits.connections_per_address`; who is one too many hears why and is gone", connections=300)
def connection_flood(aim: Aim) -> str:
    """Thousands of connections from one address, left open; then thousands that are closed at once."""
    count = aim.sized(3000, 150)
    peers: list[Peer] = []
    for n in range(count):
        with contextlib.suppress(OSError):
            peers.append(Peer(aim.ports[("smtp", "imap", "pop3")[n % 3]], source="127.0.67.1"))
    admitted = left_of(peers, 100)
    took = wait_until_closed(peers, 30)
    for n in range(count):
        with contextlib.suppress(OSError):
            Peer(aim.ports[("smtp", "imap", "pop3")[n % 3]], source="127.0.67.2").close()
    return f"{admitted} of {count} were let in, all gone after {took:.0f} s more"


@abuse(
    "`limits.connections` of all; when it is reached, those who are silent make room (`net/guests.py`)",
    connections=1000,
)
def crowd_from_everywhere(aim: Aim) -> str:
    """Far more silent connections than there may be, from many addresses, again and again."""
    peers: list[Peer] = []
    for n in range(aim.sized(6000, 1500)):
        with contextlib.suppress(OSError):
            peers.append(Peer(aim.ports[("smtp", "imap", "pop3")[n % 3]], source=f"127.0.68.{n // 30 + 1}"))
        time.sleep(0.001)
    left = left_of(peers, 400)
    took = wait_until_closed(peers, 30)
    return f"of {len(peers)} {left} were left, all gone {took:.0f} s after the last"


@abuse(
    "`limits.login_failures`; each failure makes the next guess from the address, or for the name, wait longer",
    connections=80,
    octets=80 * 40,
)
def login_guessing(aim: Aim) -> str:
    """Guesses at the victim's password, side by side, from one address and from many."""
    results: list[int] = []

    def guess(source: str) -> None:
        done = 0
        with contextlib.suppress(OSError, TimeoutError), Imap(aim, source=source, patience=8) as peer:
            while answer := peer.ask(b"LOGIN %b wrong-%d" % (aim.victim.encode(), done)):
                if not answer.startswith(b"NO"):
                    break
                done += 1
        results.append(done)

    sources = ["127.0.80.1"] * 40 + [f"127.0.81.{n}" for n in range(1, 41)]
    threads = [threading.Thread(target=guess, args=(source,)) for source in sources]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    assert max(results) <= 5, results
    return f"{sum(results)} guesses were answered in {took:.0f} s on {len(sources)} connections"


@abuse("`limits.errors`, and a SASL answer is bounded like a command", octets=16 << 20)
def sasl_bombs(aim: Aim) -> str:
    """AUTH with megabytes of base64, with nothing, with SCRAM that asks for the impossible."""
    answers = []
    with Smtp(aim, "submission") as peer:
        peer.ask(b"EHLO evil.test")
        answers.append(peer.ask(b"AUTH PLAIN " + b"A" * (8 << 20)))
        answers.append(peer.ask(b"AUTH SCRAM-SHA-256 " + b"biwsbj14LHI9" + b"QUFB" * 400))
        answers.append(peer.ask(b"A" * 60_000))
        while len(answers) < 100 and (answer := peer.ask(b"AUTH PLAIN =")):
            answers.append(answer)
        assert answers[-1].startswith(b"421"), answers
    with Imap(aim) as peer:
        peer.send(b"t AUTHENTICATE PLAIN\r\n")
        peer.line()
        peer.send(b"A" * (8 << 20) + b"\r\n")
        answers.append(peer.tagged())
    assert all(answer.startswith((b"4", b"5", b"BAD", b"NO")) for answer in answers), answers
    return f"{len(answers)} refusals: " + ", ".join(answer[:20].decode() for answer in (*answers[:3], *answers[-2:]))
